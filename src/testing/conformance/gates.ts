// Locks and limits: how many run at once, who is next, and what lets a place go.
//
// The tests see gates only through what claims answer and what runs say of themselves, so it is all the same to them how
// a store counts, and in how many transactions it hands a place over: once a verb has answered, the next one in line can
// be claimed.
import assert from "node:assert/strict";
import type { Claimed, Settlement, Store } from "../../store/contract.js";
import {
  aRun,
  at,
  copy,
  enter,
  insertOne,
  kindsOf,
  only,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import { inARow, isInLine, limit, lock, runsOf } from "./gates-build.js";
import { holding, lettingGo } from "./gates-let-go.js";
import type { Suite } from "./suite.js";

export function gates(suite: Suite): void {
  suite.describe("how many run", () => amounts(suite));
  suite.describe("who is next", () => order(suite));
  suite.describe("several gates of a run", () => several(suite));
  suite.describe("what lets go", () => lettingGo(suite));
  suite.describe("a lock that is held", () => holding(suite));
  suite.describe("how a run stands", () => standings(suite));
}

function amounts(suite: Suite): void {
  suite.test("no more than the limit, and the others wait in line, unread and uncounted", async (bench) => {
    const { store } = bench;
    const gate = { gates: [limit("sync", 2)] };
    const [one = "", two = "", three = "", four = ""] = await inARow(bench, gate, gate, gate, gate);
    const worker = await enter(store);
    const claimed = await take(store, worker);
    assert.deepEqual(runsOf(claimed), [one, two]);
    assert.deepEqual(await take(store, worker), []);
    for (const id of [three, four]) {
      await isInLine(store, id, "limit sync");
      assert.deepEqual(await kindsOf(store, id), []);
    }
    await settle(store, succeeded(at(claimed, 1)));
    assert.equal((await takeOne(store, worker)).run, three);
    await isInLine(store, four, "limit sync");
    await settle(store, succeeded(at(claimed, 0)));
    const last = await takeOne(store, worker);
    assert.deepEqual([last.run, last.attempt], [four, 1]);
  });

  suite.test("of sixty-four for one lock one is claimed at a time, in the order they came", async (bench) => {
    const { store } = bench;
    const ids = await inARow(bench, ...Array.from({ length: 64 }, () => ({ gates: [lock("server:532")] })));
    const worker = await enter(store);
    for (const id of ids) {
      const claimed = await take(store, worker);
      assert.deepEqual(runsOf(claimed), [id]);
      assert.deepEqual(await take(store, worker), []);
      await settle(store, succeeded(only(claimed)));
    }
  });

  suite.test("each key has its own places, and so has each kind of gate", async (bench) => {
    const { store } = bench;
    const ids = await inARow(
      bench,
      { gates: [limit("a", 1)] },
      { gates: [limit("b", 1)] },
      { gates: [lock("a")] },
      { gates: [limit("a", 1)] },
    );
    assert.deepEqual(runsOf(await take(store, await enter(store))), ids.slice(0, 3));
  });

  suite.test("jobs and queues share what has the same name", async (bench) => {
    const { store } = bench;
    const other = { job: "delete", version: 1 };
    const [one = "", two = ""] = await inARow(
      bench,
      { gates: [lock("server:532")], queue: "x" },
      { gates: [lock("server:532")], queue: "y", ...other },
    );
    const worker = await enter(store, { abilities: [copy, other] });
    const both = [copy, other];
    const first = only(await take(store, worker, { "*": 9 }, both));
    assert.equal(first.run, one);
    await isInLine(store, two, "lock server:532");
    await settle(store, succeeded(first));
    assert.equal(only(await take(store, worker, { "*": 9 }, both)).run, two);
  });

  suite.test(
    "runs in line stand in nobody's way: a claim of one slot steps over a thousand",
    async (bench) => {
      const { store, clock } = bench;
      await store.insert(Array.from({ length: 1_000 }, () => aRun({ gates: [lock("one")] })));
      await clock.advance(1);
      const free = await insertOne(store);
      const worker = await enter(store);
      assert.equal((await take(store, worker, { "*": 1 })).length, 1);
      assert.deepEqual(runsOf(await take(store, worker, { "*": 1 })), [free]);
    },
  );

  suite.shared("two stores together hold a limit", async (bench) => {
    const { store, another } = bench;
    const other = await another();
    const gate = { gates: [limit("both", 3)] };
    await inARow(bench, ...Array.from({ length: 12 }, () => gate));
    const workers = [await enter(store), await enter(other)];
    let started = 0;
    while (started < 12) {
      const [mine, theirs] = await Promise.all([
        take(store, at(workers, 0), { "*": 5 }),
        take(other, at(workers, 1), { "*": 5 }),
      ]);
      assert.ok(mine.length + theirs.length <= 3);
      assert.ok(mine.length + theirs.length > 0, "somebody is next");
      started += mine.length + theirs.length;
      await Promise.all([settle(store, ...mine.map(alike)), settle(other, ...theirs.map(alike))]);
    }
  });

  suite.shared(
    "a run in line is handed the place by another store, however old the line is",
    async (bench) => {
      const { store, another } = bench;
      const [, two = ""] = await inARow(bench, { gates: [lock("x")] }, { gates: [lock("x")] });
      const worker = await enter(store);
      const first = await takeOne(store, worker);
      await isInLine(store, two, "lock x");
      const other = await another();
      await settle(other, succeeded(first));
      assert.equal((await takeOne(other, await enter(other))).run, two);
    },
  );

  suite.test("a run that was recorded without its definition takes its gates with it", async (bench) => {
    const { store } = bench;
    const raw = await insertOne(store, { waiting: "preparation" });
    const [one = ""] = await inARow(bench, { gates: [lock("x")] });
    const { id: _, ...fields } = aRun({ gates: [lock("x")] });
    await store.prepare([{ id: raw, run: fields }]);
    const claimed = await take(store, await enter(store));
    assert.equal(claimed.length, 1);
    await settle(store, succeeded(only(claimed)));
    const next = await take(store, await enter(store));
    assert.deepEqual(new Set([...runsOf(claimed), ...runsOf(next)]), new Set([raw, one]));
  });
}

function alike(claimed: Claimed): Settlement {
  return succeeded(claimed);
}

function order(suite: Suite): void {
  suite.test("the highest priority is next, and then the oldest", async (bench) => {
    const { store } = bench;
    const gates = [limit("k", 1)];
    const [first, low, high, low2, high2] = await inARow(
      bench,
      { gates, priority: 9 },
      { gates },
      { gates, priority: 5 },
      { gates },
      { gates, priority: 5 },
    );
    const worker = await enter(store);
    const started: string[] = [];
    for (let count = 0; count < 5; count++) {
      const claimed = only(await take(store, worker));
      started.push(claimed.run);
      await settle(store, succeeded(claimed));
    }
    assert.deepEqual(started, [first, high, high2, low, low2]);
  });

  suite.test("a newcomer does not overtake whoever was handed the place, however urgent", async (bench) => {
    const { store } = bench;
    const gates = [limit("k", 1)];
    const [, second] = await inARow(bench, { gates }, { gates });
    const worker = await enter(store);
    const first = await takeOne(store, worker);
    assert.deepEqual(await take(store, worker), []);
    await settle(store, succeeded(first));
    const [urgent] = await inARow(bench, { gates, priority: 9 });
    const next = await takeOne(store, worker);
    assert.equal(next.run, second);
    await settle(store, succeeded(next));
    assert.equal((await takeOne(store, worker)).run, urgent);
  });

  suite.test("with a raised limit as many are handed a place as the limit of each allows", async (bench) => {
    const { store } = bench;
    const old = { gates: [limit("k", 1)] };
    const [, second = "", third = "", fourth = ""] = await inARow(bench, old, old);
    const worker = await enter(store);
    const first = await takeOne(store, worker);
    const newer = await inARow(bench, { gates: [limit("k", 3)] }, { gates: [limit("k", 3)] });
    assert.deepEqual(await take(store, worker), [], "somebody is in line already");
    await settle(store, succeeded(first));
    assert.deepEqual(runsOf(await take(store, worker)), [second, ...newer]);
    assert.deepEqual([third, fourth], ["", ""]);
  });

  suite.test("with a lowered limit nobody starts until so few are left", async (bench) => {
    const { store } = bench;
    const many = { gates: [limit("k", 2)] };
    const [, , third] = await inARow(bench, many, many, { gates: [limit("k", 1)] });
    const worker = await enter(store);
    const claimed = await take(store, worker);
    assert.equal(claimed.length, 2);
    await settle(store, succeeded(at(claimed, 0)));
    assert.deepEqual(await take(store, worker), []);
    await settle(store, succeeded(at(claimed, 1)));
    assert.equal((await takeOne(store, worker)).run, third);
  });
}

function several(suite: Suite): void {
  suite.test("all are taken or none: who waits at one keeps nobody from another", async (bench) => {
    const { store } = bench;
    const all = limit("all", 2);
    const [first, second = "", third] = await inARow(
      bench,
      { gates: [all, limit("tenant:1", 1)] },
      { gates: [all, limit("tenant:1", 1)] },
      { gates: [all, limit("tenant:2", 1)] },
    );
    const worker = await enter(store);
    assert.deepEqual(runsOf(await take(store, worker)), [first, third]);
    await isInLine(store, second, "limit tenant:1");
  });

  suite.test("a run waits at the first that is closed, in the order they were given", async (bench) => {
    const { store } = bench;
    const gates = [limit("a", 1), limit("b", 1)];
    const [, second = ""] = await inARow(bench, { gates }, { gates });
    await takeOne(store, await enter(store));
    await isInLine(store, second, "limit a");
  });

  suite.test("a place that does not suffice goes to the next in line at once", async (bench) => {
    const { store } = bench;
    const [a, b] = [limit("a", 1), lock("b")];
    const [one, two, both = "", behind] = await inARow(
      bench,
      { gates: [a] },
      { gates: [b] },
      { gates: [a, b] },
      { gates: [a] },
    );
    const worker = await enter(store);
    const [first, second] = await take(store, worker);
    assert.deepEqual([first?.run, second?.run], [one, two]);
    assert.deepEqual(await take(store, worker), []);
    await isInLine(store, both, "limit a");
    await settle(store, succeeded(first as Claimed));
    // The one that wants both is handed the first, finds the other closed, and hands it on.
    const third = await soon(store, worker);
    assert.equal(third.run, behind);
    await isInLine(store, both, "lock b");
    await settle(store, succeeded(second as Claimed));
    assert.deepEqual(await take(store, worker), [], "now the first is closed again");
    await isInLine(store, both, "limit a");
    await settle(store, succeeded(third));
    assert.equal((await takeOne(store, worker)).run, both);
  });

  suite.test(
    "nobody is handed a place who would have to wait at another gate: it waits there",
    async (bench) => {
      const { store } = bench;
      const worker = await enter(store);
      const both = (key: string) => ({ gates: [limit("all", 2), limit(key, 1)] });
      const [a1, a2, b1, b2] = await inARow(bench, both("a"), both("a"), both("b"), both("b"));
      const taken = await take(store, worker);
      assert.deepEqual(runsOf(taken), [a1, b1]);
      await settle(store, succeeded(at(taken, 0)));
      assert.deepEqual(
        [(await stored(store, b2 ?? "")).waiting?.on, await stateOf(store, a2 ?? "")],
        ["limit b", "ready"],
      );
      assert.deepEqual(runsOf(await take(store, worker)), [a2]);
      await settle(store, succeeded(at(taken, 1)));
      assert.deepEqual(runsOf(await take(store, worker)), [b2]);
    },
  );

  suite.test("two that want the same two the other way round both get them in turn", async (bench) => {
    const { store } = bench;
    const [a, b] = [lock("a"), lock("b")];
    const ids = await inARow(
      bench,
      ...[
        [a, b],
        [b, a],
        [a, b],
        [b, a],
      ].map((gates) => ({ gates })),
    );
    const worker = await enter(store);
    const started: string[] = [];
    while (started.length < ids.length) {
      const claimed = await soon(store, worker);
      started.push(claimed.run);
      await settle(store, succeeded(claimed));
    }
    assert.deepEqual(new Set(started), new Set(ids));
  });
}

/** The one run that a few claims bring. */
async function soon(store: Store, worker: string): Promise<Claimed> {
  for (let tries = 0; tries < 4; tries++) {
    const claimed = await take(store, worker);
    if (claimed.length > 0) return only(claimed);
  }
  throw new assert.AssertionError({ message: "four claims brought nothing" });
}

function standings(suite: Suite): void {
  suite.test("a run without gates, and one that is not there, stand at none", async ({ store }) => {
    assert.deepEqual(await store.standing(await insertOne(store)), []);
    assert.deepEqual(await store.standing(aRun().id), []);
  });

  suite.test("tells at each gate who is in, and how many are in front", async (bench) => {
    const { store, clock } = bench;
    const gates = [limit("all", 5), lock("x")];
    const [first = "", , third = ""] = await inARow(bench, { gates }, { gates }, { gates });
    const claimed = await takeOne(store, await enter(store));
    await clock.advance(1);
    const [all, one, ...others] = await store.standing(third);
    assert.deepEqual(others, []);
    assert.deepEqual(
      {
        isHolding: all?.isHolding,
        isParked: all?.isParked,
        used: all?.used,
        ahead: all?.ahead,
        kind: all?.kind,
      },
      { isHolding: false, isParked: false, used: 1, ahead: 0, kind: "limit" },
    );
    assert.deepEqual(
      {
        key: one?.key,
        limit: one?.limit,
        isHolding: one?.isHolding,
        isParked: one?.isParked,
        used: one?.used,
        ahead: one?.ahead,
      },
      { key: "x", limit: 1, isHolding: false, isParked: true, used: 1, ahead: 1 },
    );
    assert.deepEqual(one?.holders, [
      { run: first, job: copy.job, state: "running", since: claimed.startedAt },
    ]);
    const held = await store.standing(first);
    assert.deepEqual(
      held.map(({ isHolding, isParked, ahead }) => ({ isHolding, isParked, ahead })),
      [
        { isHolding: true, isParked: false, ahead: 0 },
        { isHolding: true, isParked: false, ahead: 2 },
      ],
    );
  });

  suite.test("one that was handed a place holds it before it is claimed", async (bench) => {
    const { store } = bench;
    const gates = [limit("k", 1)];
    const [, second = ""] = await inARow(bench, { gates }, { gates });
    const worker = await enter(store);
    const first = await takeOne(store, worker);
    assert.deepEqual(await take(store, worker), []);
    await settle(store, succeeded(first));
    const { isHolding, isParked, used, holders } = only(await store.standing(second));
    assert.deepEqual({ isHolding, isParked, used }, { isHolding: true, isParked: false, used: 1 });
    assert.deepEqual(holders, [{ run: second, job: copy.job, state: "ready", since: undefined }]);
  });
}
