// The arithmetic of rates holds its bounds for every limit, burst and order of starts.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Gate } from "../contract.js";
import { afterStart, mayStart, opensAt } from "./rate.js";

const rates = fc.record({
  kind: fc.constant("rate" as const),
  key: fc.constant("mail"),
  limit: fc.integer({ min: 1, max: 50 }),
  per: fc.integer({ min: 10, max: 100_000 }),
  burst: fc.integer({ min: 1, max: 20 }),
});

/** Starts as many as may at each of these moments; answers when. */
function walk(rate: Gate, waits: readonly number[]): number[] {
  let now = 1_900_000_000_000;
  let arrival = 0;
  const starts: number[] = [];
  for (const wait of waits) {
    now += wait;
    while (mayStart(rate, { arrival, heldUntil: 0 }, now) > 0) {
      arrival = afterStart(rate, { arrival }, now);
      starts.push(now);
    }
  }
  return starts;
}

describe("a rate", () => {
  test("lets no more start in any window than its limit and its burst allow", () => {
    fc.assert(
      fc.property(rates, fc.array(fc.nat({ max: 5_000 }), { maxLength: 60 }), (rate, waits) => {
        const starts = walk(rate, waits);
        for (const start of starts) {
          const inWindow = starts.filter((time) => time >= start && time < start + rate.per);
          expect(inWindow.length).toBeLessThanOrEqual(rate.limit + rate.burst - 1);
        }
      }),
    );
  });

  test("counts as many at once as start one after another", () => {
    fc.assert(
      fc.property(rates, fc.nat({ max: 1_000_000 }), (rate, ahead) => {
        const now = 1_900_000_000_000;
        let standing = { arrival: now + ahead - 500_000, heldUntil: 0 };
        const expected = mayStart(rate, standing, now);
        let count = 0;
        while (mayStart(rate, standing, now) > 0) {
          standing = { ...standing, arrival: afterStart(rate, standing, now) };
          count += 1;
        }
        expect(count).toBe(expected);
      }),
    );
  });

  test("opens when it says, and not a millisecond before", () => {
    fc.assert(
      fc.property(rates, fc.nat({ max: 100_000 }), fc.nat({ max: 30 }), (rate, ahead, promised) => {
        const standing = { arrival: 1_900_000_000_000 + ahead, heldUntil: 0 };
        const time = opensAt(rate, standing, promised);
        if (time === undefined) {
          expect(mayStart(rate, standing, standing.arrival + rate.per)).toBeLessThanOrEqual(promised);
          return;
        }
        expect(mayStart(rate, standing, time)).toBeGreaterThan(promised);
        expect(mayStart(rate, standing, time - 1)).toBeLessThanOrEqual(promised);
      }),
    );
  });

  test("stays closed as long as it is held back, and has its burst again then", () => {
    const rate: Gate = { kind: "rate", key: "mail", limit: 60, per: 60_000, burst: 4 };
    const standing = { arrival: 0, heldUntil: 5_000 };
    expect(mayStart(rate, standing, 4_999)).toBe(0);
    expect(opensAt(rate, standing, 0)).toBe(5_000);
    expect(mayStart(rate, standing, 5_000)).toBe(4);
  });
});
