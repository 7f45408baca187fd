// Moving: runs that leave for another store, and runs that come from one.
//
// One store is enough to show both: what has left it comes back, and is what it was. What a run was is its record, its
// timeline, its log and its entries; only its token may be another one, which must be higher than any it had.
import assert from "node:assert/strict";
import type { MovedRun, Store, StoredRun } from "../../store/contract.js";
import {
  aRun,
  at,
  boom,
  enter,
  failed,
  fenceOf,
  hour,
  insertOne,
  minute,
  only,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import { oneOfEach } from "./hand.js";
import type { Suite } from "./suite.js";

/** A run with all that belongs to it, as somebody who moves it reads it. */
async function readWhole(store: Store, id: string): Promise<MovedRun> {
  const [whole, ...others] = await store.read([id, aRun().id]);
  assert.deepEqual(others, []);
  assert.ok(whole !== undefined, `run ${id} was not read`);
  assert.deepEqual(whole.run, await stored(store, id));
  assert.deepEqual({ events: whole.events, logs: whole.logs }, await store.timeline(id));
  assert.deepEqual(whole.entries, await store.entries(id));
  return whole;
}

/** What has to be the same after the move. */
function kept({ run, ...belongings }: MovedRun): object {
  const { token: _, worker: __, ...record } = run;
  return { record, ...belongings };
}

const standing = ({ id, token, state }: StoredRun) => ({ id, token, state });

export function moving({ test, describe }: Suite): void {
  describe("there and back", () => {
    test("a run of each state that is at rest is what it was, with its timeline and log", async (bench) => {
      const { store, clock } = bench;
      const ids = await oneOfEach(bench);
      const wholes = await Promise.all(
        Object.entries(ids).flatMap(([state, id]) => (state === "running" ? [] : [readWhole(store, id)])),
      );
      assert.deepEqual(
        await store.release(wholes.map(({ run }) => standing(run))),
        wholes.map(() => true),
      );
      assert.deepEqual(
        await store.find(wholes.map(({ run }) => run.id)),
        wholes.map(() => undefined),
      );
      for (const { run } of wholes) assert.deepEqual(await store.timeline(run.id), { events: [], logs: [] });
      await clock.advance(minute);
      assert.deepEqual(
        await store.adopt(wholes),
        wholes.map(() => true),
      );
      for (const whole of wholes) assert.deepEqual(kept(await readWhole(store, whole.run.id)), kept(whole));
    });

    test("long texts, notes, words to find it by and limits stay with it, through a retry as well", async ({
      store,
      clock,
    }) => {
      const long = JSON.stringify("x".repeat(5_000));
      const fields = { input: long, startWithin: 5 * hour, finishWithin: 9 * hour };
      const words = { tags: ["a", "b"], meta: { tenant: "acme" }, release: "r1", priority: 3, queue: "far" };
      const id = await insertOne(store, { ...fields, ...words });
      const worker = await enter(store);
      const claimed = await takeOne(store, worker);
      await store.note([
        { ...fenceOf(claimed), log: { level: "info", message: "begun", fields: '{"n":1}' } },
        { ...fenceOf(claimed), progress: { done: 1, total: 2, note: "half" } },
      ]);
      await clock.advance(minute);
      await settle(store, { ...failed(claimed), error: { ...boom, stack: "y".repeat(5_000) } });
      await store.retry([id]);
      await clock.advance(minute);
      await settle(store, failed(await takeOne(store, worker)));
      const whole = await readWhole(store, id);
      await store.release([standing(whole.run)]);
      await store.adopt([whole]);
      assert.deepEqual(kept(await readWhole(store, id)), kept(whole));
      await store.retry([id]);
      const again = await stored(store, id);
      assert.equal(again.startBy, store.now() + fields.startWithin);
      assert.equal(again.finishBy, store.now() + fields.finishWithin);
    });
  });

  describe("release", () => {
    test("leaves alone what is not what was read any more, and what is running", async ({ store }) => {
      const id = await insertOne(store);
      const before = standing(await stored(store, id));
      assert.deepEqual(await store.release([{ ...before, token: before.token + 1 }]), [false]);
      await store.cancel([id], "unwanted");
      assert.deepEqual(await store.release([before]), [false]);
      const running = await insertOne(store);
      await takeOne(store, await enter(store));
      assert.deepEqual(await store.release([standing(await stored(store, running))]), [false]);
      assert.equal(await stateOf(store, running), "running");
      assert.deepEqual(
        await store.release([standing(await stored(store, id)), { ...before, id: aRun().id }]),
        [true, false],
      );
    });
  });

  describe("adopt", () => {
    test("a second time changes nothing, also of a run that has gone on since", async ({ store }) => {
      const id = await insertOne(store);
      const whole = await readWhole(store, id);
      await store.release([standing(whole.run)]);
      assert.deepEqual(await store.adopt([whole]), [true]);
      assert.deepEqual(await store.adopt([whole]), [false]);
      const worker = await enter(store);
      await settle(store, succeeded(await takeOne(store, worker)));
      assert.deepEqual(await store.adopt([whole]), [false]);
      assert.equal(await stateOf(store, id), "succeeded");
      assert.deepEqual(await take(store, worker), []);
    });

    test("gives higher tokens than any that its runs have had", async ({ store }) => {
      const whole = await readWhole(store, await insertOne(store));
      await store.release([standing(whole.run)]);
      await store.adopt([{ ...whole, run: { ...whole.run, token: 70_000_000 } }]);
      const claimed = await takeOne(store, await enter(store));
      assert.ok(claimed.token > 70_000_000, String(claimed.token));
    });

    test("lets its runs be claimed, promoted and prepared as if they had never been away", async ({
      store,
      clock,
    }) => {
      const ready = [await insertOne(store, { priority: 1 }), await insertOne(store)];
      const later = await insertOne(store, { due: { after: hour } });
      const unprepared = await insertOne(store, { waiting: "preparation" });
      const wholes = await Promise.all([...ready, later, unprepared].map((id) => readWhole(store, id)));
      await store.release(wholes.map(({ run }) => standing(run)));
      await store.adopt(wholes.toReversed());
      const worker = await enter(store);
      const claimed = await take(store, worker);
      assert.deepEqual(
        claimed.map(({ run }) => run),
        ready,
      );
      assert.equal((await store.promote(10)).next, at(wholes, 2).run.runAt);
      await clock.advance(hour);
      assert.equal((await store.promote(10)).moved, 1);
      const { job, version, queue, priority } = aRun();
      await store.prepare([{ id: unprepared, run: { job, version, queue, priority } }]);
      const found = (await take(store, worker)).map(({ run }) => run).toSorted();
      assert.deepEqual(found, [later, unprepared].toSorted());
    });

    test("takes no running run", async ({ store }) => {
      const id = await insertOne(store);
      await takeOne(store, await enter(store));
      const whole = await readWhole(store, id);
      await assert.rejects(store.adopt([whole]), { code: "NOT_BUILT" });
      assert.equal(only(await store.find([id]))?.state, "running");
    });
  });
}
