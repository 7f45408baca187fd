// Locks and limits: how many run at once, who is next, and what lets a place go.
//
// The tests see gates only through what claims answer and what runs say of themselves, so it is all the same to them how
// a store counts, and in how many transactions it hands a place over: once a verb has answered, the next one in line can
// be claimed.
import assert from "node:assert/strict";
import type { Claimed, Gate, NewRun, Settlement, Store } from "../../store/contract.js";
import {
  at,
  aRun,
  backedOff,
  cancelledByItself,
  copy,
  enter,
  failed,
  handedBack,
  insertOne,
  kindsOf,
  minute,
  only,
  parked,
  settle,
  snoozed,
  stateOf,
  stored,
  succeeded,
  suspended,
  take,
  takeOne,
} from "./build.js";
import type { Bench, Suite } from "./suite.js";

export function limit(key: string, count: number): Gate {
  return { kind: "limit", key, limit: count };
}

export function lock(key: string, hold: "run" | "attempt" = "run"): Gate {
  return { kind: "lock", key, limit: 1, hold };
}

/** Records runs one after another, each a moment younger than the one before; answers their ids. */
export async function inARow(
  { store, clock }: Bench,
  ...runs: readonly Partial<NewRun>[]
): Promise<string[]> {
  const ids: string[] = [];
  for (const fields of runs) {
    ids.push(await insertOne(store, fields));
    await clock.advance(1);
  }
  return ids;
}

export function runsOf(claimed: readonly Claimed[]): string[] {
  return claimed.map(({ run }) => run);
}

async function isInLine(store: Store, id: string, on: string): Promise<void> {
  const { state, waiting, attempt } = await stored(store, id);
  assert.deepEqual(
    { state, waiting, attempt },
    { state: "waiting", waiting: { reason: "admission", on }, attempt: 0 },
  );
}

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

const endings: Record<string, (claimed: Claimed) => Settlement> = {
  "it succeeds": (claimed) => succeeded(claimed),
  "it succeeds with an output": (claimed) => succeeded(claimed, { output: "1" }),
  "it succeeds with a long output": (claimed) =>
    succeeded(claimed, { output: JSON.stringify("x".repeat(2_000)) }),
  "it fails": (claimed) => failed(claimed),
  "it cancels itself": (claimed) => cancelledByItself(claimed),
  "it is tried again later": (claimed) => backedOff(claimed, minute),
  "it is snoozed": (claimed) => snoozed(claimed, minute),
  "it is suspended": (claimed) => suspended(claimed, minute),
  "it is handed back": (claimed) => handedBack(claimed),
};

function lettingGo(suite: Suite): void {
  const gates = [limit("k", 1), lock("l", "attempt")];

  /** One that runs, two in line. */
  async function three(
    bench: Bench,
  ): Promise<{ worker: string; first: Claimed; second: string; third: string }> {
    const [, second = "", third = ""] = await inARow(bench, { gates }, { gates }, { gates });
    const worker = await enter(bench.store);
    const first = await takeOne(bench.store, worker);
    assert.deepEqual(await take(bench.store, worker), []);
    return { worker, first, second, third };
  }

  for (const [how, end] of Object.entries(endings)) {
    suite.test(`a run lets go when ${how}`, async (bench) => {
      const { store } = bench;
      const { worker, first, second, third } = await three(bench);
      await settle(store, end(first));
      const next = await takeOne(store, worker);
      assert.equal(next.run, second);
      await store.cancel([first.run], "out of the way");
      await settle(store, succeeded(next));
      assert.equal((await takeOne(store, worker)).run, third);
    });
  }

  suite.test("a run lets go when it is cancelled, once it has ended", async (bench) => {
    const { store } = bench;
    const { worker, first, second } = await three(bench);
    await store.cancel([first.run], "enough");
    assert.deepEqual(await take(store, worker), []);
    await settle(store, backedOff(first, minute));
    assert.equal(await stateOf(store, first.run), "cancelled");
    assert.equal((await takeOne(store, worker)).run, second);
  });

  for (const verb of ["rescue", "retire"] as const) {
    suite.test(`a run lets go when its worker is gone: ${verb}`, async (bench) => {
      const { store } = bench;
      const { worker, first, second, third } = await three(bench);
      if (verb === "rescue") await store.rescue([{ worker }]);
      else await store.retire(worker);
      const other = await enter(store);
      const next = await takeOne(store, other);
      assert.equal(next.run, second);
      assert.equal((await stored(store, first.run)).waiting?.reason, "admission");
      await settle(store, succeeded(next));
      const again = await takeOne(store, other);
      assert.equal(again.run, first.run, "it is the oldest in line");
      await settle(store, succeeded(again));
      assert.equal((await takeOne(store, other)).run, third);
    });
  }

  const leaving: Record<string, (bench: Bench, id: string) => Promise<void>> = {
    "is cancelled": async ({ store }, id) => assert.deepEqual(await store.cancel([id], "no"), [true]),
    "is removed": async ({ store }, id) => assert.deepEqual(await store.remove([id]), [true]),
    expires: async ({ store, clock }, id) => {
      await clock.advance(2 * minute);
      await store.promote(10);
      assert.equal(await stateOf(store, id), "failed");
    },
  };
  for (const [how, leave] of Object.entries(leaving)) {
    for (const when of ["in line", "handed a place"] as const) {
      suite.test(`a run that ${how} while it is ${when} makes room for the next`, async (bench) => {
        const { store } = bench;
        const [, second = "", third = ""] = await inARow(
          bench,
          { gates },
          { gates, startWithin: minute },
          { gates },
        );
        const worker = await enter(store);
        const first = await takeOne(store, worker);
        assert.deepEqual(await take(store, worker), []);
        if (when === "handed a place") await settle(store, succeeded(first));
        await leave(bench, second);
        if (when === "in line") await settle(store, succeeded(first));
        assert.equal((await takeOne(store, worker)).run, third);
      });
    }
  }

  suite.test("when the head of a line with a lower limit goes, the next may start", async (bench) => {
    const { store } = bench;
    const [, head = "", next] = await inARow(
      bench,
      { gates: [limit("k", 2)] },
      { gates: [limit("k", 1)] },
      { gates: [limit("k", 2)] },
    );
    const worker = await enter(store);
    await takeOne(store, worker);
    assert.deepEqual(await take(store, worker), []);
    await store.cancel([head], "no");
    assert.equal((await takeOne(store, worker)).run, next);
  });

  suite.test("a refused settlement lets nothing go", async (bench) => {
    const { store } = bench;
    const { worker, first } = await three(bench);
    const stale = { ...succeeded(first), token: first.token - 1 };
    assert.deepEqual(await store.settle([stale]), [{ taken: false }]);
    assert.deepEqual(await take(store, worker), []);
  });

  suite.test("a run that is made ready again by hand asks anew", async (bench) => {
    const { store } = bench;
    const { worker, first, second } = await three(bench);
    await settle(store, failed(first));
    const next = await takeOne(store, worker);
    assert.equal(next.run, second);
    assert.deepEqual(await store.retry([first.run]), [true]);
    assert.deepEqual(await take(store, worker), []);
  });

  suite.test("many that end in one batch hand all their places over", async (bench) => {
    const { store } = bench;
    const ids = await inARow(
      bench,
      ...Array.from({ length: 30 }, (_, index) => ({ gates: [limit("all", 10), lock(`key ${index % 10}`)] })),
    );
    const worker = await enter(store);
    for (let round = 0; round < 3; round++) {
      const claimed = await take(store, worker);
      assert.deepEqual(runsOf(claimed), ids.slice(10 * round, 10 * round + 10));
      await settle(store, ...claimed.map(alike));
    }
  });
}

function holding(suite: Suite): void {
  const waits = {
    "tried again later": (claimed: Claimed) => backedOff(claimed, minute),
    snoozed: (claimed: Claimed) => snoozed(claimed, minute),
    suspended: (claimed: Claimed) => suspended(claimed, minute),
  };
  for (const [how, rest] of Object.entries(waits)) {
    suite.test(`is held while its run is ${how}, and let go at its end`, async (bench) => {
      const { store, clock } = bench;
      const [first, second = ""] = await inARow(bench, { gates: [lock("x")] }, { gates: [lock("x")] });
      const worker = await enter(store);
      await settle(store, rest(await takeOne(store, worker)));
      assert.deepEqual(await take(store, worker), []);
      await isInLine(store, second, "lock x");
      await clock.advance(minute);
      await store.promote(10);
      const again = await takeOne(store, worker);
      assert.equal(again.run, first);
      await settle(store, succeeded(again));
      assert.equal((await takeOne(store, worker)).run, second);
    });
  }

  suite.test("is held over a rescue", async (bench) => {
    const { store } = bench;
    const [first] = await inARow(bench, { gates: [lock("x")] }, { gates: [lock("x")] });
    const worker = await enter(store);
    await takeOne(store, worker);
    await store.rescue([{ worker }]);
    assert.equal((await takeOne(store, await enter(store))).run, first);
  });

  for (const verb of ["cancel", "remove"] as const) {
    suite.test(`is let go when its waiting run goes: ${verb}`, async (bench) => {
      const { store } = bench;
      const [first = "", second] = await inARow(bench, { gates: [lock("x")] }, { gates: [lock("x")] });
      const worker = await enter(store);
      await settle(store, backedOff(await takeOne(store, worker), minute));
      assert.deepEqual(await take(store, worker), []);
      if (verb === "cancel") await store.cancel([first], "no");
      else await store.remove([first]);
      assert.equal((await takeOne(store, worker)).run, second);
    });
  }

  suite.test("is held while its run waits at another gate for its next attempt", async (bench) => {
    const { store, clock } = bench;
    const [first = "", , third = ""] = await inARow(
      bench,
      { gates: [lock("x"), limit("k", 1)] },
      { gates: [limit("k", 1)] },
      { gates: [lock("x")] },
    );
    const worker = await enter(store);
    await settle(store, backedOff(await takeOne(store, worker), minute));
    const other = await takeOne(store, worker);
    await clock.advance(minute);
    await store.promote(10);
    assert.deepEqual(await take(store, worker), []);
    assert.deepEqual((await stored(store, first)).waiting, { reason: "admission", on: "limit k" });
    await isInLine(store, third, "lock x");
    await settle(store, succeeded(other));
    const again = await takeOne(store, worker);
    assert.deepEqual([again.run, again.attempt], [first, 2]);
  });

  suite.test("is not held by a run that was only claimed to be parked", async (bench) => {
    const { store } = bench;
    const [, second] = await inARow(bench, { gates: [lock("x")] }, { gates: [lock("x")] });
    const worker = await enter(store);
    const first = await takeOne(store, worker);
    await store.pause({ job: copy.job });
    await settle(store, parked(first, "paused"));
    assert.equal((await takeOne(store, worker)).run, second);
  });
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
