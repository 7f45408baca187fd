// Unique keys: who holds one and for how long, and what becomes of a request that meets it.
//
// A key is held by a run that is in one of the states its rule names, or for a time from its request. All that a test
// needs to know of a store is there in the answers of `insert`: that a run was created, or which one was met.
import assert from "node:assert/strict";
import type { Claimed, NewRun, Settlement, Store } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  cancelledByItself,
  enter,
  failed,
  hour,
  insertOne,
  kindsOf,
  manyRuns,
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
import { keyed, meets } from "./keys.js";
import type { Suite } from "./suite.js";
import { racing } from "./unique-races.js";
import { debouncing, replacing } from "./unique-rules.js";
import { uniqueInTransactions } from "./unique-transactions.js";

export function unique(suite: Suite): void {
  suite.describe("a key is held", () => holding(suite));
  suite.describe("a key is held for a time", () => windows(suite));
  suite.describe("a request that is rejected", () => rejecting(suite));
  suite.describe("a request that replaces", () => replacing(suite));
  suite.describe("a debounced request", () => debouncing(suite));
  suite.describe("a run that is retried", () => retrying(suite));
  suite.describe("a run that is prepared", () => preparing(suite));
  suite.describe("in a transaction of the application", () => uniqueInTransactions(suite));
  suite.describe("under many", () => racing(suite));
}

function holding(suite: Suite): void {
  suite.test("while its run is scheduled, ready, running or waiting", async ({ store, clock }) => {
    const id = await insertOne(store, { ...keyed(), due: { after: minute } });
    await meets(store, id);
    await clock.advance(minute);
    await store.promote(10);
    assert.equal(await stateOf(store, id), "ready");
    await meets(store, id);
    const worker = await enter(store);
    const claimed = await takeOne(store, worker);
    await meets(store, id);
    await store.pause({ job: "copy" });
    await settle(store, parked(claimed, "paused"));
    assert.equal(await stateOf(store, id), "waiting");
    await meets(store, id);
    await store.resume({ job: "copy" });
    await settle(store, backedOff(await takeOne(store, worker), minute));
    await meets(store, id);
    assert.equal(await store.count({}), 1);
  });

  suite.test("until its run has ended, in whatever way", async ({ store, clock }) => {
    const ends: ((run: { id: string; worker: string }) => Promise<unknown>)[] = [
      async ({ worker }) => settle(store, succeeded(await takeOne(store, worker))),
      async ({ worker }) => settle(store, succeeded(await takeOne(store, worker), { output: "1" })),
      async ({ worker }) => settle(store, failed(await takeOne(store, worker))),
      async ({ id }) => store.cancel([id], "not wanted"),
      async ({ id }) => store.remove([id]),
      async () => {
        await clock.advance(hour);
        await store.promote(10);
      },
    ];
    const worker = await enter(store);
    for (const end of ends) {
      const id = await insertOne(store, { ...keyed(), startWithin: hour });
      await meets(store, id);
      await end({ id, worker });
    }
    await insertOne(store, keyed());
  });

  suite.test("over the death of its worker", async ({ store }) => {
    const { id, worker } = await running(store, keyed());
    await store.rescue([{ worker }]);
    await meets(store, id);
  });

  suite.test("by its whole name, whatever the job and the rule of who comes", async ({ store }) => {
    const id = await insertOne(store, keyed({ key: 'it\'s "k"' }));
    await insertOne(store, keyed({ key: "it's" }));
    await insertOne(store, keyed({ key: 'IT\'S "K"' }));
    await insertOne(store);
    const other = { ...keyed({ key: 'it\'s "k"', while: ["running"] }), job: "move" };
    await meets(store, id, other);
  });

  suite.test("only in the states that its own rule names", async ({ store, clock }) => {
    const whileWaiting = keyed({ while: ["scheduled", "ready"] });
    const first = await insertOne(store, whileWaiting);
    await meets(store, first, whileWaiting);
    const worker = await enter(store);
    const claimed = await takeOne(store, worker);
    const next = await insertOne(store, whileWaiting);
    await meets(store, next, whileWaiting);
    // What comes back goes on, beside the one that has the key by now.
    await settle(store, backedOff(claimed, second));
    await clock.advance(second);
    await store.promote(10);
    assert.equal((await take(store, worker)).length, 2);
    await insertOne(store, whileWaiting);
  });

  suite.test("also only while it runs", async ({ store }) => {
    const whileRunning = keyed({ while: ["running"] });
    const ids = [await insertOne(store, whileRunning), await insertOne(store, whileRunning)];
    const worker = await enter(store);
    const [claimed] = await take(store, worker, { "*": 1 });
    assert.ok(claimed !== undefined && ids.includes(claimed.run));
    await meets(store, claimed.run, whileRunning);
    await settle(store, succeeded(claimed));
    await insertOne(store, whileRunning);
  });

  suite.test("and whoever meets it leaves that run as it was", async ({ store, clock }) => {
    const id = await insertOne(store, { ...keyed(), input: "1", priority: 3 });
    await clock.advance(9);
    const before = await picture(store, id);
    await meets(store, id, { ...keyed(), input: "2", priority: 5, due: { after: hour } });
    assert.deepEqual(await picture(store, id), before);
  });

  suite.test("inside of one call as well", async ({ store }) => {
    const runs = manyRuns(7, (index) => keyed({ key: `k${index % 3}` }));
    const answers = await store.insert([...runs, aRun()]);
    assert.deepEqual(
      answers.slice(0, 7).map(({ id }) => runs.findIndex((run) => run.id === id)),
      [0, 1, 2, 0, 1, 2, 0],
    );
    assert.deepEqual(
      answers.map(({ created }) => created),
      [true, true, true, false, false, false, false, true],
    );
    assert.equal(await store.count({}), 4);
  });

  suite.test("but a request that is sent again is its own run", async ({ store }) => {
    for (const kind of ["ignore", "reject"] as const) {
      const run = aRun(keyed({ key: kind, onConflict: { kind } }));
      assert.deepEqual(await store.insert([run]), [{ id: run.id, created: true }]);
      assert.deepEqual(await store.insert([run]), [{ id: run.id, created: false }]);
      await store.cancel([run.id], "not wanted");
      const other = await insertOne(store, keyed({ key: kind }));
      assert.deepEqual(await store.insert([run]), [{ id: run.id, created: false }]);
      await meets(store, other, keyed({ key: kind }));
    }
  });
}

function windows(suite: Suite): void {
  const throttled = keyed({ while: undefined, window: minute });

  suite.test("from its request, and not longer", async ({ store, clock }) => {
    const id = await insertOne(store, throttled);
    await clock.advance(minute - 1);
    await meets(store, id, throttled);
    await clock.advance(1);
    const next = await insertOne(store, throttled);
    await clock.advance(minute - 1);
    await meets(store, next, throttled);
  });

  suite.test(
    "after the end of its run, whatever that was, and past its keeping",
    async ({ store, clock }) => {
      const ends: ((claimed: Claimed) => Settlement)[] = [
        (claimed) => succeeded(claimed, { keep: second }),
        (claimed) => succeeded(claimed, { keep: second, output: "1" }),
        (claimed) => failed(claimed, { keep: second }),
        (claimed) => cancelledByItself(claimed, { keep: 0 }),
      ];
      for (const end of ends) {
        const { id, claimed } = await running(store, throttled);
        await settle(store, end(claimed));
        await meets(store, id, throttled);
        await clock.advance(minute - 1);
        await store.prune(100);
        await meets(store, id, throttled);
        await clock.advance(1);
        await store.prune(100);
      }
      const cancelled = await insertOne(store, throttled);
      await store.cancel([cancelled], "not wanted");
      await meets(store, cancelled, throttled);
    },
  );

  suite.test("and its run may outlive it", async ({ store, clock }) => {
    const { claimed } = await running(store, throttled);
    await clock.advance(minute);
    const next = await insertOne(store, throttled);
    await settle(store, succeeded(claimed));
    await meets(store, next, throttled);
  });

  suite.test("beside keys that are held by state, in one call", async ({ store, clock }) => {
    const runs = manyRuns(6, (index) =>
      index % 2 === 0 ? throttled : keyed({ key: "state", while: ["scheduled", "ready"] }),
    );
    const answers = await store.insert(runs);
    assert.deepEqual(
      answers.map(({ id }) => runs.findIndex((run) => run.id === id)),
      [0, 1, 0, 1, 0, 1],
    );
    const worker = await enter(store);
    for (const claimed of await take(store, worker)) await settle(store, succeeded(claimed));
    assert.deepEqual(
      (
        await store.insert(
          manyRuns(2, (index) => at(runs, index)).map((run) => aRun({ ...run, id: aRun().id })),
        )
      ).map(({ created }) => created),
      [false, true],
    );
    await clock.advance(minute);
    await insertOne(store, throttled);
  });
}

function rejecting(suite: Suite): void {
  const rejects = keyed({ onConflict: { kind: "reject" } });

  suite.test("is refused by name, with the run that has the key", async ({ store }) => {
    const id = await insertOne(store, rejects);
    const before = await picture(store, id);
    await assert.rejects(store.insert([aRun(rejects)]), { code: "UNIQUE_CONFLICT", existing: id });
    assert.deepEqual(await picture(store, id), before);
    await store.cancel([id], "not wanted");
    await insertOne(store, rejects);
  });

  suite.test("takes with it what else its call would have recorded", async ({ store }) => {
    const id = await insertOne(store, rejects);
    const replaces = keyed({ key: "other", onConflict: { kind: "replace", fields: ["input"] } });
    const other = await insertOne(store, { ...replaces, input: "1" });
    const call = store.insert([aRun(), aRun({ ...replaces, input: "2" }), aRun(rejects), aRun()]);
    await assert.rejects(call, { code: "UNIQUE_CONFLICT", existing: id });
    assert.equal(await store.count({}), 2);
    assert.equal((await stored(store, other)).input, "1");
    assert.deepEqual(await kindsOf(store, other), []);
  });

  suite.test("also when it is the second of its key in the call", async ({ store }) => {
    await assert.rejects(store.insert([aRun(rejects), aRun(rejects)]), { code: "UNIQUE_CONFLICT" });
    assert.equal(await store.count({}), 0);
  });

  suite.test("takes nothing with it of what others write at the same time", async ({ store }) => {
    await insertOne(store, rejects);
    const calls = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => store.insert([aRun(), aRun(index % 2 === 0 ? rejects : {})])),
    );
    assert.deepEqual(
      calls.map(({ status }) => status),
      calls.map((_, index) => (index % 2 === 0 ? "rejected" : "fulfilled")),
    );
    assert.equal(await store.count({}), 21);
  });
}

function retrying(suite: Suite): void {
  suite.test("holds its key again", async ({ store }) => {
    const { id, claimed } = await running(store, keyed());
    await settle(store, failed(claimed));
    assert.deepEqual(await store.retry([id]), [true]);
    await meets(store, id);
  });

  suite.test("stays as it is when somebody else has the key by now", async ({ store }) => {
    const { id, claimed } = await running(store, keyed());
    await settle(store, failed(claimed));
    const next = await insertOne(store, keyed());
    const before = await picture(store, id);
    assert.deepEqual(await store.retry([id]), [false]);
    assert.deepEqual(await picture(store, id), before);
    await store.cancel([next], "not wanted");
    assert.deepEqual(await store.retry([id]), [true]);
    await meets(store, id);
  });

  suite.test("is one of several of its key", async ({ store }) => {
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      const id = await insertOne(store, keyed());
      ids.push(id);
      await store.cancel([id], "not wanted");
    }
    assert.deepEqual(await store.retry(ids), [true, false, false]);
  });
}

function preparing(suite: Suite): void {
  const definition = { job: "copy", version: 1, queue: "default", priority: 0 };
  const prepare = (store: Store, id: string, fields: Partial<NewRun> = {}): Promise<void> =>
    store.prepare([{ id, run: { ...definition, ...keyed(), ...fields } }]);

  suite.test("has its key from then on", async ({ store }) => {
    const id = await insertOne(store, { waiting: "preparation" });
    await prepare(store, id);
    assert.equal(await stateOf(store, id), "ready");
    await meets(store, id);
  });

  suite.test("is cancelled as a duplicate when the key is taken, whatever its rule", async ({ store }) => {
    const first = await insertOne(store, keyed());
    for (const kind of ["ignore", "reject"] as const) {
      const id = await insertOne(store, { waiting: "preparation" });
      await prepare(store, id, keyed({ onConflict: { kind } }));
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.reason, run.waiting], ["cancelled", "duplicate", undefined]);
      assert.deepEqual(await kindsOf(store, id), ["cancelled"]);
    }
    await meets(store, first);
    assert.deepEqual(await kindsOf(store, first), []);
  });

  suite.test("has changed the other by then, if its rule says so", async ({ store, clock }) => {
    const first = await insertOne(store, { ...keyed(), input: "1" });
    const id = await insertOne(store, { waiting: "preparation", due: { after: hour } });
    await clock.advance(second);
    await prepare(store, id, {
      ...keyed({ onConflict: { kind: "replace", fields: ["input", "runAt"] } }),
      input: "2",
    });
    assert.equal((await stored(store, id)).reason, "duplicate");
    const run = await stored(store, first);
    assert.deepEqual([run.input, run.runAt, run.state], ["2", store.now() - second + hour, "scheduled"]);
  });

  suite.test("meets one that is prepared in the same call", async ({ store }) => {
    const ids = [
      await insertOne(store, { waiting: "preparation" }),
      await insertOne(store, { waiting: "preparation" }),
    ];
    await store.prepare(ids.map((id) => ({ id, run: { ...definition, ...keyed() } })));
    const states = (await store.find(ids)).map((run) => run?.state);
    assert.deepEqual(states.toSorted(), ["cancelled", "ready"]);
  });
}
