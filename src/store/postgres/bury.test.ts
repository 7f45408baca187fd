// A rescue skips what is being settled and leaves its claim; what is given back later goes by what was known at first.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../../test/engine.js";
import { ask } from "../../../test/postgres/ask.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, send } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Settlement, Store } from "../contract.js";
import { postgres } from "./index.js";
import { statements } from "./statements.js";
import { jsonText, plainList } from "./text.js";

let database: Database;
let store: Store;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false });
  await store.open();
});
afterAll(async () => {
  expect(await brokenRules(database.url)).toEqual([]);
  await store.close();
  await database.drop();
});

async function held(count: number) {
  const queue = newId();
  await store.insert(Array.from({ length: count }, () => plainRun(newId(), { queue })));
  const worker = await enter(store);
  return { worker, claimed: await store.claim({ worker, queues: { [queue]: count }, abilities: [copy] }) };
}

test.each([
  { who: "to blame", isGuilty: true },
  { who: "innocent", isGuilty: false },
])(
  "a run that was $who stays so when its settlement comes to nothing after the rescue",
  async ({ isGuilty }) => {
    const { worker, claimed } = await held(2);
    const [late, other] = claimed;
    if (late === undefined || other === undefined) throw new Error("Nothing was claimed.");
    const dying = await connect(database.url);
    await dying.query("begin");
    const items = jsonText([{ ...fenceOf(late), state: "failed", reason: "error", keep: 60_000 }]);
    await send(dying, statements.settle, { items, done: plainList([]), now: null });
    const death = { worker, cause: "killed by SIGKILL", culprits: [isGuilty ? late.run : other.run] };
    expect((await store.rescue([death])).map(({ run }) => run)).toEqual([other.run]);
    expect(await store.departed(1)).toMatchObject([{ id: worker, how: "lost", lost: 1, runs: [other.run] }]);
    await dying.query("rollback");
    const found = (await store.findLost()).filter((one) => one.worker === worker);
    expect(found).toEqual([{ worker, cause: "it had been taken out before" }]);
    expect(await store.rescue(found)).toMatchObject([{ run: late.run, cause: "killed by SIGKILL" }]);
    const crashes = isGuilty ? { attempt: 1, crashes: 1 } : { attempt: 0, crashes: 0 };
    expect(await store.find([late.run])).toMatchObject([{ state: "ready", ...crashes }]);
    const [gone] = await store.departed(1);
    expect(gone).toMatchObject({ id: worker, how: "lost", cause: "killed by SIGKILL", lost: 2 });
    expect(new Set(gone?.runs)).toEqual(new Set([late.run, other.run]));
  },
);

test("a run whose settlement commits after the rescue has ended by it, and nothing of it is given back", async () => {
  const { worker, claimed } = await held(1);
  const dying = await connect(database.url);
  await dying.query("begin");
  const items = jsonText(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded", keep: 60_000 })));
  await send(dying, statements.settle, { items, done: plainList([]), now: null });
  expect(await store.rescue([{ worker, cause: "killed by SIGKILL" }])).toEqual([]);
  await dying.query("commit");
  const found = (await store.findLost()).filter((one) => one.worker === worker);
  expect(await store.rescue(found)).toEqual([]);
  expect(await store.find(claimed.map(({ run }) => run))).toMatchObject([{ state: "succeeded", crashes: 0 }]);
  expect(await store.departed(1)).toMatchObject([{ id: worker, how: "lost", lost: 0, runs: [] }]);
  expect((await store.findLost()).filter((one) => one.worker === worker)).toEqual([]);
});

test("a worker of an older version, which names the dead and nothing else, rescues as before", async () => {
  const { worker, claimed } = await held(2);
  const rescued = await ask(database.url, "select run, attempt, state from duckdive.rescue($1, null)", [
    [worker, worker],
  ]);
  expect(new Set(rescued.map(({ run }) => run))).toEqual(new Set(claimed.map(({ run }) => run)));
  expect(await store.find(claimed.map(({ run }) => run))).toMatchObject([{ crashes: 1 }, { crashes: 1 }]);
  expect(await store.departed(1)).toMatchObject([{ id: worker, how: "lost", lost: 2 }]);
});

test("what an execution came to is still told from a worker that was lost, when a cause is known", async () => {
  const { worker, claimed } = await held(1);
  await store.rescue([{ worker, cause: "killed by SIGKILL" }]);
  const again = claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" as const }));
  expect(await store.settle(again)).toEqual([{ taken: false }]);
  const outcome = "select duckdive.outcome_of($1, $2, $3) as outcome";
  const [one] = claimed;
  expect(await ask(database.url, outcome, [one?.run, one?.token, worker])).toEqual([{ outcome: null }]);
});

describe("a claim that a crash of the database has undone, of a worker that died before it could say so", () => {
  const undone = "a crash of the database undid the claim";

  /** The worker holds these for all it knows, and the database is as if they had not been handed out. */
  async function heldInVain(count: number) {
    const { worker, claimed } = await held(count);
    await ask(database.url, "delete from duckdive.claims where worker = $1", [worker]);
    const lanes = "select id from duckdive.lane where queue = $1";
    const undo = `update duckdive.lane_state set cx = '0', cs = -1, pend = '{}', after = '{}' where lane in (${lanes})`;
    await ask(database.url, undo, [claimed[0]?.queue]);
    const executing = claimed.map(({ run, token, attempt }) => ({ run, token, attempt }));
    return { worker, claimed, executing };
  }

  const lossesOf = async (run: string) =>
    (await store.timeline(run)).events.filter(({ kind }) => kind === "lost").map(({ detail }) => detail);

  test("is written down by whoever hears what it was executing, once, however many hear of it at once", async () => {
    const { worker, executing } = await heldInVain(3);
    const death = { worker, cause: "killed by SIGKILL", executing };
    const second = postgres({ database: database.url, notify: false });
    await Promise.all([store.rescue([death]), second.rescue([death]), store.rescue([death])]);
    await second.close();
    for (const { run } of executing) expect(await lossesOf(run)).toEqual([{ worker, cause: undone }]);
  });

  test("is not written down where it was lost with its worker, or is held by it still", async () => {
    const { worker, claimed } = await held(2);
    const [late, other] = claimed;
    if (late === undefined || other === undefined) throw new Error("Nothing was claimed.");
    const dying = await connect(database.url);
    await dying.query("begin");
    const items = jsonText([{ ...fenceOf(late), state: "failed", reason: "error", keep: 60_000 }]);
    await send(dying, statements.settle, { items, done: plainList([]), now: null });
    const executing = claimed.map(({ run, token, attempt }) => ({ run, token, attempt }));
    await store.rescue([{ worker, cause: "killed by SIGKILL", executing }]);
    await dying.query("rollback");
    expect(await lossesOf(late.run)).toEqual([]);
    expect(await lossesOf(other.run)).toEqual([{ worker, cause: "killed by SIGKILL" }]);
    await store.rescue((await store.findLost()).filter((one) => one.worker === worker));
    expect(await lossesOf(late.run)).toEqual([{ worker, cause: "killed by SIGKILL" }]);
  });

  test.each(["succeeded", "failed", "cancelled", "snoozed"] as const)(
    "is not written down of an execution that has %s since it was seen",
    async (how) => {
      const { worker, claimed } = await held(1);
      const settlements = claimed.map((one): Settlement => {
        const fence = fenceOf(one);
        if (how === "snoozed")
          return { ...fence, state: "ready", due: { after: 60_000 }, events: [{ kind: "snoozed" }] };
        return { ...fence, state: how, keep: 60_000, ...(how === "succeeded" ? {} : { reason: "error" }) };
      });
      expect(await store.settle(settlements)).toMatchObject([{ taken: true }]);
      const executing = claimed.map(({ run, token, attempt }) => ({ run, token, attempt }));
      await store.rescue([{ worker, cause: "killed by SIGKILL", executing }]);
      for (const { run } of executing) expect(await lossesOf(run)).toEqual([]);
    },
  );

  test("is not written down of an execution that was suspended since it was seen", async () => {
    const { worker, claimed } = await held(2);
    const [resting, over] = claimed;
    if (resting === undefined || over === undefined) throw new Error("Nothing was claimed.");
    const sleep = { name: "night", kind: "sleep", state: "pending", due: { after: 60_000 } } as const;
    await store.record(claimed.map((one) => ({ ...fenceOf(one), entries: [sleep] })));
    const waiting = { reason: "entries", on: '["night"]' } as const;
    await store.settle(
      claimed.map((one) => ({ ...fenceOf(one), state: "waiting", waiting, giveBack: true })),
    );
    await store.cancel([over.run], "no longer wanted");
    const executing = claimed.map(({ run, token, attempt }) => ({ run, token, attempt }));
    await store.rescue([{ worker, cause: "killed by SIGKILL", executing }]);
    for (const { run } of executing) expect(await lossesOf(run)).toEqual([]);
  });

  test("is written down although another worker has the run by now, under the same token", async () => {
    const { worker, claimed, executing } = await heldInVain(1);
    const heir = await enter(store);
    const queues = Object.fromEntries(claimed.map(({ queue }) => [queue, 1]));
    const again = await store.claim({ worker: heir, queues, abilities: [copy] });
    expect(again.map(({ run }) => run)).toEqual(claimed.map(({ run }) => run));
    await store.rescue([{ worker, cause: "killed by SIGKILL", executing }]);
    for (const { run } of claimed) {
      expect(await lossesOf(run)).toEqual([{ worker, cause: undone }]);
      expect(await store.find([run])).toMatchObject([{ state: "running", worker: heir, crashes: 0 }]);
    }
  });

  test("is nothing to speak of for a run that is gone altogether", async () => {
    const worker = await enter(store);
    const executing = [{ run: newId(), token: 1, attempt: 1 }];
    expect(await store.rescue([{ worker, cause: "killed by SIGKILL", executing }])).toEqual([]);
  });

  test("is written once when two that hold it find it out at the same moment", async () => {
    const { worker, claimed } = await heldInVain(2);
    const losses = claimed.map((one) => ({ ...one, worker, isSure: true }));
    const first = await connect(database.url);
    await first.query("begin");
    const values = { items: jsonText(losses), now: null };
    await send(first, statements.writeLost, values);
    const second = await connect(database.url);
    const waiting = send(second, statements.writeLost, values);
    await until(async () => {
      const waits = "select 1 from pg_locks where locktype = 'advisory' and not granted";
      return (await ask(database.url, waits)).length > 0;
    });
    await first.query("commit");
    await waiting;
    for (const { run } of claimed) expect(await lossesOf(run)).toHaveLength(1);
  });
});
