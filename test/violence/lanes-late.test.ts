// Transactions that commit in every order: a claim reads a lane forward and never looks back, so whatever commits behind
// its cursor has to be remembered by it. Nothing wakes anybody here; an idle transaction that has its number is open all
// the time. Longer with DUCKDIVE_TORTURE_SECONDS.
import { expect, onTestFinished, test } from "vitest";
import { newId } from "../../src/kernel/index.js";
import type { Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { freshDatabase } from "../postgres/database.js";
import { connect, plainRun, recordIn } from "../postgres/direct.js";
import { brokenRules } from "../postgres/invariants.js";
import { keepUp, Ledger, makeLanes, record, work } from "./lanes-load.js";
import { eventually } from "./processes.js";

const seconds = Number(process.env.DUCKDIVE_TORTURE_SECONDS ?? 8);
const writers = 12;
const workers = 4;
const lateRuns = 500;

test("of runs that commit late in every manner none is handed out twice, none is missed, and none comes from nowhere", {
  timeout: (seconds + 50) * 1_000,
}, async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const open = async (): Promise<Store> => {
    const store = postgres({ database: database.url, notify: false });
    onTestFinished(() => store.close());
    await store.open();
    return store;
  };
  const store = await open();
  const ledger = new Ledger();
  for (const run of await makeLanes(store)) ledger.promise(run);
  const idle = await connect(database.url);
  await idle.query("begin");
  await idle.query("select pg_current_xact_id()");

  const until = performance.now() + seconds * 1_000;
  let isOver = false;
  const working = Array.from({ length: workers }, async () => {
    const [own, client] = await Promise.all([open(), connect(database.url)]);
    await work(own, client, ledger, () => isOver);
  });
  const upkeep = [keepUp(store, () => isOver), keepUp(await open(), () => isOver)];
  const all = Promise.all([...working, ...upkeep]);
  await Promise.race([
    all,
    Promise.all(
      Array.from({ length: writers }, async () => record(store, await connect(database.url), ledger, until)),
    ),
  ]);
  await eventually(async () => ledger.missed().length === 0, 10_000).catch(() => {});
  expect(ledger.missed()).toEqual([]);

  // By now the cursors have passed its number by far.
  const last = Array.from({ length: lateRuns }, () => plainRun(newId(), { queue: "left" }));
  await recordIn(store, idle, last);
  await idle.query("commit");
  for (const { id } of last) ledger.promise(id);
  const committed = performance.now();
  await eventually(async () => ledger.missed().length === 0, 5_000).catch(() => {});
  const found = performance.now() - committed;
  await eventually(
    async () => (await store.count({ states: ["ready", "scheduled", "running"] })) === 0,
    10_000,
  );
  isOver = true;
  await all;

  console.info(JSON.stringify({ name: "postgres.late.runs", value: ledger.promised.size, unit: "runs" }));
  console.info(JSON.stringify({ name: "postgres.late.idle", value: Math.round(found), unit: "ms" }));
  expect({ twice: ledger.twice, missed: ledger.missed(), ghosts: ledger.ghosts() }).toEqual({
    twice: 0,
    missed: [],
    ghosts: [],
  });
  expect(await brokenRules(database.url)).toEqual([]);
});
