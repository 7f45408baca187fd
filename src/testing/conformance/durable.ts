// Durable work as a store keeps it: what a handler recorded, its children, what it waits for, and what wakes it.
//
// A wake-up must not be lost: every event that may end a wait is tried before and after the run is put to rest. And a
// position is given once: it is what every execution of the run goes by.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { Claimed, Entry, NewRun, Recorded, Settlement, Store } from "../../store/contract.js";
import {
  aRun,
  at,
  aWorker,
  backedOff,
  boom,
  copy,
  enter,
  failed,
  fenceOf,
  handedBack,
  hour,
  insertOne,
  minute,
  only,
  running,
  second,
  settle,
  snoozed,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import type { Suite } from "./suite.js";

export function durable(suite: Suite): void {
  suite.describe("what is recorded", () => records(suite));
  suite.describe("a run that waits for its entries", () => waits(suite));
  suite.describe("children", () => children(suite));
  suite.describe("signals", () => signals(suite));
  suite.describe("a run that is tried again by hand", () => again(suite));
}

const value = JSON.stringify({ text: "ünïcödé 🌊 \u0000 'quoted'" });

function done(name: string, fields: Partial<Entry> = {}): Entry {
  return { name, kind: "step", state: "done", value, ...fields };
}

function pending(name: string, kind: Entry["kind"] = "step", fields: Partial<Entry> = {}): Entry {
  return { name, kind, state: "pending", ...fields };
}

/** Records entries that must be taken; answers what has settled. */
async function record(
  store: Store,
  claimed: Claimed,
  entries: readonly Entry[],
  children: readonly NewRun[] = [],
  after = 0,
): Promise<readonly Entry[]> {
  const answer = only(await store.record([{ ...fenceOf(claimed), entries, children, after }]));
  assert.ok(answer.taken, "the write was to be taken");
  return answer.settled;
}

function waitsFor(claimed: Claimed, ...names: readonly string[]): Settlement {
  return {
    ...fenceOf(claimed),
    state: "waiting",
    waiting: { reason: "entries", on: JSON.stringify(names) },
    giveBack: true,
  };
}

function childOf(parent: string, entry: string, fields: Partial<NewRun> = {}): NewRun {
  return aRun({ parent: { run: parent, entry, onEnd: "cancel" }, ...fields });
}

async function entryOf(store: Store, run: string, name: string): Promise<Entry> {
  return only((await store.entries(run)).filter((entry) => entry.name === name));
}

function records(suite: Suite): void {
  suite.test("is there for the next execution, in the order of settling", async ({ store }) => {
    const { id, claimed } = await running(store);
    assert.equal(claimed.hasEntries, false);
    const settled = await record(store, claimed, [
      done("b"),
      pending("wait", "sleep", { due: { after: hour } }),
      done("a", { hash: "of what was asked", attempts: 3 }),
    ]);
    assert.deepEqual(
      settled.map(({ name, position }) => [name, position]),
      [
        ["b", 1],
        ["a", 2],
      ],
    );
    await settle(store, handedBack(claimed));
    const next = await takeOne(store, await enter(store));
    assert.equal(next.hasEntries, true);
    const entries = await store.entries(id);
    assert.deepEqual(
      entries.map(({ name }) => name),
      ["b", "a", "wait"],
    );
    assert.deepEqual(
      [entries[1]?.hash, entries[1]?.attempts, entries[1]?.value],
      ["of what was asked", 3, value],
    );
    assert.equal(entries[2]?.state, "pending");
  });

  suite.test("a pending entry is changed by who settles it, and keeps what was asked", async ({ store }) => {
    const { id, claimed } = await running(store);
    await record(store, claimed, [pending("step", "step", { hash: "asked", attempts: 1, error: boom })]);
    const settled = await record(store, claimed, [done("step", { attempts: 2 })]);
    const entry = only(settled);
    assert.deepEqual(
      [entry.state, entry.hash, entry.attempts, entry.value, entry.position],
      ["done", "asked", 2, value, 1],
    );
    assert.deepEqual((await store.entries(id)).length, 1);
  });

  suite.test("what has settled stays as it is", async ({ store }) => {
    const { id, claimed } = await running(store);
    await record(store, claimed, [done("step")]);
    const settled = await record(store, claimed, [
      { ...done("step"), state: "failed", value: undefined, error: boom },
    ]);
    assert.deepEqual([only(settled).state, only(settled).value], ["done", value]);
    assert.equal((await entryOf(store, id, "step")).state, "done");
  });

  suite.test("a failed entry has its error, and a position as well", async ({ store }) => {
    const { id, claimed } = await running(store);
    await record(store, claimed, [
      pending("step"),
      { name: "other", kind: "step", state: "failed", error: boom },
    ]);
    const entry = await entryOf(store, id, "other");
    assert.deepEqual([entry.state, entry.error, entry.position], ["failed", boom, 1]);
  });

  suite.test("only what settled after the position that is known is told", async ({ store }) => {
    const { claimed } = await running(store);
    await record(store, claimed, [done("a"), done("b")]);
    assert.deepEqual(
      (await record(store, claimed, [done("c")], [], 1)).map(({ name }) => name),
      ["b", "c"],
    );
    assert.deepEqual(
      (await record(store, claimed, [], [], 3)).map(({ name }) => name),
      [],
    );
  });

  suite.test("several writes in one call are answered each", async ({ store }) => {
    const worker = await enter(store);
    await store.insert([aRun(), aRun()]);
    const claimed = await take(store, worker);
    const answers = await store.record([
      { ...fenceOf(at(claimed, 0)), entries: [done("a")] },
      { ...fenceOf(at(claimed, 1)), token: at(claimed, 1).token + 1_000, entries: [done("a")] },
      { ...fenceOf(at(claimed, 1)), entries: [done("b")] },
    ]);
    assert.deepEqual(
      answers.map((answer: Recorded) => answer.taken),
      [true, false, true],
    );
  });

  suite.test("an execution that lost its claim records nothing", async ({ store }) => {
    const { id, claimed } = await running(store);
    await settle(store, handedBack(claimed));
    const child = childOf(id, "child");
    const answer = only(
      await store.record([{ ...fenceOf(claimed), entries: [done("a")], children: [child] }]),
    );
    assert.deepEqual(answer, { taken: false });
    assert.deepEqual([await store.entries(id), await store.find([child.id])], [[], [undefined]]);
  });

  suite.test("a new entry gives the run all its attempts again, and nothing else does", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await settle(store, backedOff(claimed, 0));
    await store.promote(10);
    const second = await takeOne(store, worker);
    assert.equal(second.attempt, 2);
    await record(store, second, [done("a")]);
    await settle(store, backedOff(second, 0));
    await store.promote(10);
    const third = await takeOne(store, worker);
    assert.equal(third.attempt, 2, "the execution that recorded something counts as the first");
    await record(store, third, [done("a")]);
    await settle(store, backedOff(third, 0));
    await store.promote(10);
    assert.equal((await takeOne(store, worker)).attempt, 3);
    assert.equal((await stored(store, id)).attempt, 3);
  });

  suite.test("goes with its run", async ({ store }) => {
    const { id, claimed } = await running(store);
    await record(store, claimed, [done("a"), pending("b", "signal", { hash: "approved" })]);
    await settle(store, failed(claimed));
    assert.deepEqual(await store.remove([id]), [true]);
    assert.deepEqual(await store.entries(id), []);
    await store.insert([aRun({ id })]);
    assert.equal((await takeOne(store, await enter(store))).hasEntries, false);
  });

  suite.test("ten thousand entries of one run are read in order", async ({ store }) => {
    const { id, claimed } = await running(store);
    for (let from = 0; from < 10_000; from += 1_000) {
      await record(
        store,
        claimed,
        Array.from({ length: 1_000 }, (_, index) => done(`step ${from + index}`)),
        [],
        from,
      );
    }
    const entries = await store.entries(id);
    assert.equal(entries.length, 10_000);
    assert.ok(
      entries.every(({ name, position }, index) => name === `step ${index}` && position === index + 1),
    );
  });
}

function waits(suite: Suite): void {
  suite.test("is waiting, without an attempt, and claimed by nobody", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [pending("go", "signal", { hash: "go" })]);
    await settle(store, waitsFor(claimed, "go"));
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.waiting, run.attempt],
      ["waiting", { reason: "entries", on: '["go"]' }, 0],
    );
    assert.deepEqual(await take(store, worker), []);
  });

  suite.test("is ready at once when one of them has settled already", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [
      pending("go", "signal", { hash: "go" }),
      pending("other", "signal", { hash: "other" }),
    ]);
    await store.signal([{ id: newId(), to: { run: id }, name: "go", payload: value }]);
    await settle(store, waitsFor(claimed, "other", "go"));
    assert.equal((await takeOne(store, worker)).run, id);
  });

  suite.test("is not woken by an entry that it does not wait for", async ({ store }) => {
    const { id, claimed } = await running(store);
    await record(store, claimed, [
      pending("go", "signal", { hash: "go" }),
      pending("other", "signal", { hash: "other" }),
    ]);
    await settle(store, waitsFor(claimed, "go"));
    await store.signal([{ id: newId(), to: { run: id }, name: "other", payload: value }]);
    assert.equal(await stateOf(store, id), "waiting");
    await store.signal([{ id: newId(), to: { run: id }, name: "go", payload: value }]);
    assert.equal(await stateOf(store, id), "ready");
  });

  suite.test(
    "is ready when the first of them is due, and not a millisecond before",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await record(store, claimed, [
        pending("long", "sleep", { due: { after: hour } }),
        pending("short", "sleep", { due: { after: minute } }),
        pending("not waited for", "sleep", { due: { after: second } }),
        pending("go", "signal", { hash: "go" }),
      ]);
      await settle(store, waitsFor(claimed, "long", "go", "short"));
      const begun = clock.now();
      assert.equal((await store.promote(10)).next, begun + minute);
      await clock.advance(minute - 1);
      await store.promote(10);
      assert.deepEqual(await take(store, worker), []);
      await clock.advance(1);
      await store.promote(10);
      assert.equal((await takeOne(store, worker)).run, id);
      const short = await entryOf(store, id, "short");
      assert.deepEqual(
        [short.state, short.due],
        ["pending", { at: begun + minute }],
        "whoever executes it settles it",
      );
    },
  );

  suite.test("is ready at once when what it waits for is due by then", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    await record(store, claimed, [pending("short", "sleep", { due: { after: 5 } })]);
    await clock.advance(10);
    await settle(store, waitsFor(claimed, "short"));
    await store.promote(10);
    assert.equal(await stateOf(store, id), "ready");
  });

  suite.test("waits anew after it was woken for something else", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [
      pending("a", "sleep", { due: { after: minute } }),
      pending("b", "sleep", { due: { after: hour } }),
    ]);
    await settle(store, waitsFor(claimed, "a", "b"));
    await clock.advance(minute);
    await store.promote(10);
    const second = await takeOne(store, worker);
    await record(store, second, [{ name: "a", kind: "sleep", state: "done" }], [], 0);
    await settle(store, waitsFor(second, "b"));
    await clock.advance(minute);
    await store.promote(10);
    assert.equal(await stateOf(store, id), "waiting");
    await clock.advance(hour);
    await store.promote(10);
    assert.equal(await stateOf(store, id), "ready");
  });

  suite.test("can be cancelled, expires, and lets nobody wake it after that", async ({ store, clock }) => {
    const worker = await enter(store);
    const [cancelled = "", expired = ""] = [
      await insertOne(store),
      await insertOne(store, { finishWithin: minute }),
    ];
    for (const claimed of await take(store, worker)) {
      await record(store, claimed, [pending("go", "signal", { hash: "go" })]);
      await settle(store, waitsFor(claimed, "go"));
    }
    assert.deepEqual(await store.cancel([cancelled], "no longer"), [true]);
    await clock.advance(minute);
    await store.promote(10);
    assert.deepEqual(
      [await stateOf(store, cancelled), await stateOf(store, expired)],
      ["cancelled", "failed"],
    );
    const answers = await store.signal([
      { id: newId(), to: { run: cancelled }, name: "go", payload: undefined },
      { id: newId(), to: { run: expired }, name: "go", payload: undefined },
    ]);
    assert.deepEqual(answers, [false, false]);
    assert.deepEqual(await take(store, worker), []);
  });
}

function children(suite: Suite): void {
  suite.test("a child is recorded with its entry, and says whose it is", async ({ store }) => {
    const { id, claimed } = await running(store);
    const child = childOf(id, "child", { input: value, tags: ["one"] });
    await record(store, claimed, [pending("child", "child")], [child]);
    const run = await stored(store, child.id);
    assert.deepEqual([run.state, run.parent, run.input, run.tags], ["ready", id, value, ["one"]]);
  });

  const ends: Record<
    string,
    { readonly settlement: (claimed: Claimed) => Settlement; readonly entry: Partial<Entry> }
  > = {
    "that succeeds gives its output": {
      settlement: (claimed) => succeeded(claimed, { output: value }),
      entry: { state: "done", value },
    },
    "that succeeds with a long output gives all of it": {
      settlement: (claimed) => succeeded(claimed, { output: JSON.stringify("x".repeat(9_000)) }),
      entry: { state: "done", value: JSON.stringify("x".repeat(9_000)) },
    },
    "that gives nothing is done": {
      settlement: (claimed) => succeeded(claimed),
      entry: { state: "done", value: undefined },
    },
    "that fails gives its error": {
      settlement: (claimed) => failed(claimed),
      entry: { state: "failed", error: boom },
    },
  };
  for (const [how, { settlement, entry: expected }] of Object.entries(ends)) {
    suite.test(`a child ${how}, and wakes its parent`, async ({ store }) => {
      const { id, worker, claimed } = await running(store);
      await record(store, claimed, [pending("child", "child")], [childOf(id, "child")]);
      await settle(store, waitsFor(claimed, "child"));
      await settle(store, settlement(await takeOne(store, worker)));
      const entry = await entryOf(store, id, "child");
      for (const [key, wanted] of Object.entries(expected))
        assert.deepEqual(entry[key as keyof Entry], wanted);
      assert.equal(entry.position, 1);
      assert.equal((await takeOne(store, worker)).run, id);
    });
  }

  suite.test(
    "a child that is cancelled, expires or is removed wakes its parent",
    async ({ store, clock }) => {
      const worker = await enter(store);
      const parents = [await insertOne(store), await insertOne(store), await insertOne(store)];
      const offspring: string[] = [];
      for (const claimed of await take(store, worker)) {
        const child = childOf(claimed.run, "child", {
          queue: "elsewhere",
          finishWithin: offspring.length === 1 ? minute : hour,
        });
        offspring.push(child.id);
        await record(store, claimed, [pending("child", "child")], [child]);
        await settle(store, waitsFor(claimed, "child"));
      }
      await store.cancel([at(offspring, 0)], "not wanted");
      await clock.advance(minute);
      await store.promote(10);
      await store.remove([at(offspring, 2)]);
      for (const parent of parents) assert.equal(await stateOf(store, parent), "ready");
      const entry = await entryOf(store, at(parents, 0), "child");
      assert.deepEqual(
        [entry.state, entry.error?.code, entry.error?.message],
        ["failed", "RUN_CANCELLED", "not wanted"],
      );
      assert.equal((await entryOf(store, at(parents, 1), "child")).error?.code, "EXPIRED");
    },
  );

  suite.test("a child that ended before its parent rests is not missed", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [pending("child", "child")], [childOf(id, "child")]);
    await settle(store, succeeded(await takeOne(store, worker), { output: value }));
    await settle(store, waitsFor(claimed, "child"));
    assert.equal((await takeOne(store, worker)).run, id);
  });

  suite.test("a running parent is told with its next write", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [pending("child", "child")], [childOf(id, "child")]);
    await settle(store, succeeded(await takeOne(store, worker), { output: value }));
    const settled = await record(store, claimed, [done("step")]);
    assert.deepEqual(
      settled.map(({ name, position }) => [name, position]),
      [
        ["child", 1],
        ["step", 2],
      ],
    );
  });

  suite.shared(
    "a child and its parent's rest that cross, a hundred times, leave nobody asleep",
    async (bench) => {
      const other = await bench.another();
      const worker = await enter(bench.store);
      for (let time = 0; time < 100; time += 1) {
        const id = await insertOne(bench.store);
        const claimed = await takeOne(bench.store, worker);
        await record(bench.store, claimed, [pending("child", "child")], [childOf(id, "child")]);
        const child = await takeOne(bench.store, worker);
        await Promise.all([settle(bench.store, waitsFor(claimed, "child")), settle(other, succeeded(child))]);
        const woken = await takeOne(bench.store, worker);
        assert.equal(woken.run, id);
        await settle(bench.store, succeeded(woken));
      }
    },
  );

  suite.test("of many children the last wakes the parent, and none before", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    const many = Array.from({ length: 25 }, () => childOf(id, "all"));
    await record(store, claimed, [pending("all", "children")], many);
    await settle(store, waitsFor(claimed, "all"));
    const taken = await take(store, worker);
    assert.equal(taken.length, 25);
    await settle(
      store,
      ...taken.slice(0, 24).map((child, index) => (index % 2 === 0 ? succeeded(child) : failed(child))),
    );
    assert.equal(await stateOf(store, id), "waiting");
    await store.cancel([at(taken, 24).run], "enough");
    assert.equal(await stateOf(store, id), "waiting", "it runs until its worker has settled it");
    await settle(store, succeeded(at(taken, 24)));
    assert.equal((await entryOf(store, id, "all")).state, "done");
    assert.equal((await takeOne(store, worker)).run, id);
  });

  suite.shared("the last two of many that end side by side, fifty times, wake the parent", async (bench) => {
    const other = await bench.another();
    const worker = await enter(bench.store);
    for (let time = 0; time < 50; time += 1) {
      const id = await insertOne(bench.store);
      const claimed = await takeOne(bench.store, worker);
      await record(
        bench.store,
        claimed,
        [pending("all", "children")],
        [childOf(id, "all"), childOf(id, "all")],
      );
      await settle(bench.store, waitsFor(claimed, "all"));
      const [one, two] = await take(bench.store, worker);
      assert.ok(one !== undefined && two !== undefined);
      await Promise.all([settle(bench.store, succeeded(one)), settle(other, succeeded(two))]);
      const woken = await takeOne(bench.store, worker);
      assert.equal(woken.run, id);
      await settle(bench.store, succeeded(woken));
    }
  });

  suite.test("the results of many are kept once", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [pending("all", "children")], [childOf(id, "all")]);
    await settle(store, succeeded(await takeOne(store, worker)));
    const entry = await entryOf(store, id, "all");
    await record(store, claimed, [{ ...entry, value }]);
    await record(store, claimed, [{ ...entry, value: "1" }]);
    assert.deepEqual(
      [(await entryOf(store, id, "all")).value, (await entryOf(store, id, "all")).position],
      [value, 1],
    );
  });

  suite.test("a retry or a snooze of a child wakes nobody", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [pending("child", "child")], [childOf(id, "child")]);
    await settle(store, waitsFor(claimed, "child"));
    await settle(store, backedOff(await takeOne(store, worker), 0));
    await store.promote(10);
    await settle(store, snoozed(await takeOne(store, worker), hour));
    assert.equal(await stateOf(store, id), "waiting");
  });

  suite.test(
    "children go with their parent unless they are to be left, and so do theirs",
    async ({ store }) => {
      const { id, worker, claimed } = await running(store);
      const waiting = childOf(id, "waiting", { due: { after: hour } });
      const left = aRun({ parent: { run: id, entry: "left", onEnd: "leave" }, due: { after: hour } });
      const active = childOf(id, "active");
      await record(
        store,
        claimed,
        [pending("waiting", "child"), pending("left", "child"), pending("active", "child")],
        [waiting, left, active],
      );
      const child = await takeOne(store, worker);
      const grandchild = childOf(child.run, "grandchild", { due: { after: hour } });
      await record(store, child, [pending("grandchild", "child")], [grandchild]);
      await settle(store, succeeded(claimed));
      assert.deepEqual(
        [await stateOf(store, waiting.id), await stateOf(store, left.id), await stateOf(store, active.id)],
        ["cancelled", "scheduled", "running"],
      );
      assert.equal((await store.pulse(worker)).cancelled[0]?.run, active.id);
      await settle(store, backedOff(child, hour));
      assert.deepEqual(
        [await stateOf(store, active.id), await stateOf(store, grandchild.id)],
        ["cancelled", "cancelled"],
      );
    },
  );

  suite.test("a tree is cancelled with its root, down to the last leaf", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [pending("child", "child")], [childOf(id, "child")]);
    await settle(store, waitsFor(claimed, "child"));
    const child = await takeOne(store, worker);
    const leaf = childOf(child.run, "leaf", { due: { after: hour } });
    await record(store, child, [pending("leaf", "child")], [leaf]);
    await settle(store, waitsFor(child, "leaf"));
    assert.deepEqual(await store.cancel([id], "all of it"), [true]);
    for (const run of [id, child.run, leaf.id]) assert.equal(await stateOf(store, run), "cancelled");
  });

  suite.test("a child with gates waits in line like any run", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    const gates = [{ kind: "limit", key: "two at once", limit: 2 }] as const;
    const many = Array.from({ length: 5 }, () => childOf(id, "all", { gates }));
    await record(store, claimed, [pending("all", "children")], many);
    await settle(store, waitsFor(claimed, "all"));
    for (let left = 5; left > 0; left -= 1) {
      const taken = await take(store, worker);
      for (const child of taken) await settle(store, succeeded(child));
      if ((await stateOf(store, id)) === "ready") break;
    }
    assert.equal((await takeOne(store, worker)).run, id);
  });
}

function signals(suite: Suite): void {
  const go = (run: string, payload: string | undefined = value, id = newId()) => ({
    id,
    to: { run },
    name: "go",
    payload,
  });
  const wait = (name: string): Entry => pending(name, "signal", { hash: "go" });

  suite.test("one that comes before its wait is taken by it", async ({ store }) => {
    const { id, claimed } = await running(store);
    assert.deepEqual(await store.signal([go(id)]), [true]);
    const settled = await record(store, claimed, [wait("first"), wait("second")]);
    assert.deepEqual(
      settled.map(({ name, state, value: given }) => [name, state, given]),
      [["first", "done", value]],
    );
    assert.equal((await entryOf(store, id, "second")).state, "pending");
  });

  suite.test("each goes to one wait, in the order of both", async ({ store }) => {
    const { id, claimed } = await running(store);
    await record(store, claimed, [wait("first")]);
    await record(store, claimed, [wait("second")]);
    await store.signal([go(id, "1")]);
    await store.signal([go(id, "2"), go(id, "3")]);
    const settled = await record(store, claimed, [wait("third")]);
    assert.deepEqual(
      settled.map(({ name, value: given }) => [name, given]),
      [
        ["first", "1"],
        ["second", "2"],
        ["third", "3"],
      ],
    );
  });

  suite.test("one that is sent again under its id is one", async ({ store }) => {
    const { id, claimed } = await running(store);
    const signal = go(id);
    await store.signal([signal, signal]);
    await record(store, claimed, [wait("first")]);
    await store.signal([signal]);
    await record(store, claimed, [wait("second")]);
    assert.equal((await entryOf(store, id, "second")).state, "pending");
  });

  suite.test("another name, or another run, does not get it", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    const other = await insertOne(store);
    const second = await takeOne(store, worker);
    await record(store, claimed, [pending("stop", "signal", { hash: "stop" })]);
    await record(store, second, [wait("go")]);
    await store.signal([go(id)]);
    assert.equal((await entryOf(store, id, "stop")).state, "pending");
    assert.equal((await entryOf(store, other, "go")).state, "pending");
  });

  suite.test("to a key it goes to the run that holds it, or to the next that gets it", async ({ store }) => {
    const worker = await enter(store);
    const unique = { key: "copy 7", onConflict: { kind: "ignore" } } as const;
    const to = { job: copy.job, key: "copy 7" };
    assert.deepEqual(await store.signal([{ id: newId(), to, name: "go", payload: "1" }]), [false]);
    const id = await insertOne(store, {
      unique: { ...unique, while: ["scheduled", "ready", "running", "waiting"] },
    });
    const claimed = await takeOne(store, worker);
    const settled = await record(store, claimed, [wait("early"), wait("late")]);
    assert.deepEqual(
      settled.map(({ name, value: given }) => [name, given]),
      [["early", "1"]],
    );
    assert.deepEqual(await store.signal([{ id: newId(), to, name: "go", payload: "2" }]), [true]);
    assert.equal((await entryOf(store, id, "late")).value, "2");
  });

  suite.shared(
    "in the caller's transaction it is there once that commits, and never when it rolls back",
    async (bench) => {
      const { store, transaction } = bench;
      const { id, worker, claimed } = await running(store);
      await record(store, claimed, [wait("go")]);
      await settle(store, waitsFor(claimed, "go"));
      await assert.rejects(
        transaction(async (connection) => {
          await store.signalIn(connection, [go(id, "1")]);
          throw new Error("rolled back on purpose");
        }),
      );
      assert.equal(await stateOf(store, id), "waiting");
      await transaction(async (connection) => {
        assert.deepEqual(await store.signalIn(connection, [go(id, "2")]), [true]);
      });
      const woken = await takeOne(store, worker);
      assert.deepEqual([woken.run, (await entryOf(store, id, "go")).value], [id, "2"]);
    },
  );

  suite.shared(
    "a signal and its run's rest that cross, a hundred times, leave nobody asleep",
    async (bench) => {
      const other = await bench.another();
      const worker = await enter(bench.store);
      for (let time = 0; time < 100; time += 1) {
        const id = await insertOne(bench.store);
        const claimed = await takeOne(bench.store, worker);
        const sent = other.signal([go(id)]);
        await record(bench.store, claimed, [wait("go")]);
        await settle(bench.store, waitsFor(claimed, "go"));
        await sent;
        const woken = await takeOne(bench.store, worker);
        assert.equal(woken.run, id);
        await settle(bench.store, succeeded(woken));
      }
    },
  );
}

function again(suite: Suite): void {
  suite.test("goes on from what was done, and does again what failed", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [
      done("first"),
      { name: "second", kind: "step", state: "failed", error: boom },
      pending("third", "sleep", { due: { after: hour } }),
    ]);
    await settle(store, failed(claimed));
    assert.deepEqual(await store.retry([id]), [true]);
    const next = await takeOne(store, worker);
    assert.deepEqual([next.hasEntries, next.attempt], [true, 1]);
    assert.deepEqual(
      (await store.entries(id)).map(({ name, state }) => [name, state]),
      [
        ["first", "done"],
        ["third", "pending"],
      ],
    );
    const settled = await record(store, next, [done("second")], [], 1);
    assert.ok((only(settled).position ?? 0) > 1);
  });

  suite.test("forgets what settled from an entry on, when that is asked for", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await record(store, claimed, [done("a"), done("b"), done("c"), pending("d", "sleep")]);
    assert.equal(await store.forget(id, "b"), false, "it runs");
    await settle(store, failed(claimed));
    assert.equal(await store.forget(id, "no such"), false);
    assert.equal(await store.forget(id, "b"), true);
    assert.deepEqual(
      (await store.entries(id)).map(({ name }) => name),
      ["a"],
    );
    await store.retry([id]);
    assert.equal((await takeOne(store, worker)).hasEntries, true);
  });

  suite.test("a worker that died leaves its run with all that it recorded", async ({ store }) => {
    const worker = aWorker();
    await store.register(worker);
    const id = await insertOne(store);
    await record(store, await takeOne(store, worker.id), [done("a")]);
    await store.rescue([{ worker: worker.id }]);
    assert.equal((await takeOne(store, await enter(store))).hasEntries, true);
    assert.equal((await store.entries(id)).length, 1);
  });
}
