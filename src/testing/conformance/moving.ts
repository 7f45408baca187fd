// Moving: runs that leave for another store, and runs that come from one.
//
// One store is enough to show both: what has left it comes back, and is what it was. What a run was is its record, its
// timeline, its log and its entries; only its token may be another one, which must be higher than any it had.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { MovedRun, Store, StoredRun } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  boom,
  enter,
  failed,
  fenceOf,
  hour,
  insertOne,
  manyRuns,
  minute,
  only,
  running,
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

    test("what it waits for and the signals that it has not taken come with it, and wake it there", async ({
      store,
      clock,
    }) => {
      const { id, worker, claimed } = await running(store);
      const wait = { name: "go", kind: "signal", hash: "go", state: "pending" } as const;
      const nap = { name: "nap", kind: "sleep", state: "pending", due: { after: minute } } as const;
      await store.record([{ ...fenceOf(claimed), entries: [wait, nap] }]);
      const early = { id: newId(), name: "early", payload: '"ünïcödé"' };
      await store.signal([{ ...early, to: { run: id } }]);
      const on = JSON.stringify(["go", "nap"]);
      await settle(store, {
        ...fenceOf(claimed),
        state: "waiting",
        waiting: { reason: "entries", on },
        giveBack: true,
      });
      const whole = await readWhole(store, id);
      assert.deepEqual(whole.signals, [early]);
      assert.deepEqual(await store.release([standing(whole.run)]), [true]);
      assert.deepEqual(await store.adopt([whole]), [true]);
      assert.deepEqual(kept(await readWhole(store, id)), kept(whole));
      await clock.advance(minute);
      await store.promote(10);
      const woken = await takeOne(store, worker);
      assert.equal(woken.hasEntries, true);
      const entry = { name: "early", kind: "signal", hash: "early", state: "pending" } as const;
      const answer = only(await store.record([{ ...fenceOf(woken), entries: [entry] }]));
      assert.equal(answer.taken && only(answer.settled).value, early.payload);
      await store.signal([{ id: newId(), to: { run: id }, name: "go", payload: undefined }]);
      assert.deepEqual(
        (await store.entries(id)).map(({ name, state }) => [name, state]),
        [
          ["early", "done"],
          ["go", "done"],
          ["nap", "pending"],
        ],
      );
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

  describe("runs that hang together", () => {
    test("come after those that came before them, and after those that come later", async ({ store }) => {
      const first = await insertOne(store);
      const other = await insertOne(store, { queue: "other" });
      const last = await insertOne(store, { after: [first, other], onParentFailure: "cancel" });
      const wholes = await Promise.all([last, first, other].map((id) => readWhole(store, id)));
      assert.deepEqual([...(at(wholes, 0).run.after ?? [])].sort(), [first, other].sort());
      for (const { run } of wholes.toReversed())
        assert.deepEqual(await store.release([standing(run)]), [true]);
      for (const whole of wholes) assert.deepEqual(await store.adopt([whole]), [true]);
      assert.deepEqual(kept(await readWhole(store, last)), kept(at(wholes, 0)));
      const worker = await enter(store);
      await settle(store, ...(await take(store, worker)).map((claimed) => succeeded(claimed)));
      assert.equal((await takeOne(store, worker)).run, last);
    });

    test("are let go, or end, there as they would have here", async ({ store }) => {
      const worker = await enter(store);
      const first = await insertOne(store);
      const [fine, bad] = [
        await insertOne(store, { after: [first] }),
        aRun({ after: [first], onParentFailure: "cancel" }),
      ];
      await store.insert([bad]);
      const wholes = await Promise.all([first, fine, bad.id].map((id) => readWhole(store, id)));
      await store.release(wholes.map(({ run }) => standing(run)));
      await store.adopt(wholes);
      await settle(store, failed(await takeOne(store, worker)));
      assert.deepEqual([await stateOf(store, fine), await stateOf(store, bad.id)], ["failed", "cancelled"]);
    });

    test("are not told of what only leaves, and let go when that comes having succeeded", async ({
      store,
    }) => {
      const first = await insertOne(store);
      const last = await insertOne(store, { after: [first] });
      await settle(store, backedOff(await takeOne(store, await enter(store)), hour));
      const whole = await readWhole(store, first);
      await store.release([standing(whole.run)]);
      assert.equal(await stateOf(store, last), "waiting");
      const finishedAt = store.now();
      const run = { ...whole.run, state: "succeeded", finishedAt, expiresAt: finishedAt + hour } as const;
      await store.adopt([{ ...whole, run }]);
      assert.equal(await stateOf(store, last), "ready");
    });

    test("are counted in their batch, wherever each of them ends", async ({ store, clock }) => {
      const [inner, outer] = [newId(), newId()];
      const runs = manyRuns(4, () => ({ batch: inner }));
      const onFinished = aRun({ queue: "told" });
      await store.insert(runs, [
        { id: outer, name: "outer", onFinished },
        { id: inner, name: "inner", batch: outer },
      ]);
      const worker = await enter(store);
      const [one, other] = await take(store, worker, { default: 2 });
      assert.ok(one !== undefined && other !== undefined);
      await settle(store, succeeded(one), failed(other));
      const counts = async (id: string): Promise<unknown> => {
        const [batch] = await store.batches([id]);
        return batch && [batch.total, batch.succeeded, batch.failed, batch.cancelled];
      };
      assert.deepEqual(
        [await counts(inner), await counts(outer)],
        [
          [4, 1, 1, 0],
          [1, 0, 0, 0],
        ],
      );
      for (const ids of [runs.slice(0, 3), runs].map((some) => some.map(({ id }) => id))) {
        const wholes = await Promise.all(ids.map((id) => readWhole(store, id)));
        assert.deepEqual(
          at(wholes, 0).batches?.map(({ id }) => id),
          [inner, outer],
        );
        await store.release(wholes.map(({ run }) => standing(run)));
        if (ids.length < runs.length) assert.deepEqual(await counts(inner), [4, 1, 1, 0]);
        else assert.deepEqual([await counts(inner), await counts(outer)], [undefined, undefined]);
        for (const whole of wholes) await store.adopt([whole]);
        assert.deepEqual(
          [await counts(inner), await counts(outer)],
          [
            [4, 1, 1, 0],
            [1, 0, 0, 0],
          ],
        );
      }
      await clock.advance(minute);
      await settle(
        store,
        ...(await take(store, worker, { default: 10 })).map((claimed) => succeeded(claimed)),
      );
      assert.deepEqual(
        [await counts(inner), await counts(outer)],
        [
          [4, 3, 1, 0],
          [1, 0, 1, 0],
        ],
      );
      assert.equal(await stateOf(store, onFinished.id), "ready");
    });

    test("of a batch that is open elsewhere do not finish it before those have come", async ({ store }) => {
      const batch = newId();
      const onFinished = aRun({ queue: "told" });
      const runs = manyRuns(3, () => ({ batch }));
      await store.insert(runs, [{ id: batch, name: "book", onFinished }]);
      const wholes = await Promise.all(runs.map(({ id }) => readWhole(store, id)));
      await store.release(wholes.map(({ run }) => standing(run)));
      // As if another store had counted them.
      const foreign = wholes.map((whole) => ({
        ...whole,
        batches: whole.batches?.map((one) => ({
          ...one,
          counted: { elsewhere: at(Object.values(one.counted), 0) },
        })),
      }));
      await store.adopt(foreign.slice(0, 2));
      const worker = await enter(store);
      await settle(
        store,
        ...(await take(store, worker, { default: 9 })).map((claimed) => succeeded(claimed)),
      );
      assert.deepEqual(await store.find([onFinished.id]), [undefined]);
      await store.adopt(foreign.slice(2));
      await settle(store, succeeded(only(await take(store, worker, { default: 9 }))));
      const summary = JSON.parse((await stored(store, onFinished.id)).input ?? "");
      assert.deepEqual([summary.total, summary.succeeded], [3, 3]);
    });
  });
}
