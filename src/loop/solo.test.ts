// Who is executed beside whom, by itself: against a store that is a list, with executions that end at any time.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSolo } from "./solo.js";

describe("a claim", () => {
  test("with a run on its last chance in it gives that back, and executes the others", () => {
    const solo = createSolo();
    solo.narrow({ "*": 10 });
    expect([solo.admit("*", false), solo.admit("*", true), solo.admit("*", false)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(solo.isWanted).toBe(true);
  });

  test("after that takes a single run, of the slots where the other was met", () => {
    const solo = createSolo();
    solo.narrow({ mail: 5, "*": 10 });
    solo.admit("mail", true);
    expect(solo.narrow({ mail: 5, "*": 10 })).toEqual({ mail: 1, "*": 0 });
    expect(solo.admit("mail", true)).toBe(true);
    expect(solo.isWanted).toBe(true);
  });

  test("is for all again when the single run was an innocent one, or none", () => {
    for (const isFound of [true, false]) {
      const solo = createSolo();
      solo.narrow({ "*": 10 });
      solo.admit("*", true);
      solo.narrow({ "*": 10 });
      if (isFound) expect(solo.admit("*", false)).toBe(true);
      else solo.missed();
      expect(solo.isWanted).toBe(false);
      expect(solo.narrow({ "*": 10 })).toEqual({ "*": 10 });
    }
  });

  test("that was cut down to nothing misses, and others are fetched again", () => {
    const solo = createSolo();
    solo.narrow({ mail: 1 });
    solo.admit("mail", true);
    expect(solo.narrow({ mail: 0, "*": 1 })).toEqual({ mail: 0, "*": 0 });
    solo.missed();
    expect(solo.narrow({ mail: 0, "*": 1 })).toEqual({ mail: 0, "*": 1 });
  });
});

test("whatever is ready and in whatever order executions end, each is executed, and the last chances alone", () => {
  const run = fc.record({ isLastChance: fc.boolean(), name: fc.constantFrom("mail", "*") });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 30 }), fc.infiniteStream(fc.nat()), (ready, random) => {
      const solo = createSolo();
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
          for (const one of claimed) {
            if (!solo.admit(one.name, one.isLastChance)) continue;
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
