// Promotion: what is due becomes ready, exactly then, and what came too late fails instead of running late.
//
// A worker sleeps until `next`, so a moment that is told too late is a run that starts too late. The deadlines are
// about runs that have not started, or not ended; a run that is being executed is the loop's to stop.
import assert from "node:assert/strict";
import {
  backedOff,
  copy,
  enter,
  hour,
  insertOne,
  kindsOf,
  minute,
  parked,
  picture,
  running,
  second,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

export function promote(suite: Suite): void {
  suite.describe("what is due", () => due(suite));
  suite.describe("what came too late", () => expiry(suite));
}

function due(suite: Suite): void {
  suite.test("a run is ready at its moment and not a millisecond before", async ({ store, clock }) => {
    const id = await insertOne(store, { due: { after: 5_000 } });
    await clock.advance(4_999);
    assert.deepEqual(await store.promote(10), { moved: 0, next: beginning + 5_000, expired: [] });
    assert.equal(await stateOf(store, id), "scheduled");
    await clock.advance(1);
    assert.deepEqual(await store.promote(10), { moved: 1, next: undefined, expired: [] });
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.runAt, run.attempt], ["ready", beginning + 5_000, 0]);
    assert.deepEqual(await store.promote(10), { moved: 0, next: undefined, expired: [] });
  });

  suite.test(
    "next is the earliest of what is left, whatever order it was recorded in",
    async ({ store, clock }) => {
      for (const after of [30, 10, 50, 20, 40]) await insertOne(store, { due: { after } });
      assert.deepEqual(await store.promote(10), { moved: 0, next: beginning + 10, expired: [] });
      await clock.advance(25);
      assert.deepEqual(await store.promote(10), { moved: 2, next: beginning + 30, expired: [] });
      await clock.advance(25);
      assert.deepEqual(await store.promote(10), { moved: 3, next: undefined, expired: [] });
    },
  );

  suite.test(
    "with a limit the longest due come first, and next says that there is more now",
    async ({ store, clock }) => {
      const late = await insertOne(store, { due: { after: 30 } });
      const early = await insertOne(store, { due: { after: 10 } });
      const middle = await insertOne(store, { due: { after: 20 } });
      await clock.advance(100);
      const first = await store.promote(2);
      assert.equal(first.moved, 2);
      assert.ok(
        first.next !== undefined && first.next <= store.now(),
        "there is more, and it is due already",
      );
      assert.deepEqual(
        (await store.find([early, middle, late])).map((run) => run?.state),
        ["ready", "ready", "scheduled"],
      );
      assert.deepEqual(await store.promote(2), { moved: 1, next: undefined, expired: [] });
    },
  );

  suite.test(
    "a backoff is over when its duration has passed since the settlement",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store);
      await clock.advance(400);
      await settle(store, backedOff(claimed, 1_000));
      await clock.advance(999);
      assert.deepEqual(await store.promote(10), { moved: 0, next: beginning + 1_400, expired: [] });
      await clock.advance(1);
      assert.equal((await store.promote(10)).moved, 1);
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.attempt], ["ready", 1]);
    },
  );

  suite.test("what is not scheduled is not touched", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    const waiting = await insertOne(store, { waiting: "preparation" });
    const plain = await insertOne(store);
    const cancelled = await insertOne(store, { due: { after: 5 } });
    await store.cancel([cancelled], "not wanted");
    const ids = [id, waiting, plain, cancelled];
    await clock.advance(10);
    const before = await Promise.all(ids.map((each) => picture(store, each)));
    assert.deepEqual(await store.promote(10), { moved: 0, next: undefined, expired: [] });
    assert.deepEqual(await Promise.all(ids.map((each) => picture(store, each))), before);
    await settle(store, succeeded(claimed));
  });

  suite.shared(
    "two stores promote side by side and move each run once",
    async ({ store, another, clock }) => {
      const other = await another();
      for (let count = 0; count < 30; count++) await insertOne(store, { due: { after: 10 + count } });
      await clock.advance(100);
      const [here, there] = await Promise.all([store.promote(20), other.promote(20)]);
      assert.equal(here.moved + there.moved, 30);
      assert.equal(await store.count({ states: ["ready"] }), 30);
    },
  );
}

function expiry(suite: Suite): void {
  for (const limit of ["startWithin", "finishWithin"] as const) {
    suite.test(`a ready run is failed after ${limit}, and not before`, async ({ store, clock }) => {
      const id = await insertOne(store, { [limit]: 5_000 });
      await clock.advance(4_999);
      assert.equal((await store.promote(10)).moved, 0);
      assert.equal(await stateOf(store, id), "ready");
      await clock.advance(2);
      assert.equal((await store.promote(10)).moved, 1);
      const run = await stored(store, id);
      assert.deepEqual(
        [run.state, run.reason, run.finishedAt, run.attempt, run.worker],
        ["failed", "expired", beginning + 5_001, 0, undefined],
      );
      assert.ok((await kindsOf(store, id)).includes("expired"));
      assert.deepEqual(await take(store, await enter(store)), []);
      assert.equal((await store.promote(10)).moved, 0);
    });

    suite.test(`a scheduled and a waiting run are failed after ${limit} too`, async ({ store, clock }) => {
      const scheduled = await insertOne(store, { due: { after: hour }, [limit]: 5_000 });
      const waiting = await insertOne(store, { waiting: "preparation", [limit]: 6_000 });
      await clock.advance(5_500);
      assert.equal((await store.promote(10)).moved, 1);
      assert.deepEqual(
        [await stateOf(store, scheduled), await stateOf(store, waiting)],
        ["failed", "waiting"],
      );
      await clock.advance(1_000);
      assert.equal((await store.promote(10)).moved, 1);
      const run = await stored(store, waiting);
      assert.deepEqual([run.state, run.reason, run.waiting], ["failed", "expired", undefined]);
    });

    suite.test(
      `a run that is due and past its ${limit} at once is not handed out`,
      async ({ store, clock }) => {
        const id = await insertOne(store, { due: { after: 4_000 }, [limit]: 5_000 });
        await clock.advance(minute);
        await store.promote(10);
        await store.promote(10);
        assert.equal(await stateOf(store, id), "failed");
      },
    );

    suite.test(`a running run is not touched by ${limit}`, async ({ store, clock }) => {
      const { id, claimed } = await running(store, { [limit]: 5_000 });
      const before = await picture(store, id);
      await clock.advance(hour);
      assert.equal((await store.promote(10)).moved, 0);
      assert.deepEqual(await picture(store, id), before);
      await settle(store, succeeded(claimed));
      await store.promote(10);
      assert.equal(await stateOf(store, id), "succeeded");
    });

    suite.test(
      `only so many are failed by ${limit} as the limit says, and the rest by the next call`,
      async ({ store, clock }) => {
        for (let count = 0; count < 5; count++) await insertOne(store, { [limit]: 1_000 + count });
        await insertOne(store, { [limit]: hour });
        await clock.advance(2_000);
        assert.equal((await store.promote(3)).moved, 3);
        assert.equal((await store.promote(3)).moved, 2);
        assert.deepEqual(
          [await store.count({ reasons: ["expired"] }), await store.count({ states: ["ready"] })],
          [5, 1],
        );
      },
    );
  }

  suite.test(
    "startWithin is about the first start: a run that started and backs off is not failed by it",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store, { startWithin: second });
      await settle(store, backedOff(claimed, minute));
      await clock.advance(2 * minute);
      await store.promote(10);
      assert.equal(await stateOf(store, id), "ready");
      assert.equal((await takeOne(store, worker)).attempt, 2);
    },
  );

  suite.test(
    "finishWithin is about the end: a run that backs off beyond it is failed",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store, { finishWithin: minute });
      await settle(store, backedOff(claimed, hour));
      await clock.advance(2 * minute);
      assert.equal((await store.promote(10)).moved, 1);
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.reason, run.attempt], ["failed", "expired", 1]);
    },
  );

  suite.test(
    "a parked run is failed when its time is over, and no event frees it then",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store, { version: 2, finishWithin: minute });
      await settle(store, parked(claimed, "worker"));
      await clock.advance(2 * minute);
      assert.equal((await store.promote(10)).moved, 1);
      await enter(store, { abilities: [{ ...copy, version: 2 }] });
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.reason, run.waiting], ["failed", "expired", undefined]);
    },
  );

  suite.test(
    "a run that was only claimed and parked has not started: startWithin is still about it",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store, { version: 2, startWithin: minute });
      await settle(store, parked(claimed, "worker"));
      await clock.advance(2 * minute);
      assert.equal((await store.promote(10)).moved, 1);
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.reason, run.attempt], ["failed", "expired", 0]);
    },
  );

  suite.test("an ended run is not failed by a deadline that passes later", async ({ store, clock }) => {
    const { id, claimed } = await running(store, { startWithin: second, finishWithin: second });
    await settle(store, succeeded(claimed));
    const cancelled = await insertOne(store, { startWithin: second, finishWithin: second });
    await store.cancel([cancelled], "not wanted");
    await clock.advance(minute);
    assert.equal((await store.promote(10)).moved, 0);
    assert.deepEqual([await stateOf(store, id), await stateOf(store, cancelled)], ["succeeded", "cancelled"]);
  });
}
