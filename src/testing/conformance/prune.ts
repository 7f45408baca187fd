// Pruning: what is past its keeping goes, with all that belonged to it, and nothing else ever does.
import assert from "node:assert/strict";
import {
  aRun,
  at,
  cancelledByItself,
  enter,
  failed,
  fenceOf,
  hour,
  insertOne,
  manyRuns,
  running,
  second,
  settle,
  stored,
  succeeded,
  take,
} from "./build.js";
import type { Suite } from "./suite.js";

const lifetime = 1_000 * 365 * 24 * hour;

export function prune(suite: Suite): void {
  suite.test(
    "a run goes exactly when its keeping is over, and not a millisecond before",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store);
      await clock.advance(7 * second);
      await settle(store, succeeded(claimed, { keep: 60 * second }));
      await clock.advance(60 * second - 1);
      assert.equal(await store.prune(10), 0);
      assert.equal((await stored(store, id)).state, "succeeded");
      await clock.advance(1);
      assert.equal(await store.prune(10), 1);
      assert.deepEqual(await store.find([id]), [undefined]);
      assert.equal(await store.prune(10), 0);
    },
  );

  suite.test(
    "succeeded, failed and cancelled runs go by the same rule, each in its time",
    async ({ store, clock }) => {
      await store.insert(manyRuns(3));
      const claimed = await take(store, await enter(store));
      await settle(
        store,
        succeeded(at(claimed, 0), { keep: 3 * second }),
        failed(at(claimed, 1), { keep: second }),
        cancelledByItself(at(claimed, 2), { keep: 2 * second }),
      );
      for (const left of [["succeeded", "cancelled"], ["succeeded"], []]) {
        await clock.advance(second);
        assert.equal(await store.prune(10), 1);
        assert.deepEqual(
          new Set((await store.list({}, { limit: 10 })).runs.map((run) => run.state)),
          new Set(left),
        );
      }
    },
  );

  suite.test("a keeping of nothing ends at once", async ({ store }) => {
    const { id, claimed } = await running(store);
    await settle(store, succeeded(claimed, { keep: 0 }));
    assert.equal(await store.prune(10), 1);
    assert.deepEqual(await store.find([id]), [undefined]);
  });

  suite.test("at most so many go as the limit says", async ({ store, clock }) => {
    await store.insert(manyRuns(7));
    const claimed = await take(store, await enter(store));
    await settle(store, ...claimed.map((run) => succeeded(run, { keep: second })));
    await clock.advance(2 * second);
    assert.deepEqual(
      [await store.prune(3), await store.prune(3), await store.prune(3), await store.prune(3)],
      [3, 3, 1, 0],
    );
    assert.equal(await store.count({}), 0);
  });

  suite.test("a run that has not ended never goes", async ({ store, clock }) => {
    await running(store);
    await insertOne(store);
    await insertOne(store, { due: { after: 2 * lifetime } });
    await insertOne(store, { waiting: "preparation" });
    await clock.advance(lifetime);
    assert.equal(await store.prune(100), 0);
    assert.equal(await store.count({}), 4);
  });

  suite.test("a run that was retried has its keeping behind it", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store);
    await settle(store, failed(claimed, { keep: second }));
    await store.retry([id]);
    await clock.advance(hour);
    assert.equal(await store.prune(10), 0);
    const [again] = await take(store, worker);
    assert.ok(again);
    await clock.advance(hour);
    assert.equal(await store.prune(10), 0);
    await settle(store, succeeded(again, { keep: second }));
    await clock.advance(second);
    assert.equal(await store.prune(10), 1);
  });

  suite.test(
    "its events, its log and its progress go with it, and only its own",
    async ({ store, clock }) => {
      await store.insert(manyRuns(2, () => ({ input: JSON.stringify("i".repeat(2_000)) })));
      const claimed = await take(store, await enter(store));
      await store.note(
        claimed.flatMap((run) => [
          { ...fenceOf(run), log: { level: "info" as const, message: "a line" } },
          { ...fenceOf(run), progress: { done: 1 } },
        ]),
      );
      const [gone, kept] = [at(claimed, 0), at(claimed, 1)];
      await settle(store, failed(gone, { keep: second }), failed(kept, { keep: hour }));
      await clock.advance(second);
      assert.equal(await store.prune(10), 1);
      assert.deepEqual(await store.timeline(gone.run), { events: [], logs: [] });
      const left = await store.timeline(kept.run);
      assert.deepEqual([left.events.length, left.logs.length], [1, 1]);
      assert.equal((await stored(store, kept.run)).progress?.done, 1);
      assert.equal((await stored(store, kept.run)).input?.length, 2_002);
    },
  );

  suite.test("its id is free again: a new run under it begins with nothing", async ({ store, clock }) => {
    const { id, claimed } = await running(store, { input: JSON.stringify("first ".repeat(500)) });
    await store.note([{ ...fenceOf(claimed), log: { level: "info", message: "a line" } }]);
    await store.note([{ ...fenceOf(claimed), progress: { done: 1 } }]);
    await settle(store, failed(claimed, { keep: second }));
    await clock.advance(second);
    await store.prune(10);
    assert.deepEqual(await store.insert([aRun({ id, input: "2" })]), [{ id, created: true }]);
    const run = await stored(store, id);
    assert.deepEqual(
      [run.input, run.state, run.attempt, run.crashes, run.error, run.progress, run.requestedAt],
      ["2", "ready", 0, 0, undefined, undefined, store.now()],
    );
    assert.deepEqual(await store.timeline(id), { events: [], logs: [] });
    assert.deepEqual(await store.settle([succeeded(claimed)]), [{ taken: false }]);
  });
}
