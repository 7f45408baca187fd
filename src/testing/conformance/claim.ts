// The claim: which runs a worker gets, how many, in which order, and what the claim writes.
//
// The attempt is counted here, so that an execution that takes its worker down has been counted. The order is the one
// promise that everybody notices: priority first, then whoever has waited longest.
import assert from "node:assert/strict";
import {
  aRun,
  at,
  backedOff,
  copy,
  enter,
  everything,
  handedBack,
  insertOne,
  manyRuns,
  only,
  parked,
  running,
  settle,
  stored,
  succeeded,
  take,
  takeOne,
  withCode,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

export function claim(suite: Suite): void {
  suite.describe("the order of claims", () => order(suite));
  suite.describe("how many are claimed, and from where", () => amounts(suite));
  suite.describe("what a claim writes", () => writes(suite));
  suite.describe("who may claim", () => rights(suite));
}

function order(suite: Suite): void {
  suite.test("the highest priority comes first, however late it came", async ({ store, clock }) => {
    const priorities = [0, -10, 3, 10, -2, 1];
    const ids = new Map<number, string>();
    for (const priority of priorities) {
      ids.set(priority, await insertOne(store, { priority }));
      await clock.advance(7);
    }
    const worker = await enter(store);
    for (const priority of [10, 3, 1, 0, -2, -10]) {
      assert.equal(
        only(await take(store, worker, { "*": 1 })).run,
        ids.get(priority),
        `priority ${priority}`,
      );
    }
  });

  suite.test("among equals the longest due comes first, not the first recorded", async ({ store, clock }) => {
    const late = await insertOne(store, { due: { at: beginning + 50 } });
    const early = await insertOne(store, { due: { at: beginning + 10 } });
    const middle = await insertOne(store, { due: { at: beginning + 30 } });
    await clock.advance(60);
    const now = await insertOne(store);
    await store.promote(10);
    const worker = await enter(store);
    const order = [];
    for (let count = 0; count < 4; count++) order.push(only(await take(store, worker, { "*": 1 })).run);
    assert.deepEqual(order, [early, middle, late, now]);
  });

  suite.test("one claim answers in the order in which single claims would", async ({ store, clock }) => {
    const runs = [
      { priority: 0, due: { at: beginning + 30 } },
      { priority: 2, due: { at: beginning + 20 } },
      { priority: 0, due: { at: beginning + 10 } },
      { priority: 2, due: { at: beginning + 40 } },
      { priority: 5, due: { at: beginning + 50 } },
    ].map((fields, index) => aRun({ ...fields, queue: `queue ${index % 2}` }));
    await store.insert(runs);
    await clock.advance(60);
    await store.promote(10);
    const claimed = await take(store, await enter(store));
    assert.deepEqual(
      claimed.map((run) => run.run),
      [4, 1, 3, 2, 0].map((index) => at(runs, index).id),
    );
  });

  suite.test("a claim that cannot take all takes the first of them", async ({ store, clock }) => {
    const ids: string[] = [];
    for (let count = 0; count < 6; count++) {
      ids.push(await insertOne(store));
      await clock.advance(3);
    }
    const worker = await enter(store);
    assert.deepEqual(
      (await take(store, worker, { default: 4 })).map((run) => run.run),
      ids.slice(0, 4),
    );
    assert.deepEqual(
      (await take(store, worker, { default: 4 })).map((run) => run.run),
      ids.slice(4),
    );
  });

  suite.test(
    "a run that was handed back keeps its place before those that came after it",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await clock.advance(3);
      await insertOne(store);
      await clock.advance(4);
      await settle(store, handedBack(claimed));
      assert.equal(only(await take(store, worker, { "*": 1 })).run, id);
    },
  );
}

function amounts(suite: Suite): void {
  suite.test("never more than is free, for each named queue and for the star together", async ({ store }) => {
    await store.insert(["a", "b", "c", "d"].flatMap((queue) => manyRuns(20, () => ({ queue }))));
    const claimed = await take(store, await enter(store), { a: 3, b: 1, "*": 5 });
    const count = (queue: string) => claimed.filter((run) => run.queue === queue).length;
    assert.deepEqual([count("a"), count("b"), count("c") + count("d")], [3, 1, 5]);
    assert.equal(new Set(claimed.map((run) => run.run)).size, claimed.length);
  });

  suite.test("without a star only the named queues are claimed from", async ({ store }) => {
    await store.insert(["a", "b", "c"].flatMap((queue) => manyRuns(3, () => ({ queue }))));
    const worker = await enter(store);
    assert.deepEqual(
      (await take(store, worker, { b: 10 })).map((run) => run.queue),
      ["b", "b", "b"],
    );
    assert.deepEqual(await take(store, worker, { nothing: 10 }), []);
    assert.deepEqual(await take(store, worker, {}), []);
  });

  suite.test("a named queue without a free slot is not reached through the star", async ({ store }) => {
    await store.insert(["full", "other"].flatMap((queue) => manyRuns(3, () => ({ queue }))));
    const claimed = await take(store, await enter(store), { full: 0, "*": 10 });
    assert.deepEqual(
      claimed.map((run) => run.queue),
      ["other", "other", "other"],
    );
  });

  suite.test(
    "the star takes the highest priority of all its queues, then the longest due",
    async ({ store, clock }) => {
      await insertOne(store, { queue: "low", priority: 1 });
      await clock.advance(1);
      const second = await insertOne(store, { queue: "b", priority: 4 });
      await clock.advance(1);
      const first = await insertOne(store, { queue: "a", priority: 8 });
      await clock.advance(1);
      const third = await insertOne(store, { queue: "a", priority: 4 });
      const claimed = await take(store, await enter(store), { "*": 3 });
      assert.deepEqual(
        claimed.map((run) => run.run),
        [first, second, third],
      );
    },
  );

  suite.test("queues of any name are queues", async ({ store }) => {
    const names = [
      "it's",
      'say "x"',
      "ünïcödé 🌊",
      "a,b",
      "{}",
      "$1",
      "%",
      "a b",
      "constructor",
      "__proto__",
    ];
    await store.insert(names.map((queue) => aRun({ queue })));
    const worker = await enter(store);
    for (const queue of names) assert.equal(only(await take(store, worker, { [queue]: 5 })).queue, queue);
  });

  suite.test("hundreds of queues are drained through one star", async ({ store }) => {
    await store.insert(manyRuns(300, (index) => ({ queue: `queue ${index}`, priority: (index % 21) - 10 })));
    const worker = await enter(store);
    assert.equal((await take(store, worker, { "*": 1_000 })).length, 300);
  });
}

function writes(suite: Suite): void {
  suite.test(
    "the run is running, of this worker, since now, at its first attempt",
    async ({ store, clock }) => {
      const id = await insertOne(store);
      await clock.advance(11);
      const worker = await enter(store);
      await clock.advance(13);
      const claimed = await takeOne(store, worker);
      assert.deepEqual(
        [
          claimed.run,
          claimed.attempt,
          claimed.crashes,
          claimed.startedAt,
          claimed.requestedAt,
          claimed.runAt,
        ],
        [id, 1, 0, beginning + 24, beginning, beginning],
      );
      const run = await stored(store, id);
      assert.deepEqual(
        [run.state, run.worker, run.attempt, run.token, run.startedAt, run.finishedAt, run.expiresAt],
        ["running", worker, 1, claimed.token, beginning + 24, undefined, undefined],
      );
    },
  );

  suite.test("the attempt counts up at every claim, and the token rises", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store);
    let last = claimed;
    for (let attempt = 2; attempt <= 5; attempt++) {
      await settle(store, backedOff(last, 10));
      await clock.advance(17);
      await store.promote(10);
      const next = await takeOne(store, worker);
      assert.deepEqual([next.run, next.attempt, next.startedAt], [id, attempt, store.now()]);
      assert.ok(next.token > last.token, `token ${next.token} after ${last.token}`);
      last = next;
    }
  });

  suite.test(
    "startBy is told with the first claim, and no more once the run has started",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store, { startWithin: 60_000, finishWithin: 70_000 });
      assert.deepEqual([claimed.startBy, claimed.finishBy], [beginning + 60_000, beginning + 70_000]);
      await settle(store, backedOff(claimed, 10));
      await clock.advance(17);
      await store.promote(10);
      const next = await takeOne(store, worker);
      assert.deepEqual([next.run, next.startBy, next.finishBy], [id, undefined, beginning + 70_000]);
    },
  );

  suite.test("a running run is claimed by nobody else, nor again by its own worker", async ({ store }) => {
    const { worker } = await running(store);
    assert.deepEqual(await take(store, worker), []);
    assert.deepEqual(await take(store, await enter(store)), []);
  });

  suite.test("ended and waiting runs are not claimed", async ({ store }) => {
    const worker = await enter(store);
    await store.insert(manyRuns(4));
    const [one, two, three, four] = await take(store, worker);
    assert.ok(one && two && three && four);
    await store.pause({ job: copy.job });
    await settle(
      store,
      succeeded(one),
      { ...succeeded(two), state: "failed" },
      { ...succeeded(three), state: "cancelled" },
      parked(four, "paused"),
    );
    assert.deepEqual(await take(store, worker), []);
  });

  suite.test("an empty claim changes nothing", async ({ store, clock }) => {
    await running(store);
    await insertOne(store, { due: { after: 1_000 } });
    await insertOne(store, { queue: "elsewhere" });
    const worker = await enter(store);
    const read = async () => ({
      runs: await everything(store),
      workers: await store.workers(),
      queues: await store.queues(),
    });
    const before = await read();
    await clock.advance(7);
    assert.deepEqual(await take(store, worker, { default: 10 }), []);
    assert.deepEqual(await read(), before);
  });

  suite.shared("what one store claimed another does not", async ({ store, another }) => {
    const other = await another();
    await store.insert(manyRuns(10));
    const here = await enter(store);
    const there = await enter(other);
    const first = await take(store, here, { "*": 6 });
    const second = await take(other, there, { "*": 6 });
    assert.deepEqual([first.length, second.length], [6, 4]);
    assert.equal(new Set([...first, ...second].map((run) => run.run)).size, 10);
  });
}

function rights(suite: Suite): void {
  suite.test("a worker that never registered may not claim", async ({ store }) => {
    const id = await insertOne(store);
    await assert.rejects(take(store, "nobody"), withCode("WORKER_LOST"));
    assert.equal((await stored(store, id)).state, "ready");
  });

  suite.test(
    "a worker that never registered may not claim when there is nothing to claim either",
    async ({ store }) => {
      await assert.rejects(take(store, "nobody"), withCode("WORKER_LOST"));
    },
  );

  suite.test(
    "a run that nobody has given back is handed to any worker: it is the worker that parks it",
    async ({ store }) => {
      const id = await insertOne(store, { job: "unheard of", version: 3 });
      assert.equal((await takeOne(store, await enter(store))).run, id);
    },
  );

  suite.test(
    "a paused queue is passed over, named and by the star, until it is resumed",
    async ({ store }) => {
      await store.insert([aRun({ queue: "held" }), aRun({ queue: "open" })]);
      const worker = await enter(store);
      await store.pause({ queue: "held" });
      assert.deepEqual(await take(store, worker, { held: 5 }), []);
      assert.deepEqual(
        (await take(store, worker, { "*": 5 })).map((run) => run.queue),
        ["open"],
      );
      assert.deepEqual(await take(store, worker, { held: 5, "*": 5 }), []);
      await store.resume({ queue: "held" });
      assert.deepEqual(
        (await take(store, worker, { "*": 5 })).map((run) => run.queue),
        ["held"],
      );
    },
  );

  suite.test("a run of a paused job is flagged, and others beside it are not", async ({ store }) => {
    await store.insert([aRun({ job: "copy" }), aRun({ job: "move" })]);
    await store.pause({ job: "copy" });
    const claimed = await take(store, await enter(store));
    assert.deepEqual(Object.fromEntries(claimed.map((run) => [run.job, run.paused])), {
      copy: true,
      move: false,
    });
  });
}
