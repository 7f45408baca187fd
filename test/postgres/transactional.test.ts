// `ctx.tx` and `ctx.succeed` on PostgreSQL, over a network that takes the answer to a commit away: the handler's attempt
// is told what became of it, and nothing is done twice.
import { Pool, type PoolClient } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type Adapter, job as base } from "../../src/job/index.js";
import { open } from "../../src/open.js";
import { pg } from "../../src/with/pg.js";
import { ask } from "./ask.js";
import { type Database, freshDatabase } from "./database.js";
import { type Proxy as Network, startProxy } from "./proxy.js";

const job = base.using<Adapter<PoolClient>>();
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
let database: Database;
let proxy: Network;

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startProxy(Number(new URL(database.url).port));
  await ask(database.url, "create table ledger (run uuid not null, attempt integer not null)");
});
afterAll(async () => {
  await proxy?.stop();
  await database?.drop();
});
beforeEach(() => ask(database.url, "truncate ledger"));

/** Spoils the network once, when nothing is left of a transaction but its commit. */
function spoiled(adapter: Adapter<PoolClient>, spoil: () => void): Adapter<PoolClient> {
  let isSpoiled = false;
  return {
    ...adapter,
    transaction: (fn) =>
      adapter.transaction(async (tx) => {
        const value = await fn(tx);
        if (!isSpoiled) spoil();
        isSpoiled = true;
        return value;
      }),
  };
}

/** The application's transactions go through the spoiled network, the store's own statements do not. */
function application(spoil: () => void) {
  const pool = new Pool({ connectionString: proxy.through(database.url), max: 2 });
  pool.on("error", () => {});
  onTestFinished(() => pool.end());
  return spoiled(pg(pool), spoil);
}

const book = (tx: PoolClient, run: string, attempt: number) =>
  tx.query("insert into ledger (run, attempt) values ($1, $2)", [run, attempt]);
const booked = (run: string) => ask(database.url, "select attempt from ledger where run = $1", [run]);
const retry = { attempts: 3, backoff: { kind: "fixed", base: 0, jitter: 0 } } as const;

const byTx = job({
  name: "by tx",
  retry,
  async handle(_input: undefined, ctx) {
    await ctx.tx("book", async (tx) => void (await book(tx, ctx.runId, ctx.attempt)));
    return ctx.attempt;
  },
});
const bySucceed = job({
  name: "by succeed",
  retry,
  handle: (_input: undefined, ctx) =>
    ctx.succeed(async (tx) => {
      await book(tx, ctx.runId, ctx.attempt);
      return ctx.attempt;
    }),
});

/** Cuts the connections once the server has done, or has not heard, what was sent last. */
function cutSoon(): void {
  setTimeout(() => {
    proxy.cut();
    proxy.resume();
  }, 200);
}

describe.each([
  ["ctx.tx", byTx],
  ["ctx.succeed", bySucceed],
])("%s", (_name, one) => {
  async function execute(spoil: () => void) {
    await using duckdive = open(database.url, { with: application(spoil), jobs: [one], log: quiet });
    const heard: string[] = [];
    for (const name of ["succeeded", "retrying", "refused", "failed"] as const)
      duckdive.on(name, () => heard.push(name));
    duckdive.work();
    const run = await duckdive.enqueue(one);
    const result = await run.result({ timeout: "15s" });
    return { id: run.id, result, heard };
  }

  test("whose commit took place, and whose answer was lost, counts as done", async () => {
    const { id, result, heard } = await execute(() => {
      proxy.silence("answers");
      cutSoon();
    });
    expect(await booked(id)).toEqual([{ attempt: 1 }]);
    expect([result, heard]).toEqual([1, ["succeeded"]]);
  });

  test("whose commit never arrived is rolled back, and done by the next attempt", async () => {
    const { id, result, heard } = await execute(() => {
      proxy.silence("everything");
      cutSoon();
    });
    expect(await booked(id)).toEqual([{ attempt: 2 }]);
    expect([result, heard]).toEqual([2, ["retrying", "succeeded"]]);
  });
});

test("a session that never sends its commit is ended by the server, and the run goes on", async () => {
  const pool = new Pool({ connectionString: database.url, max: 1 });
  pool.on("error", () => {});
  onTestFinished(() => pool.end());
  let settings: unknown;
  const adapter: Adapter<PoolClient> = {
    ...pg(pool),
    transaction: (fn) =>
      pg(pool).transaction(async (tx) => {
        const value = await fn(tx);
        settings = (await tx.query("show idle_in_transaction_session_timeout")).rows;
        return value;
      }),
  };
  await using duckdive = open(database.url, { with: adapter, jobs: [bySucceed], log: quiet });
  duckdive.work();
  const run = await duckdive.enqueue(bySucceed);
  expect(await run.result({ timeout: "10s" })).toBe(1);
  expect(settings).toEqual([{ idle_in_transaction_session_timeout: "10s" }]);
  const { rows } = await pool.query("show idle_in_transaction_session_timeout");
  expect(rows, "and the application's own setting is untouched").toEqual([
    { idle_in_transaction_session_timeout: "0" },
  ]);
});
