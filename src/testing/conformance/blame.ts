// Blame: whose fault a worker's death was, and what that means for the runs it held.
//
// A run that may be to blame counts a crash and loses its attempt; one that is surely innocent loses nothing, and its
// record says so. What the worker died of stands on the timeline of every run it held.
import assert from "node:assert/strict";
import {
  at,
  boom,
  enter,
  failed,
  insertOne,
  kindsOf,
  manyRuns,
  only,
  picture,
  running,
  settle,
  stored,
  take,
  takeOne,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

const cause = 'killed by SIGKILL: it\'s "out" of memory';

export function blame(suite: Suite): void {
  suite.describe("one that is to blame", () => culprits(suite));
  suite.describe("one that is innocent", () => innocents(suite));
  suite.describe("a death that is known", () => known(suite));
}

function culprits(suite: Suite): void {
  suite.test(
    "counts a crash and its attempt, and its timeline says what the worker died of",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await clock.advance(11);
      assert.deepEqual(await store.rescue([{ worker, cause, culprits: [id] }]), [
        { run: id, job: "copy", attempt: 1, worker, cause },
      ]);
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.attempt, run.crashes], ["ready", 1, 1]);
      assert.deepEqual((await store.timeline(id)).events, [
        {
          at: beginning + 11,
          kind: "lost",
          attempt: 1,
          token: claimed.token,
          worker,
          detail: { worker, cause },
        },
      ]);
    },
  );

  suite.test("may be any, when nobody knows who it was", async ({ store }) => {
    await store.insert(manyRuns(3));
    const worker = await enter(store);
    const held = await take(store, worker);
    for (const rescued of await store.rescue([{ worker, cause }])) assert.equal(rescued.innocent, undefined);
    for (const { run } of held) {
      const { attempt, crashes } = await stored(store, run);
      assert.deepEqual([attempt, crashes], [1, 1]);
    }
  });

  suite.test("begins anew when it is retried by hand", async ({ store }) => {
    const id = await insertOne(store);
    for (const crashes of [1, 2]) {
      const worker = await enter(store);
      await takeOne(store, worker);
      await store.rescue([{ worker, culprits: [id] }]);
      assert.equal((await stored(store, id)).crashes, crashes);
    }
    const claimed = await takeOne(store, await enter(store));
    await settle(store, failed(claimed, { reason: "poison", giveBack: true }));
    const ended = await stored(store, id);
    assert.deepEqual(
      [ended.state, ended.reason, ended.error, ended.crashes, ended.attempt],
      ["failed", "poison", boom, 2, 2],
    );
    assert.deepEqual(await store.retry([id]), [true]);
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.attempt, run.crashes], ["ready", 0, 0]);
    assert.equal((await takeOne(store, await enter(store))).crashes, 0);
  });
}

function innocents(suite: Suite): void {
  suite.test(
    "gets its attempt back and counts no crash, and its timeline says so",
    async ({ store, clock }) => {
      await store.insert(manyRuns(3));
      const worker = await enter(store);
      const held = await take(store, worker);
      const guilty = at(held, 1).run;
      await clock.advance(11);
      const rescued = await store.rescue([{ worker, cause, culprits: [guilty] }]);
      assert.deepEqual(
        new Map(rescued.map((one) => [one.run, one])),
        new Map(
          held.map(({ run }) => [
            run,
            { run, job: "copy", attempt: 1, worker, cause, ...(run === guilty ? {} : { innocent: true }) },
          ]),
        ),
      );
      for (const { run: id, token } of held) {
        const isInnocent = id !== guilty;
        const run = await stored(store, id);
        assert.deepEqual(
          [run.state, run.attempt, run.crashes, run.worker],
          isInnocent ? ["ready", 0, 0, undefined] : ["ready", 1, 1, undefined],
        );
        const event = only((await store.timeline(id)).events);
        assert.deepEqual(
          [event.kind, event.attempt, event.token, event.worker, event.detail],
          ["lost", 1, token, worker, { worker, cause, ...(isInnocent ? { innocent: true } : {}) }],
        );
      }
    },
  );

  suite.test("is everybody, when it was nobody's fault", async ({ store }) => {
    const { id, worker } = await running(store);
    assert.deepEqual(await store.rescue([{ worker, culprits: [] }]), [
      { run: id, job: "copy", attempt: 1, worker, innocent: true },
    ]);
    const next = await takeOne(store, await enter(store));
    assert.deepEqual([next.run, next.attempt, next.crashes], [id, 1, 0]);
  });

  suite.test("keeps the crashes that it was to blame for", async ({ store }) => {
    const { id, worker } = await running(store);
    await store.rescue([{ worker, culprits: [id] }]);
    const another = await enter(store);
    assert.equal((await takeOne(store, another)).attempt, 2);
    await store.rescue([{ worker: another, culprits: ["not a run"] }]);
    const run = await stored(store, id);
    assert.deepEqual([run.attempt, run.crashes], [1, 1]);
  });

  suite.test(
    "is cancelled if somebody had asked for it, without a crash or an attempt",
    async ({ store }) => {
      const { id, worker } = await running(store);
      await store.cancel([id], "not wanted");
      await store.rescue([{ worker, cause, culprits: [] }]);
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.reason, run.attempt, run.crashes], ["cancelled", "not wanted", 0, 0]);
      assert.deepEqual(await kindsOf(store, id), ["cancelAsked", "lost", "cancelled"]);
    },
  );

  suite.test("is told apart in each of several deaths", async ({ store }) => {
    await store.insert(manyRuns(4));
    const [one, two] = [await enter(store), await enter(store)];
    const ofOne = await take(store, one, { "*": 2 });
    const ofTwo = await take(store, two, { "*": 2 });
    await store.rescue([
      { worker: one, cause: "the first", culprits: [at(ofOne, 0).run] },
      { worker: two, cause: "the second", culprits: [at(ofTwo, 0).run, at(ofOne, 1).run] },
    ]);
    const crashes = new Map(
      (await store.find([...ofOne, ...ofTwo].map(({ run }) => run))).map((run) => [run?.id, run?.crashes]),
    );
    assert.deepEqual(
      [...ofOne, ...ofTwo].map(({ run }) => crashes.get(run)),
      [1, 0, 1, 0],
    );
    const { events } = await store.timeline(at(ofTwo, 1).run);
    assert.deepEqual(only(events).detail, { worker: two, cause: "the second", innocent: true });
  });
}

function known(suite: Suite): void {
  suite.test("does nothing, whatever is said of it the second time", async ({ store, clock }) => {
    const { id, worker } = await running(store);
    await store.rescue([{ worker, cause, culprits: [] }]);
    const before = [await picture(store, id), await store.departed(10)];
    await clock.advance(7);
    assert.deepEqual(await store.rescue([{ worker, cause: "something else", culprits: [id] }]), []);
    assert.deepEqual([await picture(store, id), await store.departed(10)], before);
  });

  suite.test("of one worker told twice, the first word counts", async ({ store }) => {
    const { id, worker } = await running(store);
    const rescued = await store.rescue([
      { worker, cause: "the first", culprits: [] },
      { worker, cause: "the second" },
    ]);
    assert.deepEqual(only(rescued).cause, "the first");
    assert.equal((await stored(store, id)).crashes, 0);
    assert.equal(only(await store.departed(10)).cause, "the first");
  });

  suite.shared("two that bury the same worker at once count one crash", async ({ store, another }) => {
    const other = await another();
    for (let round = 0; round < 10; round++) {
      const { id, worker } = await running(store);
      const answers = await Promise.all([
        store.rescue([{ worker, cause, culprits: [id] }]),
        other.rescue([{ worker, cause, culprits: [id] }]),
      ]);
      assert.equal(answers.flat().length, 1);
      assert.equal((await stored(store, id)).crashes, 1);
      assert.deepEqual(await kindsOf(store, id), ["lost"]);
      await store.cancel([id], "the round is over");
    }
  });
}
