// Runs that hang together where transactions of several connections cross: each test holds one of them open at the moment that
// matters.
//
// Nobody may wait for ever, and nobody for a transaction of the application; each callback comes once, and not too early.
import type { Client } from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, send } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { eventually } from "../../../test/violence/processes.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Claimed, NewBatch, NewRun, Settlement, Store } from "../contract.js";
import { postgres } from "./index.js";
import { statements } from "./statements.js";
import { jsonText, plainList } from "./text.js";

let database: Database;
let store: Store;
let worker: string;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false });
  worker = await enter(store);
});
afterAll(async () => {
  expect(await brokenRules(database.url)).toEqual([]);
  for (const table of ["link", "over", "batch_change", "stray", "errand"])
    expect([table, await ask(database.url, `select * from duckdive.${table}`)]).toEqual([table, []]);
  await store.close();
  await database.drop();
});

/** The queue of callbacks, from which the worker does not draw. */
const told = "told";

async function claim(count: number): Promise<Claimed[]> {
  const claimed = await store.claim({ worker, queues: { "*": count, [told]: 0 }, abilities: [copy] });
  expect(claimed).toHaveLength(count);
  return claimed;
}

/** Runs that are running. */
async function running(count: number, fields: Partial<NewRun> = {}): Promise<Claimed[]> {
  await store.insert(Array.from({ length: count }, () => plainRun(newId(), fields)));
  return claim(count);
}

interface Told extends NewBatch {
  readonly onSuccess: NewRun;
  readonly onFinished: NewRun;
}

/** A batch whose runs are running. */
async function batchOf(count: number): Promise<{ batch: Told; runs: Claimed[] }> {
  const callback = (): NewRun => plainRun(newId(), { queue: told });
  const batch = { id: newId(), name: "import", onSuccess: callback(), onFinished: callback() };
  const runs = Array.from({ length: count }, () => plainRun(newId(), { batch: batch.id }));
  await store.insert(runs, [batch]);
  return { batch, runs: await claim(count) };
}

async function callbacksOf({ onSuccess, onFinished }: Told): Promise<number> {
  return (await store.find([onSuccess.id, onFinished.id])).filter((run) => run !== undefined).length;
}

const success = (run: Claimed): Settlement => ({ ...fenceOf(run), state: "succeeded", keep: 86_400_000 });
const failure = (run: Claimed): Settlement => ({ ...success(run), state: "failed" });

const stateOf = async (id: string): Promise<string | undefined> => (await store.find([id]))[0]?.state;

/** A transaction of the application, open. */
async function begin(): Promise<Client> {
  const client = await connect(database.url);
  await client.query("begin");
  return client;
}

function through(client: Client) {
  return {
    query: async (text: string, values: readonly (string | null)[]): Promise<Record<string, unknown>[]> =>
      (await client.query<Record<string, unknown>>(text, [...values])).rows,
  };
}

/** Settles over a connection of the test, without a commit. */
async function settleSlowly(settlement: Settlement): Promise<Client> {
  const client = await begin();
  const values = { items: jsonText([settlement]), done: "{}", now: null };
  const [row] = await send(client, statements.settle, values);
  expect(row?.[0]).toBe(`{${settlement.state}}`);
  return client;
}

/** What must be so in the end, by promotions alone, as workers make them. */
async function becomes(id: string, state: string): Promise<void> {
  await eventually(async () => {
    await store.promote(100);
    return (await stateOf(id)) === state;
  }, 5_000);
}

/** It takes as long as a call does that waits for nobody but is tried again a few times. */
async function soon<T>(call: Promise<T>): Promise<T> {
  const before = performance.now();
  const answer = await call;
  expect(performance.now() - before).toBeLessThan(3_000);
  return answer;
}

const clear = (...ids: string[]): Promise<boolean[]> => store.cancel(ids, "the test is over");

for (const [how, settlement, state] of [
  ["succeeds", success, "ready"],
  ["fails", failure, "failed"],
] as const) {
  test(`a run that ${how} while one is being recorded that comes after it waits for nobody, and is heard of`, async () => {
    const [first] = (await running(1)) as [Claimed];
    const last = newId();
    const application = await begin();
    await store.insertIn(through(application), [plainRun(last, { after: [first.run] })]);
    expect(await soon(store.settle([settlement(first)]))).toMatchObject([{ taken: true }]);
    expect(await stateOf(last)).toBeUndefined();
    await application.query("commit");
    expect(await stateOf(last)).toBe("waiting");
    await becomes(last, state);
    await clear(last);
  });
}

test("a run that is recorded by a transaction which is rolled back leaves nothing behind", async () => {
  const [first] = (await running(1)) as [Claimed];
  const application = await begin();
  await store.insertIn(through(application), [plainRun(newId(), { after: [first.run] })]);
  await application.query("rollback");
  await store.settle([success(first)]);
  const pairs = `select * from duckdive.dependency where needs = '${first.run}'`;
  expect(await ask(database.url, pairs)).toEqual([]);
});

test("a run that comes after one whose end is not committed yet is recorded at once, and let go by that commit", async () => {
  const [first] = (await running(1)) as [Claimed];
  const last = newId();
  const application = await begin();
  await store.settleIn(through(application), success(first), []);
  await soon(store.insert([plainRun(last, { after: [first.run] })]));
  await store.promote(100);
  expect(await stateOf(last)).toBe("waiting");
  await application.query("commit");
  await becomes(last, "ready");
  await clear(last);
});

test("an end in a transaction of the application lets go once that commits, and never when it rolls back", async () => {
  const [first] = (await running(1)) as [Claimed];
  const last = newId();
  await store.insert([plainRun(last, { after: [first.run] })]);
  const failing = await begin();
  await store.settleIn(through(failing), success(first), []);
  await failing.query("rollback");
  await store.promote(100);
  expect(await stateOf(last)).toBe("waiting");
  const application = await begin();
  const settlement = success(first);
  await store.settleIn(through(application), settlement, []);
  await application.query("commit");
  store.committed(settlement);
  await eventually(async () => (await stateOf(last)) === "ready", 5_000);
  await clear(last);
});

test("the last two that a run waits for end at once, and whoever is told second lets it go", async () => {
  const [one, other] = (await running(2)) as [Claimed, Claimed];
  const last = newId();
  await store.insert([plainRun(last, { after: [one.run, other.run] })]);
  await (await settleSlowly(success(one))).query("commit");
  const telling = await begin();
  await send(telling, statements.doFlow, { subjects: plainList([one.run]), limit: 100, now: null });
  expect(await soon(store.settle([success(other)]))).toMatchObject([{ taken: true }]);
  expect(await stateOf(last)).toBe("waiting");
  await telling.query("commit");
  await becomes(last, "ready");
  await clear(last);
});

test("a run that somebody has locked is let go when he is done, and those beside it at once", async () => {
  const [first] = (await running(1)) as [Claimed];
  const [held, free] = [newId(), newId()];
  await store.insert([plainRun(held, { after: [first.run] }), plainRun(free, { after: [first.run] })]);
  const holder = await begin();
  await holder.query("select 1 from duckdive.runs where id = $1 for update", [held]);
  await soon(store.settle([success(first)]));
  expect(await stateOf(free)).toBe("ready");
  expect(await stateOf(held)).toBe("waiting");
  await holder.query("commit");
  await becomes(held, "ready");
  await clear(held, free);
});

test("a run of which nobody knew at its claim that others come after it is told of all the same", async () => {
  const [first] = (await running(1)) as [Claimed];
  const last = newId();
  await store.insert([plainRun(last, { after: [first.run] })]);
  const client = await begin();
  const fence = [[first.run], [first.token], [first.claim ?? ""]].map(plainList);
  // As a worker of an older version settles it.
  await client.query("select duckdive.settle_plain($1, $2, $3, '{NULL}', '{86400000}', '{}', null)", fence);
  await client.query("commit");
  await becomes(last, "ready");
  await clear(last);
});

test("the last two runs of a batch end at once, and its callbacks are recorded once", async () => {
  const { batch, runs } = await batchOf(2);
  const [one, other] = runs as [Claimed, Claimed];
  const ending = await settleSlowly(success(one));
  await soon(store.settle([success(other)]));
  expect(await callbacksOf(batch)).toBe(0);
  await ending.query("commit");
  await becomes(batch.onFinished.id, "ready");
  expect(await store.batches([batch.id])).toMatchObject([{ total: 2, succeeded: 2 }]);
  const events =
    "select id from duckdive.runs where queue = 'told' union all select id from duckdive.history where queue = 'told'";
  expect(await ask(database.url, events)).toHaveLength(2);
  await clear(batch.onSuccess.id, batch.onFinished.id);
});

test("a batch that somebody adds up at this moment finishes when he is done", async () => {
  const { batch, runs } = await batchOf(2);
  const [one, other] = runs as [Claimed, Claimed];
  await (await settleSlowly(success(one))).query("commit");
  const adding = await begin();
  await send(adding, statements.doFlow, { subjects: plainList([batch.id]), limit: 100, now: null });
  await soon(store.settle([success(other)]));
  expect(await store.batches([batch.id])).toMatchObject([{ total: 2, succeeded: 2, finishedAt: undefined }]);
  await adding.query("commit");
  await becomes(batch.onSuccess.id, "ready");
  await clear(batch.onSuccess.id, batch.onFinished.id);
});

test("the last run of a batch ends in a transaction of the application, and is told of once that commits", async () => {
  const { batch, runs } = await batchOf(1);
  const [run] = runs as [Claimed];
  const failing = await begin();
  await store.settleIn(through(failing), success(run), []);
  await failing.query("rollback");
  await store.promote(100);
  expect(await callbacksOf(batch)).toBe(0);
  const application = await begin();
  const settlement = success(run);
  await store.settleIn(through(application), settlement, []);
  await store.promote(100);
  expect(await callbacksOf(batch)).toBe(0);
  await application.query("commit");
  store.committed(settlement);
  await eventually(async () => (await callbacksOf(batch)) === 2, 5_000);
  await clear(batch.onSuccess.id, batch.onFinished.id);
});

for (const end of ["commit", "rollback"] as const) {
  test(`a batch does not finish while a transaction of the application adds to it, which ends by a ${end}`, async () => {
    const { batch, runs } = await batchOf(1);
    const late = newId();
    const application = await begin();
    await store.insertIn(through(application), [plainRun(late, { batch: batch.id })]);
    await soon(store.settle(runs.map(success)));
    await store.promote(100);
    expect(await callbacksOf(batch)).toBe(0);
    await application.query(end);
    if (end === "commit") {
      await store.promote(100);
      expect(await callbacksOf(batch)).toBe(0);
      expect(await store.batches([batch.id])).toMatchObject([{ total: 2, succeeded: 1 }]);
      await store.settle((await claim(1)).map(success));
    }
    await becomes(batch.onFinished.id, "ready");
    await clear(batch.onSuccess.id, batch.onFinished.id);
  });
}

test("two processes that record and settle runs that hang together never wait in a circle, and lose nothing", async () => {
  const deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
  const other = postgres({ database: database.url, notify: false });
  onTestFinished(() => other.close());
  for (let time = 0; time < 8; time += 1) {
    const { batch, runs } = await batchOf(12);
    const ids = runs.map(({ run }) => run);
    const lasts = ids.map((_, place) =>
      plainRun(newId(), { after: [...ids.slice(place), ...ids.slice(0, place)].slice(0, 7) }),
    );
    await Promise.all(
      runs.flatMap((run, place) => [
        (place % 2 === 0 ? store : other).settle([success(run)]),
        (place % 2 === 0 ? other : store).insert([lasts[place] as NewRun]),
      ]),
    );
    for (const { id } of lasts) await becomes(id, "ready");
    await becomes(batch.onFinished.id, "ready");
    expect(await store.batches([batch.id])).toMatchObject([{ total: 12, succeeded: 12 }]);
    await clear(batch.onSuccess.id, batch.onFinished.id, ...lasts.map(({ id }) => id));
  }
  expect(await ask(database.superuserUrl, deadlocks)).toMatchObject([{ deadlocks: "0" }]);
}, 60_000);

test("children from before a run began anew end, and say nothing to a call of the same name", async () => {
  const [parent] = (await running(1)) as [Claimed];
  const call = { name: "call", kind: "child", state: "pending" } as const;
  const childOf = (): NewRun =>
    plainRun(newId(), { queue: told, parent: { run: parent.run, entry: "call", onEnd: "cancel" } });
  const [before, after] = [childOf(), childOf()];
  await store.record([{ ...fenceOf(parent), entries: [call], children: [before] }]);
  const holder = await begin();
  await holder.query("select 1 from duckdive.runs where id = $1 for update", [before.id]);
  await soon(
    store.settle([
      { ...fenceOf(parent), state: "ready", giveBack: true, restart: { input: "1", version: 1, times: 1 } },
    ]),
  );
  const [anew] = (await claim(1)) as [Claimed];
  await store.record([{ ...fenceOf(anew), entries: [call], children: [after] }]);
  await holder.query("commit");
  await becomes(before.id, "cancelled");
  await store.promote(100);
  expect(await stateOf(after.id)).toBe("ready");
  expect(await store.entries(parent.run)).toContainEqual(
    expect.objectContaining({ name: "call", state: "pending" }),
  );
  await store.settle([success(anew)]);
  await becomes(after.id, "cancelled");
});
