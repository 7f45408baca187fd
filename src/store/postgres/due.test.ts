// What becomes due is read on from where it was read last, so whatever appears behind that place has to be seen in another
// way. Late commits are in test/violence/lanes-late.test.ts; this is the rest.
import type { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { manualClock, newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { NewRun, Store } from "../contract.js";
import { postgres } from "./index.js";

const start = Date.now();
const clock = manualClock(start);
let database: Database;
let store: Store;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false, clock });
  await store.open();
});
afterAll(async () => {
  expect(await brokenRules(database.url)).toEqual([]);
  await store.close();
  await database.drop();
});

async function record(fields: Partial<NewRun>): Promise<string> {
  const id = newId();
  await store.insert([plainRun(id, fields)]);
  return id;
}

async function until(client: Client, question: string): Promise<void> {
  while ((await client.query(question)).rowCount === 0);
}

const stateOf = async (id: string): Promise<string | undefined> => (await store.find([id]))[0]?.state;

test("a run that is recorded after the clock was set back starts when it is due", async () => {
  const later = await record({ due: { after: 3_600_000 } });
  await clock.advance(3_600_000);
  expect((await store.promote(10)).moved).toBe(1);
  expect(await stateOf(later)).toBe("ready");
  await clock.set(start);
  const earlier = await record({ due: { after: 1_000 } });
  expect((await store.promote(10)).next).toBe(start + 1_000);
  await clock.advance(1_000);
  expect(await store.promote(10)).toMatchObject({ moved: 1, next: undefined });
  expect(await stateOf(earlier)).toBe("ready");
});

test("a run that somebody has locked is not waited for, and starts when he lets it go", async () => {
  const locked = await record({ due: { after: 1_000 } });
  const other = await record({ due: { after: 2_000 } });
  const client = await connect(database.url);
  await client.query("begin");
  await client.query("select 1 from duckdive.runs where id = $1 for update", [locked]);
  await clock.advance(5_000);
  expect((await store.promote(10)).moved).toBe(1);
  expect([await stateOf(locked), await stateOf(other)]).toEqual(["scheduled", "ready"]);
  await client.query("rollback");
  await clock.advance(5_000);
  expect(await store.promote(10)).toMatchObject({ moved: 1, next: undefined });
  expect(await stateOf(locked)).toBe("ready");
});

test("a run whose time was over while it was worked on fails when it is given back", async () => {
  const limited = await record({ queue: "limited", finishWithin: 1_000 });
  const worker = await enter(store);
  const claimed = await store.claim({ worker, queues: { limited: 1 }, abilities: [copy] });
  await clock.advance(2_000);
  expect(await store.promote(10)).toMatchObject({ moved: 0, next: undefined });
  await clock.advance(60_000);
  await store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "ready", giveBack: true })));
  expect((await store.promote(10)).moved).toBe(1);
  expect(await stateOf(limited)).toBe("failed");
});

test("what is due in one millisecond and more than a promotion takes is taken by the next ones", async () => {
  const runs = Array.from({ length: 25 }, () => plainRun(newId(), { due: { after: 1_000 } }));
  await store.insert(runs);
  await clock.advance(1_000);
  expect((await store.promote(10)).moved).toBe(10);
  await clock.advance(1_000);
  expect((await store.promote(10)).moved).toBe(10);
  expect(await store.promote(10)).toMatchObject({ moved: 5, next: undefined });
});

test("what starts while others commit, beside what ends in the same lane, is not left behind its cursor", async () => {
  const patient = await record({ queue: "beside", due: { after: 1_000 }, finishWithin: 2_000 });
  const starting = await record({ queue: "beside", due: { after: 2_000 } });
  await clock.advance(1_000);
  await store.promote(10);
  await clock.advance(1_000);
  const client = await connect(database.url);
  await client.query("begin");
  await client.query(`select pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, id)
    from duckdive.lane where queue = 'beside' and front`);
  const promotion = store.promote(10);
  await until(client, "select from pg_locks where locktype = 'advisory' and not granted");
  await record({ queue: "elsewhere" });
  await client.query("commit");
  expect((await promotion).moved).toBe(2);
  expect(await stateOf(patient)).toBe("failed");
  const worker = await enter(store);
  const claimed = await store.claim({ worker, queues: { beside: 1 }, abilities: [copy] });
  expect(claimed.map(({ run }) => run)).toEqual([starting]);
  await store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" })));
});
