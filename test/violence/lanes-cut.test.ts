// Connections are cut in the middle of any verb, in any order of verbs, over two stores at once: every verb is one
// transaction, so whatever was under way happened or did not. Afterwards each run is in one place and can be reached, and
// all that was acknowledged comes to its end.
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { newId } from "../../src/kernel/index.js";
import type { Claimed, Settlement, Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { at, copy, enter, fenceOf } from "../../src/testing/conformance/build.js";
import { ask } from "../postgres/ask.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import { connect, plainRun, recordIn } from "../postgres/direct.js";
import { brokenRules } from "../postgres/invariants.js";
import { eventually } from "./processes.js";

const sequences = Number(process.env.DUCKDIVE_TORTURE_SECONDS ?? 8);
const verbs = [
  "insert",
  "insertIn",
  "claim",
  "settle",
  "cancel",
  "remove",
  "retry",
  "promote",
  "rescue",
] as const;
type Verb = (typeof verbs)[number];

interface Step {
  readonly verb: Verb;
  readonly store: number;
  readonly size: number;
  readonly isCut: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  verb: fc.constantFrom(...verbs, "insert", "claim", "claim", "settle"),
  store: fc.nat(1),
  size: fc.integer({ min: 1, max: 12 }),
  isCut: fc.integer({ min: 0, max: 3 }).map((value) => value === 0),
});

/** One sequence of verbs, and what is known of its runs. */
class Walk {
  readonly #database: Database;
  readonly #stores: readonly Store[];
  readonly #workers: string[];
  #claimed: Claimed[] = [];
  readonly #known: string[] = [];
  readonly acknowledged = new Set<string>();

  constructor(database: Database, stores: readonly Store[], workers: string[]) {
    this.#database = database;
    this.#stores = stores;
    this.#workers = workers;
  }

  async take({ verb, store, size, isCut }: Step): Promise<void> {
    // Cut, and nobody knows whether it happened: that is what is looked at in the end.
    const done = this.#do(verb, at(this.#stores, store), store, size).catch((error: { code?: string }) => {
      if (!["STORE_UNREACHABLE", "WORKER_LOST"].includes(error.code ?? "")) throw error;
    });
    await Promise.all([done, isCut ? this.#cut() : undefined]);
  }

  /** Ends some of the connections that the stores have. */
  async #cut(): Promise<void> {
    const sql = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'duckdive' and random() < 0.7`;
    await ask(this.#database.superuserUrl, sql);
  }

  #do(verb: Verb, store: Store, index: number, size: number): Promise<void> {
    const some = this.#known.slice(-size);
    const ways: Record<Verb, () => Promise<unknown>> = {
      insert: () => this.#insert(store, size),
      insertIn: () => this.#insertIn(store, size),
      claim: () => this.#claim(store, index, size),
      settle: () => this.#settle(store, size),
      cancel: () => store.cancel(some, "not wanted"),
      remove: () => this.#remove(store, some),
      retry: () => store.retry(some),
      promote: () => store.promote(size),
      rescue: () => this.#rescue(store, index),
    };
    return ways[verb]().then(() => undefined);
  }

  #newRuns(size: number): ReturnType<typeof plainRun>[] {
    const due = size % 3 === 0 ? { due: { after: size } } : {};
    const limit = size % 4 === 0 ? { startWithin: 40 } : {};
    const queue = size % 2 === 0 ? "even" : "odd";
    const runs = Array.from({ length: size }, () => plainRun(newId(), { queue, ...due, ...limit }));
    this.#known.push(...runs.map((run) => run.id));
    return runs;
  }

  async #insert(store: Store, size: number): Promise<void> {
    for (const { id } of await store.insert(this.#newRuns(size))) this.acknowledged.add(id);
  }

  async #insertIn(store: Store, size: number): Promise<void> {
    const client = await connect(this.#database.url);
    await client.query("begin");
    const runs = await recordIn(store, client, this.#newRuns(size));
    await client.query(size % 2 === 0 ? "commit" : "rollback");
    if (size % 2 === 0) for (const { id } of runs) this.acknowledged.add(id);
    await client.end();
  }

  async #claim(store: Store, index: number, size: number): Promise<void> {
    const worker = at(this.#workers, index);
    this.#claimed.push(...(await store.claim({ worker, queues: { "*": size }, abilities: [copy] })));
  }

  async #settle(store: Store, size: number): Promise<void> {
    const settlements = this.#claimed.splice(0, size).map((one, index): Settlement => {
      if ((index + size) % 4 === 1) return { ...fenceOf(one), state: "ready", giveBack: true };
      if ((index + size) % 4 === 2) return { ...fenceOf(one), state: "scheduled", due: { after: 5 } };
      return { ...fenceOf(one), state: "succeeded" };
    });
    await store.settle(settlements);
  }

  /** What is to be removed may be gone, whatever is answered. */
  async #remove(store: Store, ids: readonly string[]): Promise<void> {
    for (const id of ids) this.acknowledged.delete(id);
    await store.remove(ids);
  }

  async #rescue(store: Store, index: number): Promise<void> {
    const lost = at(this.#workers, index);
    this.#workers[index] = newId();
    await store.rescue([{ worker: lost }]);
    this.#workers[index] = await enter(store);
  }

  /** Everything that is left comes to its end, with the help of a store that knows nothing. */
  async finish(store: Store): Promise<void> {
    const claims = await ask(this.#database.url, "select distinct worker from duckdive.claims");
    const registered = await ask(this.#database.url, "select id from duckdive.worker");
    const living = new Set(registered.map((row) => row.id));
    const orphans = claims.flatMap(({ worker }) => (living.has(worker) ? [] : String(worker)));
    const lost = (await store.findLost()).map(({ worker }) => worker);
    expect(lost).toEqual(expect.arrayContaining(orphans));
    const everybody = new Set([...claims, ...registered].map((row) => String(row.worker ?? row.id)));
    await store.rescue([...everybody].map((worker) => ({ worker })));
    const worker = await enter(store);
    const open = { states: ["ready", "scheduled", "running", "waiting"] } as const;
    await eventually(async () => {
      await store.promote(1_000);
      const claimed = await store.claim({ worker, queues: { "*": 1_000 }, abilities: [copy] });
      await store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" })));
      return (await store.count(open)) === 0;
    }, 10_000);
    const ended = (await ask(this.#database.url, "select id from duckdive.history")).map((row) => row.id);
    expect([...this.acknowledged].filter((id) => !new Set(ended).has(id))).toEqual([]);
  }
}

test("whatever verb is cut off, each run is in one place afterwards and comes to its end", async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const open = (): Store => {
    const store = postgres({ database: database.url, notify: false, onError: () => {} });
    onTestFinished(() => store.close());
    return store;
  };
  const stores = [open(), open()];
  const helper = postgres({ database: database.url, notify: false, onError: () => {} });
  onTestFinished(() => helper.close());
  await helper.open();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
      const walk = new Walk(database, stores, [await enter(at(stores, 0)), await enter(at(stores, 1))]);
      for (const one of steps) await walk.take(one);
      expect(await brokenRules(database.url)).toEqual([]);
      await walk.finish(helper);
      expect(await brokenRules(database.url)).toEqual([]);
    }),
    { numRuns: sequences, endOnFailure: true },
  );
}, 120_000);
