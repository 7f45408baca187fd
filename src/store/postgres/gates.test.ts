// Gates where only PostgreSQL can go wrong: several sessions at once, each with a snapshot of its own, and crashes between
// a settlement and the handing over behind it. What two sessions do is interleaved by hand.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { pagesOf } from "../../../test/postgres/buffers.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, recordIn, send } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Claimed, Gate, Store } from "../contract.js";
import { postgres } from "./index.js";
import { statements } from "./statements.js";
import { plainList } from "./text.js";

let database: Database;
let store: Store;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false });
  await store.open();
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

const abilities = JSON.stringify([copy]);
const limit = (key: string, count = 1): Gate => ({ kind: "limit", key, limit: count });
const lock = (key: string): Gate => ({ kind: "lock", key, limit: 1, hold: "run" });

/** Records runs with these gates, the oldest first, in a queue of their own. */
async function record(count: number, gates: readonly Gate[], queue: string): Promise<string[]> {
  const runs = Array.from({ length: count }, () => plainRun(newId(), { gates, queue }));
  for (let start = 0; start < count; start += 5_000) await store.insert(runs.slice(start, start + 5_000));
  return runs.map(({ id }) => id);
}

const take = (worker: string, queue: string, slots = 10): Promise<Claimed[]> =>
  store.claim({ worker, queues: { [queue]: slots }, abilities: [copy] });

const finish = (...claimed: Claimed[]) =>
  store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" })));

function claimBy(worker: string, queue: string, slots = 10) {
  return { worker, claim: newId(), queues: `{"${queue}": ${slots}}`, abilities, now: null, ageing: null };
}

/** A settlement without what the store sends behind it. */
function endingOf(claimed: Claimed) {
  return {
    runs: plainList([claimed.run]),
    tokens: plainList([claimed.token]),
    claims: plainList([claimed.claim ?? ""]),
    outputs: "{NULL}",
    keeps: plainList([86_400_000]),
    done: plainList([claimed.claim ?? ""]),
    now: null,
  };
}

const keyOf = async (id: string): Promise<string> => {
  const [row] = await ask(database.url, "select gate_keys[1]::text as key from duckdive.runs where id = $1", [
    id,
  ]);
  return String(row?.key);
};

test("a place that is let go while a claim parks for it is handed over behind that claim", async () => {
  const queue = "interleaved";
  const [, second = ""] = await record(2, [limit(queue)], queue);
  const worker = await enter(store);
  const [first] = await take(worker, queue, 1);
  if (first === undefined) throw new Error("nothing was claimed");
  const key = await keyOf(second);
  const [parking, ending] = [await connect(database.url), await connect(database.url)];
  // The claim has seen that the place is taken, and has not committed that it parked the second.
  await parking.query("begin");
  await send(parking, statements.claim, claimBy(worker, queue));
  await send(ending, statements.settlePlain, endingOf(first));
  const handing = send(ending, statements.handOver, { keys: `{${key}}`, now: null });
  await parking.query("commit");
  expect((await handing)[0]?.[0]).toBe("1");
  expect((await take(worker, queue)).map(({ run }) => run)).toEqual([second]);
});

test("what a crash between a settlement and its handing over has left, the sweep hands over", async () => {
  const queue = "crashed";
  const [, second = ""] = await record(2, [limit(queue)], queue);
  const worker = await enter(store);
  const [first] = await take(worker, queue);
  if (first === undefined) throw new Error("nothing was claimed");
  const client = await connect(database.url);
  await send(client, statements.settlePlain, endingOf(first));
  expect(await take(worker, queue)).toEqual([]);
  const swept = await send(client, statements.sweepGates, { before: null, limit: 200, now: null });
  expect(swept).toEqual([[null, "1", "{}"]]);
  expect((await take(worker, queue)).map(({ run }) => run)).toEqual([second]);
});

test("the sweep goes round all gates, some at a time, and forgets those of no use", async () => {
  const client = await connect(database.url);
  await ask(database.url, "insert into duckdive.gate (key, n, touched_at) values (1, 1, 0), (2, 1, 0)");
  await ask(database.url, "update duckdive.gate set touched_at = 0");
  const [{ count } = {}] = await ask(database.url, "select count(*)::integer as count from duckdive.gate");
  expect(count).toBeGreaterThan(1);
  let before: string | null = null;
  for (let turn = 0; turn < Number(count); turn++) {
    const [row] = await send(client, statements.sweepGates, { before, limit: 1, now: null });
    before = row?.[0] ?? null;
  }
  const idle = "select key from duckdive.gate where key not in (select unnest(gate_keys) from duckdive.runs)";
  expect(await ask(database.url, idle)).toEqual([]);
});

test("a run that an application's transaction has locked stops no claim, and is not lost when that comes to nothing", async () => {
  const queue = "locked";
  const [, second = "", third = ""] = await record(3, [limit(queue)], queue);
  const worker = await enter(store);
  const application = await connect(database.url);
  await application.query("begin");
  await application.query("select from duckdive.runs where id = $1 for update", [second]);
  const claimed = await take(worker, queue);
  expect(claimed).toHaveLength(1);
  await application.query("rollback");
  await ask(database.url, "update duckdive.claims set at = 0 where $1 = any(runs)", [second]);
  await store.heartbeat(worker);
  await finish(...claimed);
  const rest = new Set<string>();
  for (let turn = 0; turn < 3; turn++) {
    const next = await take(worker, queue);
    for (const { run } of next) rest.add(run);
    await finish(...next);
  }
  expect(rest).toEqual(new Set([second, third]));
});

test("what a worker gives back of a claim that it knows nothing of hands its place on", async () => {
  const queue = "unanswered";
  await record(2, [limit(queue)], queue);
  const worker = await enter(store);
  const client = await connect(database.url);
  await send(client, statements.claim, claimBy(worker, queue, 1));
  expect(await take(worker, queue)).toEqual([]);
  await ask(database.url, "update duckdive.claims set at = 0 where worker = $1", [worker]);
  await store.heartbeat(worker);
  const claimed = await take(worker, queue);
  expect(claimed).toHaveLength(1);
  await finish(...claimed);
  const next = await take(worker, queue);
  expect(next).toHaveLength(1);
  await finish(...next);
});

test("one that has begun elsewhere and is moved keeps no lock that it was never given here", async () => {
  const queue = "begun elsewhere";
  const worker = await enter(store);
  const [first = ""] = await record(1, [lock(queue)], queue);
  const [begun] = await take(worker, queue);
  if (begun === undefined) throw new Error("nothing was claimed");
  await store.settle([{ ...fenceOf(begun), state: "scheduled", due: { after: 3_600_000 } }]);
  const moved = await store.read([first]);
  expect(await store.release(moved.map(({ run }) => run))).toEqual([true]);
  expect(await store.adopt(moved)).toEqual([true]);
  const [second = ""] = await record(1, [lock(queue)], queue);
  const [holder] = await take(worker, queue);
  expect(holder?.run).toBe(second);
  await store.change([first], { due: { after: 1_800_000 } });
  await store.change([first], { due: { at: 1 } });
  expect(await take(worker, queue)).toEqual([]);
  if (holder !== undefined) await finish(holder);
  expect((await take(worker, queue)).map(({ run }) => run)).toEqual([first]);
});

test("a long line that has to move to another gate moves part by part, and nobody waits for all of it", async () => {
  const queue = "long";
  const [one, two] = [limit("one of two"), limit("two of two")];
  await record(1, [one], queue);
  await record(1, [two], queue);
  const worker = await enter(store);
  const [first] = await take(worker, queue, 1);
  const [second] = await take(worker, queue, 1);
  if (first === undefined || second === undefined) throw new Error("too little was claimed");
  const [next = ""] = await record(400, [one, two], queue);
  expect(await take(worker, queue)).toEqual([]);
  const key = await keyOf(next);
  const client = await connect(database.url);
  await send(client, statements.settlePlain, endingOf(first));
  const handing = await send(client, statements.handOver, { keys: `{${key}}`, now: null });
  expect(handing).toEqual([["0", `{${key}}`]]);
  const lines = "select count(*)::integer as count from duckdive.runs where wait_on = 'limit two of two'";
  const [{ count } = {}] = await ask(database.url, lines);
  expect(count).toBeLessThan(200);
  await finish(second);
  const [claimed] = await take(worker, queue);
  expect(claimed?.run).toBe(next);
  const rest = await ask(database.url, "select id from duckdive.runs where queue = $1", [queue]);
  await store.cancel(
    rest.map(({ id }) => String(id)),
    "enough",
  );
  if (claimed !== undefined) await finish(claimed);
});

test("claims of a gate of which thousands were handed over look at no more pages behind a held snapshot", async () => {
  const queue = "held";
  await record(1_500, [limit(queue, 10)], queue);
  const worker = await enter(store);
  const client = await connect(database.url);
  const reader = await connect(database.url);
  await reader.query("begin isolation level repeatable read; select 1 from duckdive.meta");
  const turn = async () => finish(...(await take(worker, queue)));
  for (let count = 0; count < 20; count++) await turn();
  const [last = ""] = await record(1, [limit(queue, 10)], queue);
  const key = await keyOf(last);
  /** One that asks in vain, and a look at the line when no place is free. */
  const costs = async () => {
    const full = await take(worker, queue);
    await record(5, [limit(queue, 10)], queue);
    const claim = await pagesOf(client, statements.claim, claimBy(worker, queue, 1));
    const handing = await pagesOf(client, statements.handOver, { keys: `{${key}}`, now: null });
    await finish(...full);
    return { claim, handing };
  };
  await costs();
  const early = await costs();
  for (let count = 0; count < 80; count++) await turn();
  const late = await costs();
  expect(late.claim).toBeLessThan(early.claim + 200);
  expect(late.handing).toBeLessThan(early.handing + 200);
}, 60_000);

test("a lock is kept over a wait although the claim that took it is long forgotten", async () => {
  const queue = "kept";
  const [first = "", second = ""] = await record(2, [lock(queue)], queue);
  const worker = await enter(store);
  const [claimed] = await take(worker, queue);
  if (claimed === undefined) throw new Error("nothing was claimed");
  await store.settle([{ ...fenceOf(claimed), state: "scheduled", due: { after: 3_600_000 } }]);
  // Two hundred claims later the worker's list has been looked through, and then it leaves.
  await record(1_500, [limit("others", 1_000)], "others");
  for (let count = 0; count < 4; count++) await finish(...(await take(worker, "others", 500)));
  await store.retire(worker);
  const other = await enter(store);
  const client = await connect(database.url);
  await send(client, statements.sweepGates, { before: null, limit: 200, now: null });
  expect(await take(other, queue)).toEqual([]);
  expect(await store.standing(second)).toMatchObject([
    { isParked: true, used: 1, holders: [{ run: first }] },
  ]);
  await store.cancel([first], "enough");
  expect((await take(other, queue)).map(({ run }) => run)).toEqual([second]);
});

test("of what commits late every share gets its own, once", async () => {
  const queue = "late";
  const worker = await enter(store);
  const shares = (name: string) => plainRun(newId(), { queue, fair: name });
  await store.insert([shares("a"), shares("b")]);
  const late = await connect(database.url);
  await late.query("begin");
  const held = [shares("a"), shares("c")];
  await recordIn(store, late, held);
  await store.insert([shares("a"), shares("b")]);
  const started: string[] = [];
  const turn = async () => {
    const claimed = await take(worker, queue, 2);
    started.push(...claimed.map(({ run }) => run));
    await finish(...claimed);
  };
  for (let count = 0; count < 4; count++) await turn();
  expect(started).toHaveLength(4);
  await late.query("commit");
  for (let count = 0; count < 3; count++) await turn();
  expect(new Set(started.slice(4))).toEqual(new Set(held.map(({ id }) => id)));
  expect(started).toHaveLength(6);
});

test("a run in line takes its gates and its share with it when it moves, and asks anew where it comes to", async () => {
  const queue = "moving";
  const gates = [limit(queue), lock("moving too")];
  const two = newId();
  await store.insert([plainRun(newId(), { queue, gates })]);
  await store.insert([plainRun(two, { queue, gates, fair: "a" })]);
  const worker = await enter(store);
  const [first] = await take(worker, queue);
  expect(await take(worker, queue)).toEqual([]);
  const moved = await store.read([two]);
  expect(moved).toMatchObject([{ gates, fair: "a", run: { waiting: { on: `limit ${queue}` } } }]);
  expect(await store.release(moved.map(({ run }) => run))).toEqual([true]);
  expect(await store.adopt(moved)).toEqual([true]);
  expect(await take(worker, queue)).toEqual([]);
  expect(await store.standing(two)).toMatchObject([
    { isParked: true, isHolding: false },
    { isParked: false },
  ]);
  if (first !== undefined) await finish(first);
  expect((await take(worker, queue)).map(({ run }) => run)).toEqual([two]);
});

test("nothing is left where nobody finds it", async () => {
  expect(await brokenRules(database.url)).toEqual([]);
});
