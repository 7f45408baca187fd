// What lets a place go: the end of a run, its rest, its death, somebody's hand; and the lock that is held over its waits.
//
// Whatever takes a run from where it was has to let go of what it held, and the next in line can be claimed from then on.
import assert from "node:assert/strict";
import type { Claimed, Settlement } from "../../store/contract.js";
import {
  backedOff,
  cancelledByItself,
  copy,
  enter,
  failed,
  handedBack,
  minute,
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
import { inARow, isInLine, limit, lock, runsOf } from "./gates-build.js";
import type { Bench, Suite } from "./suite.js";

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

export function lettingGo(suite: Suite): void {
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
      await settle(store, ...claimed.map((run) => succeeded(run)));
    }
  });
}

export function holding(suite: Suite): void {
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
