// The hand: what people and programs do to runs from outside, and what they see of them.
//
// Each verb answers, run by run, whether it did something, so that "already done" and "not possible" can be told.
// Finding by filter stands in `filters.ts`.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { QueueRow, StoredRun } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  cancelledByItself,
  enter,
  failed,
  fenceOf,
  hour,
  insertOne,
  kindsOf,
  manyRuns,
  minute,
  only,
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
import { type Bench, beginning, type Suite } from "./suite.js";

type State = StoredRun["state"];

/** A run of each state, made in this order, each at its own moment. */
export async function oneOfEach({ store, clock }: Bench): Promise<Record<State, string>> {
  const worker = await enter(store);
  const claimOne = async () => {
    await clock.advance(3);
    const id = await insertOne(store, { queue: `of ${store.now()}` });
    return { id, claimed: await takeOne(store, worker) };
  };
  const ended = { good: await claimOne(), bad: await claimOne(), unwanted: await claimOne() };
  await clock.advance(3);
  await settle(
    store,
    succeeded(ended.good.claimed),
    failed(ended.bad.claimed),
    cancelledByItself(ended.unwanted.claimed),
  );
  const held = await claimOne();
  await clock.advance(3);
  return {
    succeeded: ended.good.id,
    failed: ended.bad.id,
    cancelled: ended.unwanted.id,
    running: held.id,
    waiting: await insertOne(store, { waiting: "preparation" }),
    scheduled: await insertOne(store, { due: { after: hour } }),
    ready: await insertOne(store),
  };
}

export function hand(suite: Suite): void {
  suite.describe("finding by id", () => finding(suite));
  suite.describe("cancelling", () => cancelling(suite));
  suite.describe("retrying", () => {
    retrying(suite);
    deadlinesOfRetries(suite);
  });
  suite.describe("removing", () => removing(suite));
  suite.describe("counting", () => counting(suite));
}

function finding(suite: Suite): void {
  suite.test(
    "answers in the order of the question, with holes for what is not there, and doubles",
    async ({ store }) => {
      const runs = manyRuns(3);
      await store.insert(runs);
      const [one, two, three] = runs.map((run) => run.id) as [string, string, string];
      const asked = [three, newId(), one, three, "no id at all", two];
      assert.deepEqual(
        (await store.find(asked)).map((run) => run?.id),
        [three, undefined, one, three, undefined, two],
      );
    },
  );

  suite.test("finds thousands at once", async ({ store }) => {
    const runs = manyRuns(3_000, (index) => ({ input: `${index}` }));
    await store.insert(runs);
    const found = await store.find(runs.map((run) => run.id));
    assert.ok(found.every((run, index) => run?.input === `${index}`));
  });
}

function cancelling(suite: Suite): void {
  for (const state of ["scheduled", "ready", "waiting"] as const) {
    suite.test(`ends a ${state} run at once`, async (bench) => {
      const { store, clock } = bench;
      const id = (await oneOfEach(bench))[state];
      const before = await stored(store, id);
      await clock.advance(9);
      assert.deepEqual(await store.cancel([id], "it's over"), [true]);
      const run = await stored(store, id);
      assert.deepEqual(
        [run.state, run.reason, run.finishedAt, run.waiting, run.cancelAsked, run.attempt, run.requestedAt],
        ["cancelled", "it's over", store.now(), undefined, undefined, 0, before.requestedAt],
      );
      const event = at((await store.timeline(id)).events, -1 + (await store.timeline(id)).events.length);
      assert.deepEqual([event.kind, event.at], ["cancelled", store.now()]);
      await clock.advance(2 * hour);
      await store.promote(10);
      assert.equal(await stateOf(store, id), "cancelled");
    });
  }

  suite.test(
    "only asks for the end of a running run, which goes on until its worker settles",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await clock.advance(9);
      assert.deepEqual(await store.cancel([id], "it's over"), [true]);
      const run = await stored(store, id);
      assert.deepEqual(
        [run.state, run.cancelAsked, run.worker, run.token],
        ["running", "it's over", worker, claimed.token],
      );
      await settle(store, cancelledByItself(claimed, { reason: "it's over" }));
      assert.equal((await stored(store, id)).cancelAsked, undefined);
    },
  );

  for (const state of ["succeeded", "failed", "cancelled"] as const) {
    suite.test(`does nothing to a ${state} run`, async (bench) => {
      const { store, clock } = bench;
      const id = (await oneOfEach(bench))[state];
      const before = await picture(store, id);
      await clock.advance(9);
      assert.deepEqual(await store.cancel([id], "too late"), [false]);
      assert.deepEqual(await picture(store, id), before);
    });
  }

  suite.test("answers in order for many, the unknown among them", async (bench) => {
    const { store } = bench;
    const ids = await oneOfEach(bench);
    const asked = [
      ids.succeeded,
      ids.ready,
      newId(),
      ids.running,
      ids.failed,
      ids.waiting,
      ids.cancelled,
      ids.scheduled,
    ];
    assert.deepEqual(await store.cancel(asked, "all"), [false, true, false, true, false, true, false, true]);
    assert.deepEqual(
      (await store.find(asked)).map((run) => run?.state),
      ["succeeded", "cancelled", undefined, "running", "failed", "cancelled", "cancelled", "cancelled"],
    );
  });
}

function retrying(suite: Suite): void {
  for (const state of ["failed", "cancelled"] as const) {
    suite.test(
      `makes a ${state} run ready again, with all attempts and nothing of its end`,
      async (bench) => {
        const { store, clock } = bench;
        const id = (await oneOfEach(bench))[state];
        const before = await stored(store, id);
        await clock.advance(9);
        assert.deepEqual(await store.retry([id]), [true]);
        const run = await stored(store, id);
        assert.deepEqual(
          [
            run.state,
            run.attempt,
            run.finishedAt,
            run.expiresAt,
            run.reason,
            run.cancelAsked,
            run.worker,
            run.waiting,
          ],
          ["ready", 0, undefined, undefined, undefined, undefined, undefined, undefined],
        );
        assert.deepEqual(
          [run.requestedAt, run.input, run.queue],
          [before.requestedAt, before.input, before.queue],
        );
        assert.equal((await kindsOf(store, id)).at(-1), "retried");
        assert.equal((await kindsOf(store, id)).length, 2, "what happened before stays on its timeline");
        const next = only(await take(store, await enter(store), { [run.queue]: 5 }));
        assert.deepEqual([next.run, next.attempt], [id, 1]);
        assert.ok(next.token > before.token);
      },
    );
  }

  for (const state of ["succeeded", "running", "waiting", "scheduled", "ready"] as const) {
    suite.test(`does nothing to a ${state} run`, async (bench) => {
      const { store, clock } = bench;
      const id = (await oneOfEach(bench))[state];
      const before = await picture(store, id);
      await clock.advance(9);
      assert.deepEqual(await store.retry([id]), [false]);
      assert.deepEqual(await picture(store, id), before);
    });
  }

  suite.test("gives a run that used several attempts all of them again", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store);
    await settle(store, backedOff(claimed, 1));
    await clock.advance(5);
    await store.promote(10);
    await settle(store, failed(await takeOne(store, worker)));
    assert.equal((await stored(store, id)).attempt, 2);
    await store.retry([id]);
    for (const attempt of [1, 2, 3]) {
      const next = await takeOne(store, worker);
      assert.equal(next.attempt, attempt);
      await settle(store, backedOff(next, 1));
      await clock.advance(5);
      await store.promote(10);
    }
  });

  suite.test("answers in order for many, the unknown among them", async (bench) => {
    const { store } = bench;
    const ids = await oneOfEach(bench);
    assert.deepEqual(await store.retry([newId(), ids.failed, ids.ready, ids.cancelled, ids.running]), [
      false,
      true,
      false,
      true,
      false,
    ]);
  });

  suite.test(
    "of a run that failed because its time was over gives it a start: it is not failed again at once",
    async ({ store, clock }) => {
      const id = await insertOne(store, { startWithin: second, finishWithin: 2 * second });
      await clock.advance(minute);
      await store.promote(10);
      assert.equal((await stored(store, id)).reason, "expired");
      await store.retry([id]);
      await store.promote(10);
      assert.equal(await stateOf(store, id), "ready");
      assert.equal((await takeOne(store, await enter(store))).run, id);
    },
  );
}

function deadlinesOfRetries(suite: Suite): void {
  suite.test("again and again gives no more time than the first request had", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store, { startWithin: minute, finishWithin: hour });
    let last = claimed;
    for (let round = 0; round < 4; round++) {
      await settle(store, failed(last));
      await clock.advance(10 * minute);
      await store.retry([id]);
      const { startBy, finishBy } = await stored(store, id);
      assert.ok(startBy === undefined || startBy <= store.now() + minute, `startBy of retry ${round + 1}`);
      assert.ok(finishBy === undefined || finishBy <= store.now() + hour, `finishBy of retry ${round + 1}`);
      last = await takeOne(store, worker);
    }
  });
}

function removing(suite: Suite): void {
  for (const state of ["scheduled", "ready", "waiting", "succeeded", "failed", "cancelled"] as const) {
    suite.test(`takes a ${state} run away, with its timeline, and no other`, async (bench) => {
      const { store } = bench;
      const ids = await oneOfEach(bench);
      assert.deepEqual(await store.remove([ids[state]]), [true]);
      assert.deepEqual(await store.find([ids[state]]), [undefined]);
      assert.deepEqual(await store.timeline(ids[state]), { events: [], logs: [] });
      assert.equal(await store.count({}), 6);
      assert.deepEqual(await store.remove([ids[state]]), [false]);
    });
  }

  suite.test("does nothing to a running run, whose worker can still settle it", async ({ store }) => {
    const { id, claimed } = await running(store);
    const before = await picture(store, id);
    assert.deepEqual(await store.remove([id]), [false]);
    assert.deepEqual(await picture(store, id), before);
    await settle(store, succeeded(claimed));
  });

  suite.test("answers in order for many, the unknown among them", async (bench) => {
    const { store } = bench;
    const ids = await oneOfEach(bench);
    assert.deepEqual(await store.remove([ids.ready, newId(), ids.running, ids.succeeded]), [
      true,
      false,
      false,
      true,
    ]);
    assert.equal(await store.count({}), 5);
  });

  suite.test(
    "frees the id: a new run under it begins with nothing of the old one",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store, {
        tags: ["old"],
        input: JSON.stringify("old ".repeat(500)),
      });
      await store.note([{ ...fenceOf(claimed), log: { level: "info", message: "old" } }]);
      await store.note([{ ...fenceOf(claimed), progress: { done: 1 } }]);
      await settle(store, failed(claimed));
      await store.remove([id]);
      await clock.advance(5);
      assert.deepEqual(await store.insert([aRun({ id })]), [{ id, created: true }]);
      const run = await stored(store, id);
      assert.deepEqual(
        [run.tags, run.input, run.attempt, run.error, run.progress, run.requestedAt],
        [[], undefined, 0, undefined, undefined, beginning + 5],
      );
      assert.deepEqual(await store.timeline(id), { events: [], logs: [] });
    },
  );
}

function counting(suite: Suite): void {
  const none = { scheduled: 0, ready: 0, running: 0, waiting: 0, succeeded: 0, failed: 0, cancelled: 0 };

  suite.test("counts every state, the empty ones too", async (bench) => {
    assert.deepEqual(await bench.store.countByState(), none);
    await oneOfEach(bench);
    assert.deepEqual(
      await bench.store.countByState(),
      Object.fromEntries(Object.keys(none).map((state) => [state, 1])),
    );
    await insertOne(bench.store, { queue: "another" });
    assert.equal((await bench.store.countByState()).ready, 2);
  });

  suite.test(
    "tells of each queue what is in it, and since when something waits there",
    async ({ store, clock }) => {
      const row = (name: string, fields: Partial<QueueRow>): QueueRow => ({
        name,
        paused: false,
        scheduled: 0,
        ready: 0,
        running: 0,
        waiting: 0,
        oldest: undefined,
        heldUntil: undefined,
        slots: undefined,
        ...fields,
      });
      const rows = async () =>
        [...(await store.queues())].sort((one, other) => one.name.localeCompare(other.name));
      assert.deepEqual(await rows(), []);
      await store.insert([
        aRun({ queue: "a", due: { at: beginning - 5 } }),
        aRun({ queue: "a", due: { at: beginning - 9 } }),
        aRun({ queue: "a", due: { at: beginning - 1 } }),
        aRun({ queue: "a", due: { after: minute } }),
        aRun({ queue: "b", waiting: "preparation" }),
        aRun({ queue: "c" }),
      ]);
      await store.pause({ queue: "b" });
      await clock.advance(7);
      const claimed = only(await take(store, await enter(store), { c: 1 }));
      assert.deepEqual(await rows(), [
        row("a", { ready: 3, scheduled: 1, oldest: beginning - 9 }),
        row("b", { waiting: 1, paused: true }),
        row("c", { running: 1 }),
      ]);
      await store.pause({ job: "move" });
      await settle(store, {
        ...parked(claimed, "paused"),
        waiting: { reason: "worker", on: "copy@1" },
        state: "waiting",
      });
      await insertOne(store, { queue: "a" });
      assert.equal((await rows()).find((each) => each.name === "a")?.ready, 4);
    },
  );

  suite.test("a paused queue without a run is told of, so that somebody can resume it", async ({ store }) => {
    await store.pause({ queue: "empty" });
    const row = only((await store.queues()).filter((each) => each.name === "empty"));
    assert.deepEqual([row.paused, row.ready, row.oldest], [true, 0, undefined]);
  });

  suite.test("finished runs are not counted in their queue", async ({ store }) => {
    const { claimed } = await running(store, { queue: "done" });
    await settle(store, succeeded(claimed));
    const row = (await store.queues()).find((each) => each.name === "done");
    assert.deepEqual([row?.running ?? 0, row?.ready ?? 0], [0, 0]);
  });
}
