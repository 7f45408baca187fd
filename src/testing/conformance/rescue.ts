// Rescue: what becomes of the runs of a worker that died.
//
// They are given back at once, the lost execution is written down with all that explains a duplicate, and the worker
// is out: if it was only asleep, its heartbeat tells it so and its claims fail by name.
import assert from "node:assert/strict";
import {
  at,
  aWorker,
  backedOff,
  enter,
  handedBack,
  hour,
  insertOne,
  kindsOf,
  manyRuns,
  only,
  picture,
  running,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
  withCode,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

export function rescue(suite: Suite): void {
  suite.describe("the runs of a dead worker", () => ofTheDead(suite));
  suite.describe("a worker that leaves by itself", () => retirement(suite));
  suite.describe("finding the dead", () => finding(suite));
}

function ofTheDead(suite: Suite): void {
  suite.test("are ready again, with their attempt and their crash counted", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store);
    await clock.advance(11);
    assert.deepEqual(await store.rescue([{ worker }]), [{ run: id, job: "copy", attempt: 1, worker }]);
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.attempt, run.crashes, run.worker, run.finishedAt, run.requestedAt],
      ["ready", 1, 1, undefined, undefined, beginning],
    );
    const next = await takeOne(store, await enter(store));
    assert.deepEqual([next.run, next.attempt, next.crashes], [id, 2, 1]);
    assert.ok(next.token > claimed.token);
  });

  suite.test(
    "have the lost execution on their timeline, with moment, attempt, token and worker",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await clock.advance(11);
      await store.rescue([{ worker }]);
      const lost = only((await store.timeline(id)).events);
      assert.deepEqual(
        [lost.at, lost.kind, lost.attempt, lost.token, lost.worker],
        [beginning + 11, "lost", 1, claimed.token, worker],
      );
    },
  );

  suite.test(
    "are given back, and no other worker's, nor what the dead one had settled",
    async ({ store, clock }) => {
      await store.insert(manyRuns(9));
      const [dead, living] = [await enter(store), await enter(store)];
      const lost = await take(store, dead, { "*": 5 });
      const kept = await take(store, living, { "*": 3 });
      await settle(store, succeeded(at(lost, 0)), backedOff(at(lost, 1), hour));
      await clock.advance(7);
      const untouched = [...kept, at(lost, 0), at(lost, 1)].map((run) => run.run);
      const before = await Promise.all(untouched.map((id) => picture(store, id)));
      const rescued = await store.rescue([{ worker: dead }]);
      assert.deepEqual(new Set(rescued.map((run) => run.run)), new Set(lost.slice(2).map((run) => run.run)));
      assert.deepEqual(await Promise.all(untouched.map((id) => picture(store, id))), before);
      await settle(store, ...kept.map((run) => succeeded(run)));
      assert.deepEqual(await store.countByState(), {
        scheduled: 1,
        ready: 4,
        running: 0,
        waiting: 0,
        succeeded: 4,
        failed: 0,
        cancelled: 0,
      });
    },
  );

  suite.test("of several dead workers are told by worker", async ({ store }) => {
    await store.insert(manyRuns(6));
    const workers = [await enter(store), await enter(store), await enter(store)];
    const holder = new Map<string, string>();
    for (const worker of workers)
      for (const run of await take(store, worker, { "*": 2 })) holder.set(run.run, worker);
    const rescued = await store.rescue(workers.slice(0, 2).map((worker) => ({ worker })));
    assert.equal(rescued.length, 4);
    for (const { run, worker, attempt } of rescued) assert.deepEqual([worker, attempt], [holder.get(run), 1]);
    assert.equal(await store.count({ states: ["running"] }), 2);
  });

  suite.test("go before what came after them", async ({ store, clock }) => {
    const { id, worker } = await running(store);
    await clock.advance(3);
    await insertOne(store);
    await clock.advance(3);
    await store.rescue([{ worker }]);
    assert.equal(only(await take(store, await enter(store), { "*": 1 })).run, id);
  });

  suite.test("are cancelled if somebody had asked for it", async ({ store, clock }) => {
    const { id, worker } = await running(store);
    await clock.advance(3);
    await store.cancel([id], "not wanted");
    await clock.advance(8);
    const [rescued] = await store.rescue([{ worker }]);
    assert.equal(rescued?.run, id);
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.reason, run.cancelAsked, run.finishedAt, run.attempt, run.crashes, run.worker],
      ["cancelled", "not wanted", undefined, beginning + 11, 1, 1, undefined],
    );
    assert.ok((await kindsOf(store, id)).includes("lost"));
    assert.deepEqual(await take(store, await enter(store)), []);
  });

  suite.test("are rescued once", async ({ store, clock }) => {
    const { id, worker } = await running(store);
    assert.equal((await store.rescue([{ worker }, { worker }])).length, 1);
    const before = await picture(store, id);
    await clock.advance(7);
    assert.deepEqual(await store.rescue([{ worker }]), []);
    assert.deepEqual(await store.rescue([{ worker: "nobody" }]), []);
    assert.deepEqual(await picture(store, id), before);
  });

  suite.test("are not taken from whoever has claimed them since", async ({ store, clock }) => {
    const { id, worker } = await running(store);
    await store.rescue([{ worker }]);
    const owner = await takeOne(store, await enter(store));
    const before = await picture(store, id);
    await clock.advance(7);
    assert.deepEqual(await store.rescue([{ worker }]), []);
    assert.deepEqual(await picture(store, id), before);
    await settle(store, succeeded(owner));
  });

  suite.test("count every crash, and keep it when they are handed back", async ({ store }) => {
    const id = await insertOne(store);
    for (const crashes of [1, 2, 3]) {
      const worker = await enter(store);
      assert.equal((await takeOne(store, worker)).crashes, crashes - 1);
      await store.rescue([{ worker }]);
      assert.equal((await stored(store, id)).crashes, crashes);
    }
    const claimed = await takeOne(store, await enter(store));
    assert.equal(claimed.attempt, 4);
    await settle(store, handedBack(claimed));
    const run = await stored(store, id);
    assert.deepEqual([run.crashes, run.attempt], [3, 3]);
  });

  suite.test(
    "and the worker is out: its heartbeat says so, and its claims fail by name",
    async ({ store, clock }) => {
      const { worker } = await running(store);
      await store.rescue([{ worker }]);
      await clock.advance(5);
      assert.deepEqual(await store.workers(), []);
      assert.deepEqual(await store.heartbeat(worker), {
        alive: false,
        cancelled: [],
        lost: [],
        messages: [],
        slots: {},
      });
      assert.deepEqual(await store.pulse(worker), {
        alive: false,
        cancelled: [],
        lost: [],
        messages: [],
        slots: {},
      });
      await assert.rejects(take(store, worker), withCode("WORKER_LOST"));
      assert.deepEqual(await store.workers(), [], "a heartbeat brought a dead worker back");
      assert.equal(await store.count({ states: ["ready"] }), 1);
    },
  );

  suite.test("and the worker may enter anew, under its id, without what it had", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await store.rescue([{ worker }]);
    await store.register(aWorker({ id: worker }));
    assert.deepEqual(await store.heartbeat(worker), {
      alive: true,
      cancelled: [],
      lost: [],
      messages: [],
      slots: {},
    });
    assert.deepEqual(await store.settle([succeeded(claimed)]), [{ taken: false }]);
    const next = await takeOne(store, worker);
    assert.equal(next.run, id);
    assert.deepEqual(await store.settle([succeeded(claimed)]), [{ taken: false }]);
    await settle(store, succeeded(next));
  });

  suite.shared(
    "a claim and a rescue of its worker that race: nothing is lost, nothing is owned by the dead",
    async ({ store, another }) => {
      const other = await another();
      const runs = manyRuns(40);
      await store.insert(runs);
      for (let round = 0; round < 40; round++) {
        const worker = await enter(store);
        const [claimed, rescued] = await Promise.all([
          take(store, worker, { "*": 1 }).catch((error: unknown) => {
            withCode("WORKER_LOST")(error);
            return [];
          }),
          other.rescue([{ worker }]),
        ]);
        // A claim that was rescued at once may come back empty; what it did come back with is lost.
        if (rescued.length > 0) {
          const answers = await store.settle(claimed.map((run) => succeeded(run)));
          assert.deepEqual(
            answers,
            claimed.map(() => ({ taken: false })),
          );
        }
        assert.equal(
          await store.count({ states: ["running"] }),
          0,
          `round ${round}: a run is left with a dead worker`,
        );
      }
      assert.equal(await store.count({ states: ["ready"] }), 40);
    },
  );
}

function retirement(suite: Suite): void {
  suite.test("what it handed back keeps its attempts, and the worker is gone", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await settle(store, handedBack(claimed));
    await store.retire(worker);
    assert.deepEqual(await store.workers(), []);
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.attempt, run.crashes], ["ready", 0, 0]);
    assert.deepEqual(await kindsOf(store, id), ["handedBack"]);
    await assert.rejects(take(store, worker), withCode("WORKER_LOST"));
    assert.equal((await store.heartbeat(worker)).alive, false);
  });

  suite.test("what it still held is given back as by a rescue", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store);
    const asked = await insertOne(store);
    await takeOne(store, worker);
    await store.cancel([asked], "not wanted");
    await clock.advance(7);
    await store.retire(worker);
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.attempt, run.crashes, run.worker], ["ready", 1, 1, undefined]);
    const lost = only((await store.timeline(id)).events);
    assert.deepEqual([lost.kind, lost.attempt, lost.token, lost.worker], ["lost", 1, claimed.token, worker]);
    assert.equal(await stateOf(store, asked), "cancelled");
  });

  suite.test("retiring twice, or without having entered, is nothing", async ({ store }) => {
    const worker = await enter(store);
    await store.retire(worker);
    await store.retire(worker);
    await store.retire("nobody");
    assert.deepEqual(await store.workers(), []);
  });
}

function finding(suite: Suite): void {
  suite.test("a worker that has just shown that it lives is not lost", async ({ store, clock }) => {
    const worker = await enter(store);
    assert.deepEqual(await store.findLost(), []);
    for (let beat = 0; beat < 20; beat++) {
      await clock.advance(1_000);
      await store.heartbeat(worker);
      assert.deepEqual(await store.findLost(), []);
    }
  });

  suite.test(
    "a worker that was silent for an hour is lost, and one that was not is not",
    async ({ store, clock }) => {
      const silent = await enter(store);
      const living = await enter(store);
      const lost = async () => (await store.findLost()).map(({ worker }) => worker);
      assert.deepEqual(await lost(), []);
      for (let beat = 0; beat < 60; beat++) {
        await clock.advance(60_000);
        await store.heartbeat(living);
      }
      assert.deepEqual(await lost(), [silent]);
      assert.deepEqual(await lost(), [silent], "it stays lost until it is rescued");
      await store.rescue([{ worker: silent }]);
      assert.deepEqual(await store.findLost(), []);
    },
  );
}
