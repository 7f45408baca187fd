// Behind a PgBouncer in transaction mode, where no connection stays the same: all of it without LISTEN and without locks of
// a session; and with a direct address beside it, wake-ups and locks as usual.
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { job, open } from "../../src/index.js";
import { manualClock, newId } from "../../src/kernel/index.js";
import { postgres } from "../../src/store/postgres/index.js";
import { pg } from "../../src/with/pg.js";
import { ask } from "../postgres/ask.js";
import {
  type Bouncer,
  bouncerKnowsPreparedStatements,
  bouncerVersion,
  startBouncer,
} from "../postgres/bouncer.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import { copy, moveElsewhere, now, publish, silent, unhandled, wallClock } from "./outage.js";
import { type Child, eventually, startWorker } from "./processes.js";

const noBouncer = bouncerVersion === undefined;
const ways = [
  { name: "that follows no prepared statements", preparedStatements: 0, isSkipped: noBouncer },
  {
    name: "that follows prepared statements",
    preparedStatements: 100,
    isSkipped: !bouncerKnowsPreparedStatements,
  },
];

/** Milliseconds from an enqueue, over and over, until a handler of another process began. */
async function latencies(address: string, options: object, worker: Child): Promise<number[]> {
  await using duckdive = open(address, { ...options, log: silent });
  await duckdive.ready();
  const found: number[] = [];
  for (let n = 0; n < 15; n++) {
    const { id } = await duckdive.enqueue(now);
    const recorded = wallClock();
    const { at } = await worker.hears(({ began }) => began === id);
    found.push(Number(at) - recorded);
  }
  return found.toSorted((one, other) => one - other);
}

for (const { name, preparedStatements, isSkipped } of ways) {
  describe.skipIf(isSkipped)(`behind a PgBouncer ${name}`, () => {
    let database: Database;
    let bouncer: Bouncer;

    beforeAll(async () => {
      database = await freshDatabase();
      const started = await startBouncer(database.url, {
        preparedStatements,
        settings: { default_pool_size: 5 },
      });
      if (started === undefined) throw new Error("There is no PgBouncer that can do what is asked.");
      bouncer = started;
    });

    afterAll(async () => {
      await bouncer?.end();
      await database?.drop();
    });

    test("runs are asked for side by side, worked and cancelled", async () => {
      const hold = job({ name: "hold", handle: (_input: undefined, ctx) => aborted(ctx.signal) });
      const quick = job({ name: "quick", handle: () => "done" });
      await using duckdive = open(bouncer.url, { jobs: [hold, quick], log: silent });
      await using worker = duckdive.work({ queues: { "*": 20 } });
      await worker.ready;
      const started = new Promise((resolve) =>
        duckdive.on("started", ({ job: name }) => name === "hold" && resolve(name)),
      );
      const held = await duckdive.enqueue(hold);
      await started;
      const runs = await Promise.all(Array.from({ length: 100 }, () => duckdive.enqueue(quick)));
      expect(await Promise.all(runs.map((run) => run.result({ timeout: "15s" })))).toEqual(
        runs.map(() => "done"),
      );
      expect(await held.cancel("it is time")).toBe(true);
      expect(await held.outcome({ timeout: "15s" })).toMatchObject({ state: "cancelled" });
    });

    test("a run is enqueued in a transaction that goes through it", async () => {
      const pool = new Pool({ connectionString: bouncer.url, max: 2 });
      onTestFinished(() => pool.end());
      await using duckdive = open(bouncer.url, { with: pg(pool), log: silent });
      const client = await pool.connect();
      try {
        await client.query("begin");
        const kept = await duckdive.enqueue(copy, undefined, { tx: client });
        await client.query("commit");
        await client.query("begin");
        const lost = await duckdive.enqueue(copy, undefined, { tx: client });
        await client.query("rollback");
        expect(await duckdive.run(copy, kept.id).get()).toMatchObject({ state: "ready" });
        expect(await ask(database.url, "select id from duckdive.runs where id = $1", [lost.id])).toEqual([]);
        await kept.cancel("the test is over");
      } finally {
        client.release();
      }
    });

    test("no lock of a session is left on its connections, and the dead are told by their silence", {
      timeout: 60_000,
    }, async () => {
      await using duckdive = open(bouncer.url, { log: silent });
      const victim = await startWorker({ address: bouncer.url, hold: true });
      const run = await duckdive.enqueue(copy);
      await eventually(async () => (await run.get()).state === "running", 10_000);
      const locks =
        "select pid from pg_locks where locktype = 'advisory' and objsubid = 1 and database = (select oid from pg_database where datname = current_database())";
      expect(await ask(database.superuserUrl, locks)).toEqual([]);
      expect(await ask(database.url, "select lock from duckdive.worker where id = $1", [victim.id])).toEqual([
        { lock: null },
      ]);
      await moveElsewhere(database.superuserUrl, victim.id);
      await victim.kill();
      const clock = manualClock(Date.now());
      const store = postgres({ database: bouncer.url, clock });
      onTestFinished(() => store.close());
      const found = async () => (await store.findLost()).map(({ worker }) => worker);
      expect(await found()).not.toContain(victim.id);
      await clock.advance(30_000);
      expect(await found()).toContain(victim.id);
      expect(await store.rescue([{ worker: victim.id }])).toMatchObject([{ run: run.id }]);
      await run.cancel("the test is over");
    });

    test("work begins within a second without a direct address, and at once with one", {
      timeout: 60_000,
    }, async () => {
      const through = await startWorker({ address: bouncer.url });
      const slowest = (await latencies(bouncer.url, {}, through)).at(-1) ?? Number.NaN;
      publish("postgres.bouncer.wake.longest", slowest);
      expect(slowest).toBeLessThan(2_000);
      await through.kill();
      const options = { direct: database.url };
      const beside = await startWorker({ address: bouncer.url, options });
      const median = (await latencies(bouncer.url, options, beside))[7] ?? Number.NaN;
      publish("postgres.bouncer.direct.wake.median", median);
      expect(median).toBeLessThan(250);
      const [row] = await ask(
        database.url,
        "select lock is not null as locks from duckdive.worker where id = $1",
        [beside.id],
      );
      expect(row).toEqual({ locks: true });
      expect([...unhandled(through), ...unhandled(beside)]).toEqual([]);
    });
  });
}

/** Without notices, with or without a pooler. */
describe("without notices", () => {
  let database: Database;

  beforeAll(async () => {
    database = await freshDatabase();
  });

  afterAll(() => database?.drop());

  /** Enqueues in a transaction of the caller's and prepares it for a second phase. */
  async function prepareTransaction(notify: boolean): Promise<string> {
    const pool = new Pool({ connectionString: database.url, max: 1 });
    const client = await pool.connect();
    const name = `test_${newId()}`;
    try {
      await using duckdive = open(database.url, { with: pg(pool), notify, log: silent });
      await client.query("begin");
      await duckdive.enqueue(now, undefined, { tx: client });
      await client.query(`prepare transaction '${name}'`);
      return name;
    } finally {
      await client.query("rollback");
      client.release();
      await pool.end();
    }
  }

  test("a transaction that enqueued can be prepared for two phases, and its run is found", async () => {
    const worker = await startWorker({ address: database.url, options: { notify: false } });
    const name = await prepareTransaction(false);
    await ask(database.url, `commit prepared '${name}'`);
    const committed = wallClock();
    const { at } = await worker.hears(({ began }) => began !== undefined);
    publish("postgres.silent.wake", Number(at) - committed);
    expect(Number(at) - committed).toBeLessThan(2_000);
  });

  test("and with notices PostgreSQL refuses that", async () => {
    await expect(prepareTransaction(true)).rejects.toThrow(
      "cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY",
    );
  });
});

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}
