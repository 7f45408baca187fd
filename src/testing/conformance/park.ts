// Parking: a run whose worker may not execute it waits, is read by nobody, and is never forgotten.
//
// A worker that lacks the job or its version gives the run back; the registration of one that has it makes the run
// ready, for workers that have it only. The two can cross: a park that comes after the registration must find it.
import assert from "node:assert/strict";
import type { Ability, Store } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  enter,
  handedBack,
  insertOne,
  kindsOf,
  manyRuns,
  only,
  parked,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

const older: readonly Ability[] = [{ job: "copy", version: 1 }];
const newer: readonly Ability[] = [{ job: "copy", version: 2 }];
const newest: readonly Ability[] = [{ job: "copy", version: 5 }];
const stranger: readonly Ability[] = [{ job: "move", version: 9 }];

export function park(suite: Suite): void {
  suite.describe("a run that waits for a worker", () => forWorkers(suite));
  suite.describe("a park that crosses a registration", () => crossing(suite));
  suite.describe("a run of a paused job", () => forJobs(suite));
  suite.test("a rolling deploy ends every run, the old and the new", rollingDeploy);
}

/** A run of version 2, given back by a worker that has version 1. */
async function parkedRun(store: Store): Promise<{ id: string; worker: string; token: number }> {
  const id = await insertOne(store, { version: 2 });
  const worker = await enter(store, { abilities: older });
  const claimed = await takeOne(store, worker, older);
  await settle(store, parked(claimed, "worker"));
  return { id, worker, token: claimed.token };
}

function forWorkers(suite: Suite): void {
  suite.test("waits without an attempt, and is claimed by nobody", async ({ store, clock }) => {
    const { id, worker } = await parkedRun(store);
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.waiting, run.attempt, run.worker, run.runAt],
      ["waiting", { reason: "worker", on: "copy@2" }, 0, undefined, beginning],
    );
    assert.deepEqual(await take(store, worker, { "*": 10 }, older), []);
    await clock.advance(60_000);
    await store.promote(10);
    assert.equal(await stateOf(store, id), "waiting");
    assert.deepEqual(await kindsOf(store, id), ["parked"]);
  });

  suite.test("is not freed by workers that lack it too", async ({ store }) => {
    const { id } = await parkedRun(store);
    await enter(store, { abilities: older });
    await enter(store, { abilities: stranger });
    await enter(store, { abilities: [] });
    await enter(store, {
      abilities: [
        { job: "copy2", version: 2 },
        { job: "cop", version: 2 },
      ],
    });
    assert.equal(await stateOf(store, id), "waiting");
  });

  suite.test("is freed by a worker that has it, for workers that have it only", async ({ store, clock }) => {
    const { id, worker, token } = await parkedRun(store);
    await clock.advance(7);
    const capable = await enter(store, { abilities: newer });
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.waiting, run.route, run.attempt], ["ready", undefined, "copy@2", 0]);
    assert.deepEqual(await take(store, worker, { "*": 10 }, older), []);
    assert.deepEqual(
      await take(store, await enter(store, { abilities: stranger }), { "*": 10 }, stranger),
      [],
    );
    assert.deepEqual(await take(store, await enter(store, { abilities: [] }), { "*": 10 }, []), []);
    const claimed = only(await take(store, capable, { "*": 10 }, newer));
    assert.deepEqual([claimed.run, claimed.attempt], [id, 1]);
    assert.ok(claimed.token > token);
  });

  suite.test("is freed by a worker with a newer version, which runs the older ones", async ({ store }) => {
    const { id } = await parkedRun(store);
    const capable = await enter(store, { abilities: [...stranger, ...newest] });
    assert.equal(await stateOf(store, id), "ready");
    assert.equal((await takeOne(store, capable, [...stranger, ...newest])).run, id);
  });

  suite.test("an older version runs on a newer worker without being parked at all", async ({ store }) => {
    const id = await insertOne(store, { version: 1 });
    assert.equal((await takeOne(store, await enter(store, { abilities: newest }), newest)).run, id);
  });

  suite.test("versions compare as numbers", async ({ store }) => {
    const id = await insertOne(store, { version: 10 });
    const nine: Ability[] = [{ job: "copy", version: 9 }];
    const worker = await enter(store, { abilities: nine });
    await settle(store, parked(await takeOne(store, worker, nine), "worker"));
    await enter(store, { abilities: nine });
    assert.equal(await stateOf(store, id), "waiting");
    await enter(store, { abilities: [{ job: "copy", version: 11 }] });
    assert.equal(await stateOf(store, id), "ready");
    assert.deepEqual(await take(store, worker, { "*": 10 }, nine), []);
  });

  suite.test(
    "keeps its route when the worker that had it hands it back, fails it or dies",
    async ({ store, clock }) => {
      const { id, worker } = await parkedRun(store);
      const capable = await enter(store, { abilities: newer });
      await settle(store, handedBack(await takeOne(store, capable, newer)));
      assert.deepEqual(await take(store, worker, { "*": 10 }, older), []);
      await settle(store, backedOff(await takeOne(store, capable, newer), 5));
      await clock.advance(9);
      await store.promote(10);
      assert.deepEqual(await take(store, worker, { "*": 10 }, older), []);
      const doomed = await enter(store, { abilities: newer });
      assert.equal((await takeOne(store, doomed, newer)).run, id);
      await store.rescue([{ worker: doomed }]);
      assert.deepEqual(await take(store, worker, { "*": 10 }, older), []);
      assert.equal((await takeOne(store, capable, newer)).run, id);
    },
  );

  suite.test(
    "with a route it still obeys queue limits, priority and paused queues",
    async ({ store, clock }) => {
      const versions = [2, 1, 2, 1];
      const runs = versions.map((version, index) =>
        aRun({ version, priority: index, queue: `queue ${index % 2}` }),
      );
      await store.insert(runs);
      const worker = await enter(store, { abilities: older });
      const claimed = await take(store, worker, { "*": 10 }, older);
      await settle(
        store,
        ...claimed.map((run) => (run.version === 2 ? parked(run, "worker") : handedBack(run))),
      );
      const capable = await enter(store, { abilities: newer });
      await clock.advance(3);
      await store.pause({ queue: "queue 1" });
      const order = await take(store, capable, { "queue 0": 1, "*": 5 }, newer);
      assert.deepEqual(
        order.map((run) => run.run),
        [at(runs, 2).id],
      );
      await store.resume({ queue: "queue 1" });
      const rest = await take(store, capable, { "*": 10 }, newer);
      assert.deepEqual(
        rest.map((run) => run.run),
        [3, 1, 0].map((index) => at(runs, index).id),
      );
    },
  );

  suite.test(
    "runs with different routes and none in one queue are one line, the longest due first",
    async ({ store, clock }) => {
      const jobs = ["zip", "copy", "move", "archive", "copy", "zip"];
      const runs = jobs.map((job, index) =>
        aRun({ job, version: 2 + (index % 2), due: { at: beginning - 100 + index } }),
      );
      await store.insert(runs);
      const worker = await enter(store, { abilities: [] });
      const claimed = await take(store, worker, { "*": 10 }, []);
      await settle(
        store,
        ...claimed.map((run) => (run.job === "move" ? handedBack(run) : parked(run, "worker"))),
      );
      const abilities = ["archive", "copy", "move", "zip"].map((job) => ({ job, version: 9 }));
      const capable = await enter(store, { abilities });
      await clock.advance(3);
      const first = await take(store, capable, { default: 4 }, abilities);
      const rest = await take(store, capable, { default: 4 }, abilities);
      assert.deepEqual(
        [...first, ...rest].map((run) => run.run),
        runs.map((run) => run.id),
      );
    },
  );

  suite.test("waits on when the worker that had its version is gone", async ({ store }) => {
    const capable = await enter(store, { abilities: newer });
    await store.retire(capable);
    const dead = await enter(store, { abilities: newer });
    await store.rescue([{ worker: dead }]);
    const { id } = await parkedRun(store);
    assert.equal(await stateOf(store, id), "waiting");
  });

  suite.test(
    "a worker that registers again with more than before frees what waited for that",
    async ({ store }) => {
      const { id, worker } = await parkedRun(store);
      await store.register({ id: worker, host: "h", pid: 1, abilities: newer, queues: {} });
      assert.equal(await stateOf(store, id), "ready");
      assert.equal((await takeOne(store, worker, newer)).run, id);
    },
  );

  suite.test("a worker that registers again with less than before has less", async ({ store }) => {
    const worker = await enter(store, { abilities: newer });
    await store.register({ id: worker, host: "h", pid: 1, abilities: older, queues: {} });
    const { id } = await parkedRun(store);
    assert.equal(await stateOf(store, id), "waiting");
  });

  suite.test("can be cancelled, retried and removed where it waits", async ({ store }) => {
    const one = await parkedRun(store);
    assert.deepEqual(await store.cancel([one.id], "not wanted"), [true]);
    const cancelled = await stored(store, one.id);
    assert.deepEqual([cancelled.state, cancelled.waiting], ["cancelled", undefined]);
    await enter(store, { abilities: newer });
    assert.equal(await stateOf(store, one.id), "cancelled");
    assert.deepEqual(await store.remove([one.id]), [true]);
  });
}

function crossing(suite: Suite): void {
  suite.test(
    "the capable worker came first: the run is ready, with its route, at once",
    async ({ store, clock }) => {
      const id = await insertOne(store, { version: 2 });
      const worker = await enter(store, { abilities: older });
      const claimed = await takeOne(store, worker, older);
      const capable = await enter(store, { abilities: newest });
      await clock.advance(7);
      assert.deepEqual(await store.settle([parked(claimed, "worker")]), [{ taken: true, state: "ready" }]);
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.waiting, run.route, run.attempt], ["ready", undefined, "copy@2", 0]);
      assert.deepEqual(await take(store, worker, { "*": 10 }, older), []);
      assert.equal((await takeOne(store, capable, newest)).run, id);
    },
  );

  suite.shared(
    "the two cross in two stores, a hundred times, and no run is stuck",
    async ({ store, another }) => {
      const other = await another();
      const oldWorker = await enter(store, { abilities: older });
      for (let round = 0; round < 100; round++) {
        const job = `deploy ${round}`;
        const ability: Ability[] = [{ job, version: 2 }];
        const id = await insertOne(store, { job, version: 2 });
        const claimed = await takeOne(store, oldWorker, older);
        const [, capable] = await Promise.all([
          settle(store, parked(claimed, "worker")),
          enter(other, { abilities: ability }),
        ]);
        assert.equal(await stateOf(other, id), "ready", `round ${round}`);
        await settle(other, succeeded(await takeOne(other, capable, ability)));
      }
    },
  );
}

function forJobs(suite: Suite): void {
  suite.test("waits while the job is paused, and is ready when it is resumed", async ({ store, clock }) => {
    const id = await insertOne(store);
    const bystander = await insertOne(store, { job: "move", queue: "other" });
    await store.pause({ job: "copy" });
    await store.pause({ job: "move" });
    const worker = await enter(store);
    const claimed = await take(store, worker);
    assert.ok(claimed.every((run) => run.paused));
    await settle(store, ...claimed.map((run) => parked(run, "paused")));
    await clock.advance(7);
    await store.resume({ job: "copy" });
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.waiting, run.attempt, run.route], ["ready", undefined, 0, undefined]);
    assert.equal(await stateOf(store, bystander), "waiting");
    const next = await takeOne(store, worker);
    assert.deepEqual([next.run, next.paused, next.attempt], [id, false, 1]);
  });

  suite.test("the job is resumed before the park is settled: the run is ready at once", async ({ store }) => {
    const id = await insertOne(store);
    await store.pause({ job: "copy" });
    const worker = await enter(store);
    const claimed = await takeOne(store, worker);
    await store.resume({ job: "copy" });
    assert.deepEqual(await store.settle([parked(claimed, "paused")]), [{ taken: true, state: "ready" }]);
    assert.equal((await takeOne(store, worker)).run, id);
  });

  suite.test(
    "is freed by no registration, and a resume frees none that waits for a worker",
    async ({ store }) => {
      const waiting = await parkedRun(store);
      const id = await insertOne(store, { job: "move" });
      await store.pause({ job: "move" });
      await store.pause({ job: "copy" });
      await settle(store, parked(await takeOne(store, await enter(store)), "paused"));
      await enter(store, { abilities: stranger });
      assert.equal(await stateOf(store, id), "waiting");
      await store.resume({ job: "copy" });
      assert.equal(await stateOf(store, waiting.id), "waiting");
    },
  );

  suite.test("keeps its route over a pause", async ({ store }) => {
    const { id, worker } = await parkedRun(store);
    const capable = await enter(store, { abilities: newer });
    await store.pause({ job: "copy" });
    await settle(store, parked(await takeOne(store, capable, newer), "paused"));
    await store.resume({ job: "copy" });
    assert.deepEqual(await take(store, worker, { "*": 10 }, older), []);
    assert.equal((await takeOne(store, capable, newer)).run, id);
  });
}

/**
 * 5,000 runs of each version. The old worker meets new runs and parks them, first with nobody there to take them, then
 * beside a new worker; it leaves half-way. Nothing may be left behind, and the old worker may execute no new run.
 */
async function rollingDeploy({
  store,
  clock,
}: {
  store: Store;
  clock: { advance(ms: number): Promise<void> };
}): Promise<void> {
  for (let part = 0; part < 10; part++) {
    await store.insert(manyRuns(1_000, (index) => ({ version: 1 + ((index + part) % 2) })));
    await clock.advance(1);
  }
  const work = async (worker: string, abilities: readonly Ability[], most: number): Promise<number> => {
    const claimed = await take(store, worker, { "*": most }, abilities);
    const version = at(abilities, 0).version;
    await settle(
      store,
      ...claimed.map((run) => (run.version > version ? parked(run, "worker") : succeeded(run))),
    );
    return claimed.length;
  };
  const old = await enter(store, { abilities: older });
  for (let round = 0; round < 8; round++) await work(old, older, 500);
  const fresh = await enter(store, { abilities: newer });
  await Promise.all(
    Array.from({ length: 6 }, async () => Promise.all([work(old, older, 300), work(fresh, newer, 300)])),
  );
  await store.retire(old);
  while ((await work(fresh, newer, 1_000)) > 0) await clock.advance(1);
  const counts = await store.countByState();
  assert.deepEqual(counts, {
    scheduled: 0,
    ready: 0,
    running: 0,
    waiting: 0,
    succeeded: 10_000,
    failed: 0,
    cancelled: 0,
  });
}
