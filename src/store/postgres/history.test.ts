// History is partitioned by the time of the end, and partitions come and go while everything runs. A reader of history
// that stays open, such as a report or a dump, must never hold up the end of a run.
import type { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun } from "../../../test/postgres/direct.js";
import { eventually } from "../../../test/violence/processes.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Settled, Store } from "../contract.js";
import { postgres } from "./index.js";

const day = 86_400_000;
let database: Database;
let store: Store;
let worker: string;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false });
  worker = await enter(store);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** A run from beginning to end. */
async function workOne(): Promise<Settled[]> {
  await store.insert([plainRun(newId())]);
  const claimed = await store.claim({ worker, queues: { "*": 1 }, abilities: [copy] });
  return store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded", keep: day })));
}

async function openReader(table = "history"): Promise<Client> {
  const reader = await connect(database.url);
  await reader.query("begin isolation level repeatable read");
  await reader.query(`select count(*) from duckdive.${table}`);
  return reader;
}

/** Partitions of days long ago, in which nothing is left to keep. */
async function makeOld(daysAgo: number): Promise<void> {
  await ask(database.url, "select duckdive.extend_history($1)", [Date.now() - daysAgo * day]);
}

/** The names of partitions, attached or not, whose days are over. */
async function oldOnes(): Promise<string[]> {
  const rows = await ask(
    database.url,
    "select name, state from duckdive.spent_partitions(null) order by name",
  );
  return rows.map((row) => `${row.name} ${row.state}`);
}

test("a run ends while partitions are detached behind an open reader, and they are gone when it has closed", async () => {
  await makeOld(40);
  expect((await oldOnes()).length).toBeGreaterThan(5);
  const reader = await openReader();
  let isPruned = false;
  const pruning = store.prune(100).then(() => {
    isPruned = true;
  });
  await eventually(async () => (await oldOnes()).some((one) => one.endsWith("pending")), 5_000);
  expect(await workOne()).toEqual([{ taken: true, state: "succeeded" }]);
  expect(isPruned).toBe(false);
  await reader.query("commit");
  await pruning;
  expect(await oldOnes()).toEqual([]);
});

test("a run ends while partitions are made behind an open reader", async () => {
  const reader = await openReader();
  const making = ask(database.url, "select duckdive.extend_history($1)", [Date.now() + 60 * day]);
  expect(await workOne()).toEqual([{ taken: true, state: "succeeded" }]);
  await making;
  await reader.query("commit");
});

test("a run ends at a time for which nobody has made a partition", async () => {
  const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  await ask(database.url, `drop table duckdive.history_week_${today}`);
  expect(await workOne()).toEqual([{ taken: true, state: "succeeded" }]);
});

test("a detaching that was interrupted is finished by the next", async () => {
  await makeOld(40);
  const [one = ""] = (await oldOnes()).filter((each) => each.startsWith("history_week"));
  const name = one.split(" ")[0];
  const reader = await openReader();
  const interrupted = await connect(database.url);
  const detaching = interrupted
    .query(`alter table duckdive.history_week detach partition duckdive.${name} concurrently`)
    .catch((error: { code?: string }) => error.code);
  await eventually(async () => (await oldOnes()).includes(`${name} pending`), 5_000);
  await ask(
    database.superuserUrl,
    "select pg_terminate_backend(pid) from pg_stat_activity where query ~ 'detach' and pid <> pg_backend_pid()",
  );
  expect(await detaching).toBe("57P01");
  await reader.query("commit");
  await store.prune(100);
  expect(await oldOnes()).toEqual([]);
});

test("a partition that somebody reads is left for later, and dropping it holds nobody up", async () => {
  await makeOld(40);
  const [one = ""] = (await oldOnes()).filter((each) => each.startsWith("history_week"));
  const name = one.split(" ")[0] ?? "";
  await ask(database.url, `alter table duckdive.history_week detach partition duckdive.${name}`);
  const reader = await openReader(name);
  await store.prune(100);
  expect(await oldOnes()).toEqual([`${name} loose`]);
  expect(await workOne()).toEqual([{ taken: true, state: "succeeded" }]);
  await reader.query("commit");
  await store.prune(100);
  expect(await oldOnes()).toEqual([]);
});

test("what belongs to the runs of a partition goes with it, however many they are", async () => {
  const ended = Date.now() - 40 * day;
  await makeOld(40);
  await ask(
    database.url,
    `with old as (
      insert into duckdive.history (
        id, keep_class, finished_at, expires_at, state, token, job, version, queue, priority, attempt, crashes,
        requested_at, run_at, body
      )
      select gen_random_uuid(), 1, $1, $1, 'succeeded', 1, 'copy', 1, 'default', 0, 1, 0, $1, $1, 1
      from generate_series(1, 2500)
      returning id
    )
    insert into duckdive.body (run, input) select id, '"long"' from old`,
    [ended],
  );
  expect(await store.prune(100)).toBe(2_500);
  expect(await ask(database.url, "select from duckdive.body")).toEqual([]);
});

test("a partition of today that was taken out comes back with what it holds, and runs go on ending", async () => {
  await workOne();
  const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const before = await store.count({ states: ["succeeded"] });
  await ask(
    database.url,
    `alter table duckdive.history_week detach partition duckdive.history_week_${today}`,
  );
  expect(await workOne()).toEqual([{ taken: true, state: "succeeded" }]);
  expect(await store.count({ states: ["succeeded"] })).toBe(before + 1);
});
