// Unique keys: who holds one and for how long, and what becomes of a request that meets it.
//
// A key is held by a run that is in one of the states its rule names, or for a time from its request. All that a test
// needs to know of a store is there in the answers of `insert`: that a run was created, or which one was met.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Claimed, Inserted, NewRun, Store, StoredRun, Unique } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  enter,
  failed,
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
import { keyed, live, meets, request } from "./keys.js";
import type { Suite } from "./suite.js";
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

  suite.test("after the end of its run, and its removal by upkeep", async ({ store, clock }) => {
    const { id, claimed } = await running(store, throttled);
    await settle(store, succeeded(claimed, { keep: second }));
    await meets(store, id, throttled);
    await clock.advance(minute - 1);
    await store.prune(100);
    await meets(store, id, throttled);
    await clock.advance(1);
    await store.prune(100);
    await insertOne(store, throttled);
  });

  suite.test("also of a run that failed or was cancelled", async ({ store }) => {
    const { id, claimed } = await running(store, throttled);
    await settle(store, failed(claimed, { keep: 0 }));
    await meets(store, id, throttled);
    const other = keyed({ key: "other", while: undefined, window: minute });
    const cancelled = await insertOne(store, other);
    await store.cancel([cancelled], "not wanted");
    await meets(store, cancelled, other);
  });

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

function replacing(suite: Suite): void {
  const replaces = (...fields: ("input" | "runAt" | "priority")[]): Partial<NewRun> =>
    keyed({ onConflict: { kind: "replace", fields } });
  const later = { input: "2", priority: 7, due: { after: minute } } satisfies Partial<NewRun>;

  suite.test("gives the run what its rule names, and nothing else", async ({ store, clock }) => {
    const wanted = {
      input: { input: "2", priority: 3, delay: hour },
      runAt: { input: "1", priority: 3, delay: minute },
      priority: { input: "1", priority: 7, delay: hour },
    } as const;
    for (const field of ["input", "runAt", "priority"] as const) {
      const key = field;
      const first = { ...keyed({ key }), input: "1", priority: 3, due: { after: hour } };
      const id = await insertOne(store, first);
      const before = await stored(store, id);
      await clock.advance(second);
      const now = store.now();
      const unique = { key, while: live, onConflict: { kind: "replace", fields: [field] } } as const;
      assert.deepEqual(await request(store, { ...later, unique }), { id, created: false, changed: true });
      const after = await stored(store, id);
      const { input, priority, delay } = wanted[field];
      assert.deepEqual([after.input, after.priority], [input, priority]);
      assert.equal(after.runAt, delay === hour ? before.runAt : now + delay);
      assert.deepEqual([after.state, after.requestedAt], ["scheduled", before.requestedAt]);
      assert.deepEqual(await kindsOf(store, id), ["replaced"]);
    }
  });

  suite.test("schedules a ready run, and makes a scheduled one ready", async ({ store, clock }) => {
    const id = await insertOne(store, keyed());
    const worker = await enter(store);
    await request(store, { ...replaces("runAt"), due: { after: minute } });
    assert.equal(await stateOf(store, id), "scheduled");
    assert.deepEqual(await take(store, worker), []);
    await clock.advance(second);
    await request(store, replaces("runAt"));
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.runAt], ["ready", store.now()]);
    assert.equal((await takeOne(store, worker)).run, id);
  });

  suite.test("is seen by the next claim: short, long or nothing in place of either", async ({ store }) => {
    const long = JSON.stringify("x".repeat(5_000));
    const inputs = [undefined, "1", long, "2", undefined, long, long.replaceAll("x", "y")];
    const worker = await enter(store);
    const [first, ...rest] = inputs;
    const id = await insertOne(store, { ...keyed(), input: first });
    for (const input of rest) {
      assert.deepEqual(await request(store, { ...replaces("input"), input }), {
        id,
        created: false,
        changed: true,
      });
      assert.equal((await stored(store, id)).input, input);
      const claimed = await takeOne(store, worker);
      assert.equal(claimed.input, input);
      await settle(store, { ...backedOff(claimed, 0), due: { after: 0 } });
      await store.promote(10);
    }
  });

  suite.test("moves the run to its new place in line", async ({ store, clock }) => {
    const id = await insertOne(store, keyed());
    await clock.advance(3);
    const other = await insertOne(store, { priority: 5 });
    await request(store, { ...replaces("priority"), priority: 9 });
    const claimed = await take(store, await enter(store), { "*": 2 });
    assert.deepEqual(
      claimed.map(({ run }) => run),
      [id, other],
    );
  });

  suite.test("leaves a running run alone", async ({ store }) => {
    const { id } = await running(store, { ...keyed(), input: "1" });
    const before = await picture(store, id);
    assert.deepEqual(await request(store, { ...replaces("input", "runAt", "priority"), ...later }), {
      id,
      created: false,
    });
    assert.deepEqual(await picture(store, id), before);
  });

  suite.test("leaves a run alone that has ended and still has the key for a time", async ({ store }) => {
    const window = { while: undefined, window: hour };
    const { id, claimed } = await running(store, { ...keyed(window), input: "1" });
    await settle(store, succeeded(claimed));
    const before = await picture(store, id);
    const replacing = keyed({ ...window, onConflict: { kind: "replace", fields: ["input"] } });
    assert.deepEqual(await request(store, { ...replacing, ...later }), { id, created: false });
    assert.deepEqual(await picture(store, id), before);
  });

  suite.test("changes what waits, which goes on waiting", async ({ store }) => {
    await store.pause({ job: "copy" });
    const { id, claimed } = await running(store, { ...keyed(), input: "1" });
    await settle(store, parked(claimed, "paused"));
    const answer = await request(store, { ...replaces("input"), input: "2" });
    assert.deepEqual(answer, { id, created: false, changed: true });
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.waiting?.reason, run.input], ["waiting", "paused", "2"]);
  });

  suite.shared("is seen, or comes too late, by a claim that races it", async ({ store, another }) => {
    const other = await another();
    const worker = await enter(other);
    for (let round = 0; round < 12; round++) {
      const id = await insertOne(store, { ...keyed(), input: "1" });
      const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      const claiming = take(other, worker);
      for (let turns = round % 4; turns > 0; turns--) await turn();
      const [claims, answer] = await Promise.all([
        claiming,
        request(store, { ...replaces("input"), input: "2" }),
      ]);
      assert.deepEqual([answer.id, answer.created], [id, false]);
      let [claimed] = claims;
      const isTaken =
        claimed !== undefined && (await other.settle([backedOff(claimed, 0)]))[0]?.taken === true;
      if (!isTaken || answer.changed === undefined) {
        // A claim that was fenced out has done nothing that counts; a replacement that came too late did nothing either.
        const input = answer.changed === true ? "2" : claimed?.input;
        await other.promote(10);
        claimed = await takeOne(other, worker);
        assert.equal(claimed.input, input);
      } else {
        assert.equal(claimed?.input, "2", "who has it and may settle it was given what came before");
        await other.promote(10);
        claimed = await takeOne(other, worker);
      }
      await settle(other, succeeded(claimed));
    }
  });
}

function debouncing(suite: Suite): void {
  const debounced = (fields: Partial<NewRun> = {}): Partial<NewRun> => ({
    ...keyed({
      while: ["scheduled", "ready", "waiting"],
      onConflict: { kind: "debounce", delay: minute, atMost: 3 * minute },
    }),
    due: { after: minute },
    ...fields,
  });

  suite.test(
    "puts the run off again and again, with the last input, but not for ever",
    async ({ store, clock }) => {
      const id = await insertOne(store, debounced({ input: "0" }));
      const { requestedAt } = await stored(store, id);
      const moved: number[] = [];
      for (let count = 1; count <= 5; count++) {
        await clock.advance(40 * second);
        await store.promote(10);
        const answer = await request(store, debounced({ input: String(count), priority: 9 }));
        if (answer.created) break;
        assert.deepEqual(answer, { id, created: false, changed: true });
        const run = await stored(store, id);
        assert.deepEqual(
          [run.input, run.priority, run.state],
          [String(count), 0, run.runAt > store.now() ? "scheduled" : "ready"],
        );
        moved.push(run.runAt - requestedAt);
      }
      assert.deepEqual(moved, [100 * second, 140 * second, 3 * minute, 3 * minute, 3 * minute]);
      const claimed = await takeOne(store, await enter(store));
      assert.deepEqual([claimed.run, claimed.input], [id, "5"]);
      await insertOne(store, debounced());
    },
  );

  suite.test("without an end is put off for as long as somebody asks", async ({ store, clock }) => {
    const endless = debounced(keyed({ onConflict: { kind: "debounce", delay: minute } }));
    const id = await insertOne(store, endless);
    for (let count = 0; count < 10; count++) {
      await clock.advance(minute - 1);
      assert.equal((await request(store, endless)).changed, true);
      assert.equal((await stored(store, id)).runAt, store.now() + minute);
    }
  });

  suite.test("leaves a running run alone", async ({ store }) => {
    const whole = { kind: "debounce", delay: minute } as const;
    const { id } = await running(store, keyed());
    const before = await picture(store, id);
    assert.deepEqual(await request(store, debounced(keyed({ onConflict: whole }))), { id, created: false });
    assert.deepEqual(await picture(store, id), before);
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

function racing(suite: Suite): void {
  suite.shared("requests at once, one is created and the others get that one", async ({ store, another }) => {
    const other = await another();
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => request(index % 2 === 0 ? store : other, keyed())),
    );
    assert.equal(answers.filter(({ created }) => created).length, 1);
    assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
    assert.equal(await store.count({}), 1);
  });

  suite.shared("that all reject, one is created and the others are refused", async ({ store, another }) => {
    const other = await another();
    const calls = await Promise.allSettled(
      Array.from({ length: 32 }, (_, index) =>
        request(index % 2 === 0 ? store : other, keyed({ onConflict: { kind: "reject" } })),
      ),
    );
    assert.equal(calls.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal(await store.count({}), 1);
  });

  suite.test("commands at random, a key is held by whom its rule says", async ({ store, clock }) => {
    const worker = await enter(store);
    const property = fc.asyncProperty(
      fc.array(command, { minLength: 5, maxLength: 30 }),
      async (commands) => {
        const context: Asked = { asked: new Map(), prefix: `${store.now()} `, claimed: [] };
        for (const one of commands) await obey(store, clock, worker, one, context);
        await settle(store, ...context.claimed.map((claimed) => succeeded(claimed)));
        await store.cancel([...context.asked.keys()], "over");
        await clock.advance(hour);
      },
    );
    await fc.assert(property, { numRuns: 25, ...(suite.seed === undefined ? {} : { seed: suite.seed }) });
  });
}

// ── Commands at random ──────────────────────────────────────────────────────────────────────────────────────────

const rule: fc.Arbitrary<Unique["onConflict"]> = fc.oneof(
  fc.constantFrom({ kind: "ignore" } as const, { kind: "reject" } as const),
  fc.constant({ kind: "replace", fields: ["input"] } as const),
  fc.constant({ kind: "debounce", delay: 20 * second, atMost: minute } as const),
);

const aUnique: fc.Arbitrary<Unique> = fc.oneof(
  fc.record({
    key: fc.constantFrom("a", "b"),
    while: fc.subarray([...live], { minLength: 1 }),
    onConflict: rule,
  }),
  fc.record({
    key: fc.constantFrom("a", "b"),
    window: fc.constantFrom(second, 40 * second),
    onConflict: rule,
  }),
);

type Command =
  | { readonly do: "insert"; readonly unique: Unique; readonly delay: number }
  | { readonly do: "claim" | "succeed" | "fail" | "backOff" | "advance" | "cancel" | "retry" };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("insert" as const),
      unique: aUnique,
      delay: fc.constantFrom(0, 15 * second),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("claim", "succeed", "fail", "backOff", "advance", "cancel", "retry"),
    }),
  },
);

interface Asked {
  /** What each run that was created asked for. */
  readonly asked: Map<string, Unique>;
  /** Before each key: apart from those of the sequences before. */
  readonly prefix: string;
  /** What runs. */
  readonly claimed: Claimed[];
}

/** Who holds a key by the words of the contract, read from the runs as they stand. */
async function holdersOf(store: Store, key: string, { asked }: Asked): Promise<StoredRun[]> {
  const now = store.now();
  const runs = await store.find([...asked.keys()]);
  return runs.flatMap((run) => {
    const rule = run === undefined ? undefined : asked.get(run.id);
    if (run === undefined || rule === undefined || rule.key !== key) return [];
    const isHeld =
      rule.window === undefined ? rule.while?.includes(run.state) : run.requestedAt + rule.window > now;
    return isHeld === true ? [run] : [];
  });
}

async function ask(
  store: Store,
  { unique: rule, delay }: Command & { do: "insert" },
  context: Asked,
): Promise<void> {
  const unique = { ...rule, key: context.prefix + rule.key };
  const holders = await holdersOf(store, unique.key, context);
  const run = aRun({ unique, due: { after: delay }, input: "2" });
  if (holders.length > 0 && unique.onConflict.kind === "reject") {
    const isHolder = (error: unknown): boolean =>
      error instanceof Error && "existing" in error && holders.some(({ id }) => id === error.existing);
    await assert.rejects(store.insert([run]), isHolder);
    return;
  }
  const answer: Inserted = only(await store.insert([run]));
  assert.equal(answer.created, holders.length === 0);
  if (answer.created) {
    context.asked.set(run.id, unique);
    return;
  }
  const met = holders.find(({ id }) => id === answer.id);
  assert.ok(met !== undefined, "the run that was met holds the key");
  const isChanged =
    ["scheduled", "ready", "waiting"].includes(met.state) && unique.onConflict.kind !== "ignore";
  assert.equal(answer.changed, isChanged ? true : undefined);
}

async function obey(
  store: Store,
  clock: { advance(milliseconds: number): Promise<void> },
  worker: string,
  one: Command,
  context: Asked,
): Promise<void> {
  if (one.do === "insert") return ask(store, one, context);
  const ids = [...context.asked.keys()];
  if (one.do === "advance") {
    await clock.advance(10 * second);
    await store.promote(100);
  } else if (one.do === "cancel") await store.cancel(ids.slice(-1), "not wanted");
  else if (one.do === "retry") {
    const id = ids.at(-1);
    const run = id === undefined ? undefined : (await store.find([id]))[0];
    if (id === undefined || run === undefined) return;
    const key = context.asked.get(id)?.key ?? "";
    const others = (await holdersOf(store, key, context)).filter((holder) => holder.id !== id);
    const may = (run.state === "failed" || run.state === "cancelled") && others.length === 0;
    assert.deepEqual(await store.retry([id]), [may]);
  } else {
    context.claimed.push(...(await take(store, worker, { "*": 1 })));
    const claimed = one.do === "claim" ? undefined : context.claimed.shift();
    if (claimed === undefined) return;
    if (one.do === "succeed") await settle(store, succeeded(claimed));
    else if (one.do === "fail") await settle(store, failed(claimed));
    else if (one.do === "backOff") await settle(store, backedOff(claimed, 5 * second));
  }
}
