// Those that are gone: how a worker ended, of what, and what became of its runs.
//
// Workers that are there and workers that were are kept apart. What is kept of the dead is bounded by age and by number,
// so that a crash loop fills no disk.
import assert from "node:assert/strict";
import {
  at,
  aWorker,
  enter,
  handedBack,
  hour,
  insertOne,
  manyRuns,
  only,
  running,
  settle,
  take,
  takeOne,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

const day = 24 * hour;

export function departed(suite: Suite): void {
  suite.test("a worker that stopped with nothing in hand", async ({ store, clock }) => {
    const worker = aWorker({ host: "it's:host", pid: 123_456, release: "1.2.3", runner: 123_455 });
    await store.register(worker);
    await insertOne(store);
    await settle(store, handedBack(await takeOne(store, worker.id)));
    await clock.advance(5);
    await store.heartbeat(worker.id);
    await clock.advance(7);
    assert.deepEqual(await store.departed(10), []);
    await store.retire(worker.id);
    assert.deepEqual(await store.departed(10), [
      {
        id: worker.id,
        host: "it's:host",
        pid: 123_456,
        release: "1.2.3",
        startedAt: beginning,
        heartbeatAt: beginning + 5,
        endedAt: beginning + 12,
        how: "stopped",
        cause: undefined,
        lost: 0,
        runs: [],
      },
    ]);
  });

  suite.test("a worker that stopped with runs in hand is lost, and they are named", async ({ store }) => {
    const { id, worker } = await running(store);
    await store.retire(worker);
    const gone = only(await store.departed(10));
    assert.deepEqual([gone.how, gone.lost, gone.runs], ["lost", 1, [id]]);
    assert.ok(gone.cause, "it says why");
  });

  suite.test("a worker that died, of what, and what it held", async ({ store }) => {
    await store.insert(manyRuns(3));
    const worker = await enter(store);
    const held = await take(store, worker);
    await store.rescue([{ worker, cause: "killed by SIGKILL", culprits: [at(held, 0).run] }]);
    const gone = only(await store.departed(10));
    assert.deepEqual([gone.id, gone.how, gone.cause, gone.lost], [worker, "lost", "killed by SIGKILL", 3]);
    assert.deepEqual(new Set(gone.runs), new Set(held.map(({ run }) => run)));
  });

  suite.test("a worker that died with nothing in hand, of unknown cause", async ({ store }) => {
    const worker = await enter(store);
    await store.rescue([{ worker }]);
    const gone = only(await store.departed(10));
    assert.deepEqual([gone.how, gone.cause, gone.lost, gone.runs], ["lost", undefined, 0, []]);
  });

  suite.test("of many runs, the first hundred are named and all are counted", async ({ store }) => {
    await store.insert(manyRuns(130));
    const worker = await enter(store);
    const held = new Set((await take(store, worker, { "*": 130 })).map(({ run }) => run));
    await store.rescue([{ worker }]);
    const gone = only(await store.departed(10));
    assert.equal(gone.lost, 130);
    assert.equal(new Set(gone.runs).size, 100);
    for (const run of gone.runs) assert.ok(held.has(run));
  });

  suite.test(
    "newest first, as many as asked for, and those that are there are not among them",
    async ({ store, clock }) => {
      const workers = [await enter(store), await enter(store), await enter(store), await enter(store)];
      for (const worker of workers.slice(0, 3)) {
        await clock.advance(3);
        await store.retire(worker);
      }
      const ids = async (limit: number) => (await store.departed(limit)).map(({ id }) => id);
      assert.deepEqual(await ids(10), [at(workers, 2), at(workers, 1), at(workers, 0)]);
      assert.deepEqual(await ids(2), [at(workers, 2), at(workers, 1)]);
      assert.deepEqual(only(await store.workers()).id, at(workers, 3));
    },
  );

  suite.test(
    "one that was never there is not remembered; one that comes and goes twice is twice",
    async ({ store }) => {
      await store.retire("nobody");
      await store.rescue([{ worker: "nobody", cause: "a rumour" }]);
      assert.deepEqual(await store.departed(10), []);
      const worker = await enter(store);
      await store.rescue([{ worker, cause: "the first time" }]);
      await store.register(aWorker({ id: worker }));
      assert.deepEqual((await store.departed(10)).length, 1, "it is back, and has been gone");
      await store.retire(worker);
      assert.deepEqual(
        (await store.departed(10)).map(({ how, cause }) => [how, cause]),
        [
          ["stopped", undefined],
          ["lost", "the first time"],
        ],
      );
    },
  );

  suite.test("those older than seven days are forgotten when another one goes", async ({ store, clock }) => {
    const [first, second, third] = [await enter(store), await enter(store), await enter(store)];
    await store.retire(first);
    await clock.advance(day);
    await store.retire(second);
    await clock.advance(6 * day);
    await store.retire(third);
    assert.deepEqual(
      (await store.departed(10)).map(({ id }) => id),
      [third, second, first],
    );
    await clock.advance(1);
    await store.retire(await enter(store));
    assert.deepEqual((await store.departed(10)).map(({ id }) => id).slice(1), [third, second]);
  });

  suite.test("the last thousand are remembered, and no more", async ({ store }) => {
    const first = await enter(store);
    await store.retire(first);
    const workers = await Promise.all(Array.from({ length: 1_000 }, () => enter(store)));
    await store.rescue(workers.slice(0, 999).map((worker) => ({ worker })));
    assert.equal((await store.departed(5_000)).at(-1)?.id, first);
    await store.retire(at(workers, 999));
    const gone = await store.departed(5_000);
    assert.equal(gone.length, 1_000);
    assert.equal(at(gone, 0).id, at(workers, 999));
    assert.ok(gone.every(({ id }) => id !== first));
  });
}
