// Dependencies: runs that come after others.
//
// What may go wrong is that a run starts too early, or never: so every way in which a run can end is tried, and every order
// in which an end and the record of who waits for it can come. What a failure takes along goes on through whatever comes
// after that, however deep it is.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { Claimed, NewRun, Store, StoredRun } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  cancelledByItself,
  enter,
  failed,
  handedBack,
  hour,
  insertOne,
  kindsOf,
  manyRuns,
  minute,
  only,
  parked,
  running,
  second,
  settle,
  snoozed,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
  withCode,
} from "./build.js";
import type { Suite } from "./suite.js";

export function dependencies(suite: Suite): void {
  suite.describe("a run that comes after others", () => waits(suite));
  suite.describe("one that does not succeed", () => failures(suite));
  suite.describe("beside the rest", () => besides(suite));
  suite.describe("tried again by hand", () => again(suite));
  suite.describe("runs that are recorded together", () => together(suite));
  suite.describe("in an application's transaction", () => transactions(suite));
}

/** Asserts that it waits for these, of which one stands in its record. */
async function assertWaitsFor(store: Store, id: string, ...needs: readonly string[]): Promise<void> {
  const run = await stored(store, id);
  assert.deepEqual([run.state, run.waiting?.reason], ["waiting", "dependency"]);
  assert.ok(
    run.waiting?.on !== undefined && needs.includes(run.waiting.on),
    "it says one of those it waits for",
  );
  assert.deepEqual([...(run.after ?? [])].sort(), [...needs].sort());
}

/** Asserts that it ended because of that run. */
async function assertForsaken(
  store: Store,
  id: string,
  cause: string,
  state: StoredRun["state"] = "failed",
): Promise<void> {
  const run = await stored(store, id);
  assert.deepEqual([run.state, run.reason, run.attempt], [state, "dependency", 0]);
  assert.deepEqual([run.error?.code, run.error?.data], ["DEPENDENCY", { run: cause }]);
  assert.ok(run.error?.message.includes(cause), "its error names the run");
  assert.equal(run.waiting, undefined);
  assert.ok(run.finishedAt !== undefined && run.expiresAt !== undefined && run.expiresAt > run.finishedAt);
  assert.equal((await kindsOf(store, id)).at(-1), state);
}

function waits(suite: Suite): void {
  suite.test("waits, and is claimed when the last of them has succeeded", async ({ store }) => {
    const [a, b] = [await insertOne(store), await insertOne(store)];
    const last = await insertOne(store, { after: [a, b] });
    await assertWaitsFor(store, last, a, b);
    const worker = await enter(store);
    const claimed = await take(store, worker);
    assert.deepEqual(new Set(claimed.map(({ run }) => run)), new Set([a, b]));
    await settle(store, succeeded(at(claimed, 0)));
    await assertWaitsFor(store, last, at(claimed, 1).run);
    assert.deepEqual(await take(store, worker), []);
    await settle(store, succeeded(at(claimed, 1), { output: '"with an output"' }));
    const run = await stored(store, last);
    assert.deepEqual([run.state, run.waiting, run.after ?? []], ["ready", undefined, []]);
    assert.equal((await takeOne(store, worker)).run, last);
  });

  suite.test("says in its timeline what let it go, and becomes due by that", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    const last = await insertOne(store, { after: [id] });
    await clock.advance(minute);
    await settle(store, succeeded(claimed));
    const { events } = await store.timeline(last);
    assert.deepEqual(
      events.map(({ kind, detail }) => [kind, detail]),
      [["unparked", { reason: "dependency", on: id }]],
    );
    assert.equal((await stored(store, last)).runAt, clock.now());
  });

  const settlements: Record<string, (claimed: Claimed) => ReturnType<typeof succeeded>> = {
    "is tried again": (claimed) => backedOff(claimed, 0),
    snoozes: (claimed) => snoozed(claimed, 0),
    "is handed back": (claimed) => handedBack(claimed),
    "is parked": (claimed) => parked(claimed, "worker", "copy@2"),
  };
  for (const [what, settlement] of Object.entries(settlements)) {
    suite.test(`goes on waiting when one of them ${what}`, async ({ store }) => {
      const { id, claimed } = await running(store);
      const last = await insertOne(store, { after: [id] });
      await settle(store, settlement(claimed));
      await store.promote(10);
      await assertWaitsFor(store, last, id);
    });
  }

  suite.test("goes on waiting when the worker of one of them dies", async ({ store }) => {
    const { id, worker } = await running(store);
    const last = await insertOne(store, { after: [id] });
    await store.rescue([{ worker }]);
    await assertWaitsFor(store, last, id);
  });

  suite.test("does not wait for what has succeeded before, nor for the same twice", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(store, await insertOne(store, { after: [id, id] })), "ready");
    const other = await insertOne(store, { priority: 1 });
    const both = await insertOne(store, { after: [id, other, other] });
    await assertWaitsFor(store, both, other);
    const claimedOther = only(await take(store, worker, { "*": 1 }));
    assert.equal(claimedOther.run, other);
    await settle(store, succeeded(claimedOther));
    assert.equal(await stateOf(store, both), "ready");
  });

  suite.test("is refused after a run that is not there, by name, with all of its call", async ({ store }) => {
    const id = await insertOne(store);
    const unknown = newId();
    const refused = [aRun(), aRun({ after: [id, unknown] }), aRun()];
    await assert.rejects(
      store.insert(refused),
      (error: unknown) => withCode("UNKNOWN_RUN")(error) && String(error).includes(unknown),
    );
    assert.equal(await store.count({}), 1);
    const { claimed } = { claimed: await takeOne(store, await enter(store)) };
    await settle(store, succeeded(claimed));
    await store.remove([id]);
    await assert.rejects(store.insert([aRun({ after: [id] })]), withCode("UNKNOWN_RUN"));
  });

  suite.test("asked for again is the same, whatever has become of those it came after", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    const run = aRun({ after: [id] });
    await store.insert([run]);
    assert.deepEqual(await store.insert([run]), [{ id: run.id, created: false }]);
    await assertWaitsFor(store, run.id, id);
    await settle(store, succeeded(claimed));
    await settle(store, succeeded(await takeOne(store, worker)));
    await store.remove([id]);
    assert.deepEqual(await store.insert([run]), [{ id: run.id, created: false }]);
    assert.equal(await stateOf(store, run.id), "succeeded");
  });

  suite.test("an empty list is no dependency", async ({ store }) => {
    const id = await insertOne(store, { after: [] });
    assert.equal(await stateOf(store, id), "ready");
    assert.deepEqual((await stored(store, id)).after ?? [], []);
  });

  suite.test("ten thousand wait for one, and one for ten thousand", async ({ store }) => {
    const first = await insertOne(store);
    const middle = manyRuns(10_000, () => ({ after: [first] }));
    const last = aRun({ after: middle.map(({ id }) => id), queue: "last" });
    await store.insert([...middle, last]);
    const worker = await enter(store);
    await settle(store, succeeded(await takeOne(store, worker)));
    assert.equal(await store.count({ states: ["ready"] }), 10_000);
    const waiting = await stored(store, last.id);
    assert.equal(waiting.after?.length, 100);
    for (let left = 10_000; left > 0; left -= 1_000) {
      assert.equal(await stateOf(store, last.id), "waiting");
      const claimed = await take(store, worker, { "*": 1_000 });
      assert.equal(claimed.length, 1_000);
      await settle(store, ...claimed.map((one) => succeeded(one)));
    }
    assert.equal(await stateOf(store, last.id), "ready");
  });

  suite.shared("is let go by an end in another process", async ({ store, another }) => {
    const other = await another();
    const { id, claimed } = await running(store);
    const last = await insertOne(other, { after: [id] });
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(other, last), "ready");
    assert.equal((await takeOne(other, await enter(other))).run, last);
  });

  suite.test("nothing is lost when ends and records come side by side", async ({ store }) => {
    const firsts = manyRuns(60);
    await store.insert(firsts);
    const claimed = await take(store, await enter(store));
    assert.equal(claimed.length, 60);
    const ids = firsts.map(({ id }) => id);
    const lasts = ids.map((id, index) => aRun({ after: [id, at(ids, (index * 7) % 60)] }));
    await Promise.all(
      claimed.flatMap((one, index) => [
        settle(store, succeeded(one, index % 3 === 0 ? { output: "1" } : {})),
        store.insert([at(lasts, index)]),
      ]),
    );
    for (const { id } of lasts) assert.equal(await stateOf(store, id), "ready");
  });
}

function failures(suite: Suite): void {
  const ways: Record<string, (bench: { store: Store; claimed: Claimed }) => Promise<unknown>> = {
    "fails in its worker": ({ store, claimed }) => settle(store, failed(claimed)),
    "cancels itself": ({ store, claimed }) => settle(store, cancelledByItself(claimed)),
    "is cancelled by hand": async ({ store, claimed }) => {
      await settle(store, handedBack(claimed));
      assert.deepEqual(await store.cancel([claimed.run], "no more"), [true]);
    },
    "is cancelled while it runs": async ({ store, claimed }) => {
      await store.cancel([claimed.run], "no more");
      await settle(store, handedBack(claimed));
    },
    "is removed": async ({ store, claimed }) => {
      await settle(store, handedBack(claimed));
      assert.deepEqual(await store.remove([claimed.run]), [true]);
    },
  };
  for (const [what, end] of Object.entries(ways)) {
    suite.test(`that ${what} ends what comes after it as that wants it`, async ({ store }) => {
      const { id, claimed } = await running(store);
      const fail = await insertOne(store, { after: [id] });
      const cancel = await insertOne(store, { after: [id], onParentFailure: "cancel" });
      const run = await insertOne(store, { after: [id], onParentFailure: "run" });
      await end({ store, claimed });
      await assertForsaken(store, fail, id);
      await assertForsaken(store, cancel, id, "cancelled");
      assert.equal(await stateOf(store, run), "ready");
      assert.deepEqual((await stored(store, run)).after ?? [], []);
    });
  }

  suite.test("that expires, or whose input is bad, does as well", async ({ store, clock }) => {
    const late = await insertOne(store, { startWithin: minute });
    const bad = await insertOne(store, { waiting: "preparation" });
    const [one, other] = [
      await insertOne(store, { after: [late] }),
      await insertOne(store, { after: [bad] }),
    ];
    await store.prepare([{ id: bad, invalid: { name: "InvalidInputError", message: "no" }, keep: hour }]);
    await clock.advance(minute);
    await store.promote(10);
    await assertForsaken(store, one, late);
    await assertForsaken(store, other, bad);
  });

  suite.test("before the run is recorded counts at once", async ({ store }) => {
    const { id, claimed } = await running(store);
    await settle(store, failed(claimed));
    await assertForsaken(store, await insertOne(store, { after: [id] }), id);
    const cancelled = await insertOne(store, { after: [id], onParentFailure: "cancel" });
    await assertForsaken(store, cancelled, id, "cancelled");
    assert.equal(
      await stateOf(store, await insertOne(store, { after: [id], onParentFailure: "run" })),
      "ready",
    );
  });

  suite.test("ends the run although others it waits for still go on", async ({ store }) => {
    const { id, claimed } = await running(store);
    const other = await insertOne(store);
    const last = await insertOne(store, { after: [other, id] });
    const patient = await insertOne(store, { after: [other, id], onParentFailure: "run" });
    await settle(store, failed(claimed));
    await assertForsaken(store, last, id);
    await assertWaitsFor(store, patient, other);
    await settle(store, succeeded(await takeOne(store, await enter(store))));
    assert.equal(await stateOf(store, last), "failed");
    assert.equal(await stateOf(store, patient), "ready");
  });

  suite.test("takes along what comes after that, each naming the one before it", async ({ store }) => {
    const { id, claimed } = await running(store);
    const second = await insertOne(store, { after: [id] });
    const third = await insertOne(store, { after: [second], onParentFailure: "cancel" });
    const fourth = await insertOne(store, { after: [third] });
    const stays = await insertOne(store, { after: [fourth], onParentFailure: "run" });
    await settle(store, failed(claimed));
    await assertForsaken(store, second, id);
    await assertForsaken(store, third, second, "cancelled");
    await assertForsaken(store, fourth, third);
    assert.equal(await stateOf(store, stays), "ready");
  });

  suite.test("ends a chain of ten thousand to its last", async ({ store }) => {
    const chain = chainOf(10_000);
    await store.insert(chain);
    await settle(store, failed(await takeOne(store, await enter(store))));
    assert.equal(await store.count({ states: ["failed"] }), 10_000);
    await assertForsaken(store, at(chain, 9_999).id, at(chain, 9_998).id);
  });

  suite.test("tells listeners of every run that it ended", async ({ store }) => {
    const chain = chainOf(5);
    await store.insert(chain);
    const ended = new Set<string>();
    const stop = store.watch((change) => {
      for (const id of change.ended) ended.add(id);
    });
    await settle(store, failed(await takeOne(store, await enter(store))));
    stop();
    assert.deepEqual(ended, new Set(chain.map(({ id }) => id)));
  });

  suite.test("does nothing to what has ended already", async ({ store }) => {
    const { id, claimed } = await running(store);
    const last = await insertOne(store, { after: [id] });
    await store.cancel([last], "not needed");
    await settle(store, failed(claimed));
    assert.deepEqual(
      [(await stored(store, last)).state, (await stored(store, last)).reason],
      ["cancelled", "not needed"],
    );
  });
}

/** Each after the one before it. */
function chainOf(length: number): NewRun[] {
  const runs: NewRun[] = [];
  for (let index = 0; index < length; index++)
    runs.push(aRun(index === 0 ? {} : { after: [at(runs, index - 1).id] }));
  return runs;
}

function besides(suite: Suite): void {
  suite.test("its own time counts as well", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    const last = await insertOne(store, { after: [id], due: { after: hour } });
    await clock.advance(minute);
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(store, last), "scheduled");
    await clock.advance(hour - 2 * minute);
    await store.promote(10);
    assert.equal(await stateOf(store, last), "scheduled");
    await clock.advance(minute);
    await store.promote(10);
    assert.equal(await stateOf(store, last), "ready");
  });

  suite.test("a time that comes while it waits does not start it", async ({ store, clock }) => {
    const id = await insertOne(store, { due: { after: 2 * hour } });
    const last = await insertOne(store, { after: [id], due: { after: minute } });
    await clock.advance(hour);
    await store.promote(10);
    await assertWaitsFor(store, last, id);
    assert.deepEqual(await take(store, await enter(store)), []);
  });

  suite.test("its time, queue and priority can be changed while it waits", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    const last = await insertOne(store, { after: [id] });
    assert.deepEqual(await store.change([last], { queue: "far", priority: 3, due: { after: hour } }), [true]);
    await assertWaitsFor(store, last, id);
    await settle(store, succeeded(claimed));
    const run = await stored(store, last);
    assert.deepEqual(
      [run.state, run.queue, run.priority, run.runAt],
      ["scheduled", "far", 3, clock.now() + hour],
    );
  });

  suite.test("startWithin counts from the request", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    const last = await insertOne(store, { after: [id], startWithin: minute });
    await clock.advance(minute + second);
    await store.promote(10);
    const run = await stored(store, last);
    assert.deepEqual([run.state, run.reason], ["failed", "expired"]);
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(store, last), "failed");
  });

  suite.test("it can be cancelled and removed while it waits", async ({ store }) => {
    const { id, claimed } = await running(store);
    const [one, other] = [await insertOne(store, { after: [id] }), await insertOne(store, { after: [id] })];
    const third = await insertOne(store, { after: [one, other], onParentFailure: "run" });
    assert.deepEqual(await store.cancel([one], "not needed"), [true]);
    assert.deepEqual(await store.remove([other]), [true]);
    assert.equal(await stateOf(store, third), "ready");
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(store, one), "cancelled");
    assert.deepEqual(await store.find([other]), [undefined]);
  });

  suite.test("a gate of it is asked for only when it may start", async ({ store }) => {
    const gates = [{ kind: "limit", key: "one", limit: 1 }] as const;
    const { id, worker, claimed } = await running(store);
    const last = await insertOne(store, { after: [id], gates });
    const other = await insertOne(store, { gates });
    const holder = await takeOne(store, worker);
    assert.equal(holder.run, other);
    await settle(store, succeeded(claimed));
    assert.deepEqual(await take(store, worker), []);
    assert.equal((await stored(store, last)).waiting?.reason, "admission");
    await settle(store, succeeded(holder));
    assert.equal((await takeOne(store, worker)).run, last);
  });

  suite.test("its unique key is held while it waits", async ({ store }) => {
    const { id, claimed } = await running(store);
    const unique = { key: "copy 7", onConflict: { kind: "ignore" } } as const;
    const last = await insertOne(store, { after: [id], unique });
    assert.deepEqual(await store.insert([aRun({ unique })]), [{ id: last, created: false }]);
    const replaced = { key: "copy 7", onConflict: { kind: "replace", fields: ["input", "runAt"] } } as const;
    const [answer] = await store.insert([aRun({ unique: replaced, input: '"newer"' })]);
    assert.deepEqual(answer, { id: last, created: false, changed: true });
    await assertWaitsFor(store, last, id);
    await settle(store, failed(claimed));
    assert.equal((await stored(store, last)).input, '"newer"');
    assert.equal(at(await store.insert([aRun({ unique })]), 0).created, true);
  });

  suite.test("one that is to be prepared waits after it was", async ({ store }) => {
    const { id, claimed } = await running(store);
    const [one, other] = [
      await insertOne(store, { after: [id], waiting: "preparation" }),
      await insertOne(store, { after: [id], waiting: "preparation" }),
    ];
    const { id: _, ...run } = aRun({ priority: 4 });
    await store.prepare([{ id: one, run }]);
    await assertWaitsFor(store, one, id);
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(store, one), "ready");
    assert.deepEqual((await stored(store, other)).waiting?.reason, "preparation");
    await store.prepare([{ id: other, run }]);
    assert.equal(await stateOf(store, other), "ready");
  });

  suite.test("a filter finds it by what it waits for, and queues count it as waiting", async ({ store }) => {
    const { id } = await running(store);
    const last = await insertOne(store, { after: [id] });
    const page = await store.list({ waiting: ["dependency"] }, { limit: 10 });
    assert.deepEqual(
      page.runs.map((run) => run.id),
      [last],
    );
    assert.equal((await store.queues()).find(({ name }) => name === "default")?.waiting, 1);
    assert.equal((await store.countByState()).waiting, 1);
  });

  suite.test(
    "what it came after is removed past its keeping, and it runs all the same",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store);
      const other = await insertOne(store, { due: { after: 3 * hour } });
      const last = await insertOne(store, { after: [id, other] });
      await settle(store, succeeded(claimed, { keep: minute }));
      await clock.advance(hour);
      assert.equal(await store.prune(10), 1);
      await assertWaitsFor(store, last, other);
    },
  );
}

function again(suite: Suite): void {
  suite.test("what it took along stays ended, until that is tried again itself", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    const last = await insertOne(store, { after: [id] });
    await settle(store, failed(claimed));
    assert.deepEqual(await store.retry([id]), [true]);
    await settle(store, succeeded(await takeOne(store, worker)));
    await assertForsaken(store, last, id);
    assert.deepEqual(await store.retry([last]), [true]);
    const run = await stored(store, last);
    assert.deepEqual([run.state, run.reason, run.error], ["ready", undefined, undefined]);
  });

  suite.test("it waits again for those that have not succeeded, in any order", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    const good = await insertOne(store);
    const last = await insertOne(store, { after: [id, good] });
    await settle(store, succeeded(await takeOne(store, worker)), failed(claimed));
    assert.deepEqual(await store.retry([last]), [true]);
    await assertWaitsFor(store, last, id);
    assert.deepEqual(await store.retry([id]), [true]);
    await assertWaitsFor(store, last, id);
    await settle(store, failed(await takeOne(store, worker)));
    await assertForsaken(store, last, id);
    assert.deepEqual(await store.retry([id, last]), [true, true]);
    await assertWaitsFor(store, last, id);
    await settle(store, succeeded(await takeOne(store, worker)));
    assert.equal((await takeOne(store, worker)).run, last);
  });

  suite.test("a chain that failed goes through when all of it is tried again", async ({ store }) => {
    const chain = chainOf(6);
    await store.insert(chain);
    const worker = await enter(store);
    await settle(store, failed(await takeOne(store, worker)));
    const ids = chain.map(({ id }) => id);
    assert.deepEqual(new Set(await store.retry([...ids].reverse())), new Set([true]));
    for (const id of ids) {
      const claimed = await takeOne(store, worker);
      assert.equal(claimed.run, id);
      await settle(store, succeeded(claimed));
    }
  });

  suite.test("one that was cancelled while it waited waits again", async ({ store }) => {
    const { id, claimed } = await running(store);
    const last = await insertOne(store, { after: [id] });
    await store.cancel([last], "not now");
    assert.deepEqual(await store.retry([last]), [true]);
    await assertWaitsFor(store, last, id);
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(store, last), "ready");
  });

  suite.test("it does not wait for what is gone", async ({ store }) => {
    const { id, claimed } = await running(store);
    const last = await insertOne(store, { after: [id] });
    await settle(store, failed(claimed));
    await store.remove([id]);
    assert.deepEqual(await store.retry([last]), [true]);
    assert.equal(await stateOf(store, last), "ready");
  });

  suite.test(
    "it waits for a run that was recorded anew under the id of one that is gone",
    async ({ store }) => {
      const { id, worker, claimed } = await running(store);
      const last = await insertOne(store, { after: [id] });
      await settle(store, failed(claimed));
      await store.remove([id]);
      await store.insert([aRun({ id })]);
      assert.deepEqual(await store.retry([last]), [true]);
      await assertWaitsFor(store, last, id);
      await settle(store, succeeded(await takeOne(store, worker)));
      assert.equal((await takeOne(store, worker)).run, last);
    },
  );

  suite.test("it ends when what has failed and is waited for is removed", async ({ store }) => {
    const { id, claimed } = await running(store);
    const last = await insertOne(store, { after: [id] });
    await settle(store, failed(claimed));
    await store.retry([last]);
    await store.remove([id]);
    await assertForsaken(store, last, id);
  });

  suite.test("one that failed by itself is ready at once", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    const last = await insertOne(store, { after: [id] });
    await settle(store, succeeded(claimed));
    await settle(store, failed(await takeOne(store, worker)));
    await store.retry([last]);
    assert.equal((await takeOne(store, worker)).run, last);
  });
}

function together(suite: Suite): void {
  suite.test("may name each other in any order", async ({ store }) => {
    const [a, b, c] = [newId(), newId(), newId()];
    await store.insert([aRun({ id: c, after: [b, a] }), aRun({ id: b, after: [a] }), aRun({ id: a })]);
    const worker = await enter(store);
    for (const id of [a, b, c]) {
      const claimed = await takeOne(store, worker);
      assert.equal(claimed.run, id);
      await settle(store, succeeded(claimed));
    }
  });

  suite.test("a request that met a run with its unique key stands for that run", async ({ store }) => {
    const unique = { key: "copy 7", onConflict: { kind: "ignore" } } as const;
    const { id, claimed } = await running(store, { unique });
    const second = aRun({ unique });
    const last = aRun({ after: [second.id] });
    const answers = await store.insert([last, second]);
    assert.deepEqual(answers, [
      { id: last.id, created: true },
      { id, created: false },
    ]);
    await assertWaitsFor(store, last.id, id);
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(store, last.id), "ready");
  });

  suite.test("fail together when one names a run that has failed", async ({ store }) => {
    const { id, claimed } = await running(store);
    await settle(store, failed(claimed));
    const one = aRun({ after: [id] });
    const other = aRun({ after: [one.id] });
    await store.insert([other, one]);
    await assertForsaken(store, one.id, id);
    await assertForsaken(store, other.id, one.id);
  });

  suite.test("twenty thousand in layers are recorded at once and run layer by layer", async ({ store }) => {
    const width = 1_000;
    const runs: NewRun[] = [];
    for (let index = 0; index < 20 * width; index++) {
      const above = index - width;
      const needs =
        above < 0 ? [] : [at(runs, above).id, at(runs, above - (above % width) + ((above + 1) % width)).id];
      runs.push(aRun({ after: needs }));
    }
    await store.insert(runs);
    assert.equal(await store.count({ states: ["ready"] }), width);
    const worker = await enter(store);
    for (let layer = 0; layer < 3; layer++) {
      const claimed = await take(store, worker, { "*": 2 * width });
      assert.equal(claimed.length, width);
      await settle(store, ...claimed.map((one) => succeeded(one)));
    }
    const claimed = await take(store, worker, { "*": 2 * width });
    await settle(store, ...claimed.map((one) => failed(one)));
    assert.deepEqual(
      [await store.count({ states: ["succeeded"] }), await store.count({ states: ["failed"] })],
      [3 * width, 17 * width],
    );
  });
}

function transactions(suite: Suite): void {
  suite.shared("a run is there with what it waits for when that commits, and not before", async (bench) => {
    const { store, transaction } = bench;
    const { id, claimed } = await running(store);
    const last = aRun({ after: [id] });
    await transaction((connection) => store.insertIn(connection, [last]));
    await assertWaitsFor(store, last.id, id);
    const none = aRun({ after: [id] });
    await assert.rejects(
      transaction(async (connection) => {
        await store.insertIn(connection, [none]);
        throw new Error("rolled back on purpose");
      }),
    );
    assert.deepEqual(await store.find([none.id]), [undefined]);
    await settle(store, succeeded(claimed));
    assert.equal(await stateOf(store, last.id), "ready");
  });

  suite.shared(
    "a run after one that is not there is refused, and nothing else of the call is there",
    async (bench) => {
      const { store, transaction } = bench;
      const [one, other] = [aRun(), aRun({ after: [newId()] })];
      await transaction(async (connection) => {
        await assert.rejects(store.insertIn(connection, [one, other]), withCode("UNKNOWN_RUN"));
      }).catch(() => {});
      assert.deepEqual(await store.find([one.id, other.id]), [undefined, undefined]);
    },
  );

  suite.liveShared(
    "an end in a transaction lets go what waits for it, soon after the commit",
    async (bench) => {
      const { store, transaction } = bench;
      const { id, claimed } = await running(store);
      const last = await insertOne(store, { after: [id] });
      const letGo = new Promise<void>((resolve) => {
        const stop = store.watch(() => {
          void stateOf(store, last).then((state) => {
            if (state !== "ready") return;
            stop();
            resolve();
          });
        });
      });
      const settlement = succeeded(claimed);
      await transaction(async (connection) => {
        assert.equal((await store.settleIn(connection, settlement, [])).taken, true);
      });
      store.committed(settlement);
      await letGo;
      assert.equal((await takeOne(store, await enter(store))).run, last);
    },
  );
}
