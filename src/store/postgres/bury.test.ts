// A rescue skips what is being settled and leaves its claim; what is given back later goes by what was known at first.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, send } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Store } from "../contract.js";
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
