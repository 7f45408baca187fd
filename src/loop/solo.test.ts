// Who is executed beside whom, by itself: against a store that is a list, with executions that end at any time.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { manualClock } from "../kernel/index.js";
import { createSolo } from "./solo.js";

/** On a clock that stands still. */
const unhurried = () => createSolo(manualClock(0), new Set(), () => {});

describe("a claim", () => {
  test("with a run on its last chance in it gives that back, and executes the others", () => {
    const solo = unhurried();
    solo.narrow({ "*": 10 });
    expect([
      solo.admit("*", false, false),
      solo.admit("*", true, false),
      solo.admit("*", false, false),
    ]).toEqual([true, false, true]);
    expect(solo.isWanted).toBe(true);
  });

  test("after that takes a single run, of the slots where the other was met", () => {
    const solo = unhurried();
    solo.narrow({ mail: 5, "*": 10 });
    solo.admit("mail", true, false);
    expect(solo.narrow({ mail: 5, "*": 10 })).toEqual({ mail: 1, "*": 0 });
    expect(solo.admit("mail", true, false)).toBe(true);
    expect(solo.isWanted).toBe(true);
  });

  test("is for all again when the single run was an innocent one, or none", () => {
    for (const isFound of [true, false]) {
      const solo = unhurried();
      solo.narrow({ "*": 10 });
      solo.admit("*", true, false);
      solo.narrow({ "*": 10 });
      if (isFound) expect(solo.admit("*", false, false)).toBe(true);
      else solo.missed();
      expect(solo.isWanted).toBe(false);
      expect(solo.narrow({ "*": 10 })).toEqual({ "*": 10 });
    }
  });

  test("of nothing but such a run, by a worker that holds nothing else, executes it", () => {
    const solo = unhurried();
    solo.narrow({ "*": 10 });
    expect(solo.admit("*", true, true)).toBe(true);
    expect(solo.isWanted).toBe(true);
    expect(solo.narrow({ "*": 10 })).toEqual({ "*": 1 });
  });

  test("in vain is in a row until something is executed", () => {
    const solo = unhurried();
    const misses = (): boolean => {
      solo.narrow({ "*": 10 });
      solo.admit("*", true, false);
      solo.narrow({ "*": 10 });
      return solo.missed();
    };
    expect([misses(), misses(), misses()]).toEqual([false, true, true]);
    solo.narrow({ "*": 10 });
    solo.admit("*", false, false);
    expect(misses()).toBe(false);
  });

  test("that was cut down to nothing misses, and others are fetched again", () => {
    const solo = unhurried();
    solo.narrow({ mail: 1 });
    solo.admit("mail", true, false);
    expect(solo.narrow({ mail: 0, "*": 1 })).toEqual({ mail: 0, "*": 0 });
    solo.missed();
    expect(solo.narrow({ mail: 0, "*": 1 })).toEqual({ mail: 0, "*": 1 });
  });
});

describe("a worker that waits", () => {
  test("fetches again when what it executes goes on, puts such runs off, and waits anew when that has ended", async () => {
    const clock = manualClock(0);
    const running = new Set(["long"]);
    let times = 0;
    const solo = createSolo(clock, running, () => (times += 1));
    solo.narrow({ "*": 10 });
    solo.admit("*", true, false);
    await clock.advance(9_999);
    expect([solo.isWanted, solo.isHeldUp, times]).toEqual([true, false, 0]);
    await clock.advance(1);
    expect([solo.isWanted, solo.isHeldUp, times]).toEqual([false, true, 1]);
    solo.narrow({ "*": 10 });
    expect(solo.admit("*", true, false)).toBe(false);
    expect(solo.isWanted).toBe(false);
    solo.ended("long");
    expect(solo.isHeldUp).toBe(false);
    solo.admit("*", true, false);
    expect(solo.isWanted).toBe(true);
  });

  test("is not held up once it is alone, however long that takes, nor by a store that does not answer", async () => {
    for (const isAlone of [true, false]) {
      const clock = manualClock(0);
      const running = new Set<string>();
      const solo = createSolo(clock, running, () => expect.unreachable());
      solo.narrow({ "*": 10 });
      solo.admit("*", true, false);
      if (isAlone) {
        solo.narrow({ "*": 10 });
        solo.admit("*", true, false);
        running.add("suspect");
      }
      await clock.advance(3_600_000);
      expect([solo.isWanted, solo.isHeldUp]).toEqual([true, false]);
    }
  });
});

test("whatever is ready and in whatever order executions end, each is executed, and the last chances alone", () => {
  const run = fc.record({ isLastChance: fc.boolean(), name: fc.constantFrom("mail", "*") });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 30 }), fc.infiniteStream(fc.nat()), (ready, random) => {
      const solo = unhurried();
      const waiting = [...ready];
      const running: typeof waiting = [];
      let turns = 0;
      while (waiting.length > 0 || running.length > 0) {
        expect(turns++).toBeLessThan(1_000);
        if (!solo.isWanted || running.length === 0) {
          const free = solo.narrow({ mail: 3 - count(running, "mail"), "*": 3 - count(running, "*") });
          const claimed = ["mail", "*"].flatMap((name) =>
            waiting.filter((one) => one.name === name).slice(0, Math.max(0, free[name] ?? 0)),
          );
          if (claimed.length === 0) solo.missed();
          const isOnly = claimed.length === 1 && running.length === 0;
          for (const one of claimed) {
            if (!solo.admit(one.name, one.isLastChance, isOnly)) continue;
            waiting.splice(waiting.indexOf(one), 1);
            running.push(one);
          }
        }
        if (running.some(({ isLastChance }) => isLastChance)) expect(running).toHaveLength(1);
        const [number = 0] = random.take(1);
        if (running.length > 0) running.splice(number % running.length, 1);
      }
    }),
    { numRuns: 1_000 },
  );
});

function count(runs: readonly { readonly name: string }[], name: string): number {
  return runs.filter((one) => one.name === name).length;
}
