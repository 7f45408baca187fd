// Exactly once: handlers book their runs in a ledger of the application's own, by `ctx.tx` and by `ctx.succeed`, while
// their workers are killed with -9 at random moments, or taken for dead though they live.
//
// At every moment, in one snapshot, there is one entry in the ledger for each remembered call and for each run that
// `ctx.succeed` has ended, and none besides. In the end each run has been booked once.
import { join } from "node:path";
import Database from "libsql";
import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { job, open } from "../../src/index.js";
import type { Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { sqlite } from "../../src/store/sqlite/index.js";
import { freshDatabase } from "../postgres/database.js";
import { type Child, eventually, ownFolder, start } from "./processes.js";

const byTx = job({ name: "by tx" });
const bySucceed = job({ name: "by succeed" });
const blows = 12;
/** Of each job, so many are enqueued before each blow, so that it meets workers at work. */
const atOnce = 50;
/** Of each job, in all. */
const runs = blows * atOnce;

interface Balance {
  readonly tx: number;
  readonly remembered: number;
  readonly succeed: number;
  readonly succeeded: number;
}

interface Ledger {
  /** Where the store is, for `open`. */
  readonly address: string;
  readonly store: Store;
  /** How many entries there are, and how many there should be, of `ctx.tx` and of `ctx.succeed`: in one snapshot. */
  balance(): Promise<Balance>;
  /** Runs with another number of entries than they should have. */
  wrong(): Promise<unknown[]>;
}

const balanceOf = (entry: string, succeeded: string): string => `
  select (select count(*) from ledger where what <> 'succeed') as tx,
    (select count(*) from ${entry} where kind = 'tx' and state = 'done') as remembered,
    (select count(*) from ledger where what = 'succeed') as succeed,
    (select count(*) from ${succeeded} where job = 'by succeed' and state = 'succeeded') as succeeded`;
/** Drivers give counts as numbers or as text. */
function balanceIn(row: object | undefined): Balance {
  const count = (name: keyof Balance): number =>
    Number(row === undefined ? undefined : Reflect.get(row, name));
  return {
    tx: count("tx"),
    remembered: count("remembered"),
    succeed: count("succeed"),
    succeeded: count("succeeded"),
  };
}

const wrongRuns = "select run, what, count(*) from ledger group by run, what having count(*) <> 1";
const createLedger = "create table ledger (run text not null, what text not null)";

async function inSqlite(): Promise<Ledger> {
  const file = join(ownFolder(), "app.db");
  const store = sqlite({ file });
  onTestFinished(() => store.close());
  await store.open();
  const handle = new Database(file);
  onTestFinished(() => void handle.close());
  handle.exec(createLedger);
  const balance = handle.prepare(balanceOf("duckdive_entry", "duckdive_run"));
  return {
    address: `sqlite:${file}`,
    store,
    balance: async () => balanceIn(balance.get() as object),
    wrong: async () => handle.prepare(wrongRuns).all(),
  };
}

async function inPostgres(): Promise<Ledger> {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const store = postgres({ database: database.url });
  onTestFinished(() => store.close());
  await store.open();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query(createLedger);
  return {
    address: database.url,
    store,
    async balance() {
      const { rows } = await client.query(balanceOf("duckdive.entry", "duckdive.history"));
      return balanceIn(rows[0]);
    },
    wrong: async () => (await client.query(wrongRuns)).rows,
  };
}

describe.each([
  ["SQLite", inSqlite],
  ["PostgreSQL", inPostgres],
])("on %s", (_name, make) => {
  test("the sum of effects is the number of runs, whatever becomes of the workers", {
    timeout: 120_000,
  }, async () => {
    const ledger = await make();
    await using duckdive = open(ledger.address, {});
    const enqueue = () =>
      duckdive.enqueueMany(
        Array.from({ length: 2 * atOnce }, (_, n) => (n % 2 === 0 ? byTx.with() : bySucceed.with())),
      );
    const given = { store: ledger.address, slots: 6 };
    const workers = await Promise.all([startBookkeeper(given), startBookkeeper(given)]);
    const everybody = [...workers];
    let over = false;
    const watching = watch(ledger, () => over);
    for (let blow = 1; blow <= blows; blow++) {
      await enqueue();
      await new Promise((resolve) => setTimeout(resolve, 10 + Math.random() * 80));
      await strike(ledger, workers, given, blow % 3 !== 0);
      everybody.push(...workers.filter((worker) => !everybody.includes(worker)));
    }
    await eventually(async () => (await duckdive.count({ state: "succeeded" })) === 2 * runs, 60_000);
    over = true;
    expect(await watching, "snapshots were taken while they worked").toBeGreaterThan(20);

    expect(await ledger.wrong()).toEqual([]);
    expect(await ledger.balance()).toEqual({
      tx: 2 * runs,
      remembered: 2 * runs,
      succeed: runs,
      succeeded: runs,
    });
    expect(refusals(everybody), "those that were taken for dead were refused").toBeGreaterThan(0);
    expect(await lostExecutions(ledger.store), "the blows met workers at work").toBeGreaterThan(blows);
  });
});

type Bookkeeper = Child & { readonly id: string };

async function startBookkeeper(given: object): Promise<Bookkeeper> {
  const child = start("bookkeeper.mjs", given);
  const { ready } = await child.hears((value) => "ready" in value);
  return { ...child, id: String(ready) };
}

/** Kills one of the workers, and starts another; or it lives on and is taken for dead. */
async function strike(
  { store }: Ledger,
  workers: Bookkeeper[],
  given: object,
  kills: boolean,
): Promise<void> {
  const place = Math.random() < 0.5 ? 0 : 1;
  const victim = workers[place];
  if (victim === undefined) throw new RangeError("there are two workers");
  if (!kills) {
    await store.rescue([{ worker: victim.id }]);
    return;
  }
  await victim.kill();
  workers[place] = await startBookkeeper(given);
}

/** How many ends of executions the store has refused to those that live. */
function refusals(workers: readonly Bookkeeper[]): number {
  return workers.flatMap(({ said }) => said).filter((value) => "refused" in value).length;
}

/** Looks at the books until it is over; answers how often. */
async function watch(ledger: Ledger, isOver: () => boolean): Promise<number> {
  let looks = 0;
  while (!isOver()) {
    const { tx, remembered, succeed, succeeded } = await ledger.balance();
    expect({ tx, succeed }).toEqual({ tx: remembered, succeed: succeeded });
    looks += 1;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return looks;
}

/** How many executions were lost. */
async function lostExecutions(store: Store): Promise<number> {
  let crashes = 0;
  let cursor: string | undefined;
  do {
    const page = await store.list({}, { limit: 1_000, cursor });
    for (const run of page.runs) crashes += run.crashes;
    cursor = page.next;
  } while (cursor !== undefined);
  return crashes;
}
