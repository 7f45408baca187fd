import fc from "fast-check";
import { expect, test } from "vitest";
import { type BackoffRule, backoff } from "./backoff.js";

const plain: BackoffRule = { kind: "exponential", base: 5_000, factor: 3, cap: 21_600_000, jitter: 0 };
const waits = (rule: BackoffRule) => [1, 2, 3, 20].map((attempt) => backoff(rule, attempt, () => 0.5));

test("a fixed wait stays, a linear one grows by its base, an exponential one by its factor, up to the cap", () => {
  expect(waits({ ...plain, kind: "fixed" })).toEqual([5_000, 5_000, 5_000, 5_000]);
  expect(waits({ ...plain, kind: "linear" })).toEqual([5_000, 10_000, 15_000, 100_000]);
  expect(waits(plain)).toEqual([5_000, 15_000, 45_000, 21_600_000]);
});

test("jitter spreads the wait either way, at the cap too", () => {
  const rule = { ...plain, jitter: 0.2 };
  expect(backoff(rule, 1, () => 0)).toBe(4_000);
  expect(backoff(rule, 1, () => 1)).toBe(6_000);
  expect(backoff(rule, 99, () => 0)).toBe(17_280_000);
});

const rules = fc.record({
  kind: fc.constantFrom("fixed" as const, "linear" as const, "exponential" as const),
  base: fc.nat(),
  factor: fc.double({ min: 1, max: 100, noNaN: true }),
  cap: fc.nat(),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("a wait is a whole number from 0 to the cap and its jitter, at any attempt", () => {
  fc.assert(
    fc.property(rules, fc.integer({ min: 1, max: 2 ** 31 }), random, (rule, attempt, value) => {
      const wait = backoff(rule, attempt, () => value);
      expect(Number.isSafeInteger(wait)).toBe(true);
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThanOrEqual(rule.cap * (1 + rule.jitter));
    }),
  );
});

test("a later attempt never waits less, but for jitter", () => {
  fc.assert(
    fc.property(rules, fc.nat({ max: 1_000 }), (rule, attempt) => {
      const steady = { ...rule, jitter: 0 };
      const [now, next] = [attempt, attempt + 1].map((number) => backoff(steady, number, Math.random));
      expect(next).toBeGreaterThanOrEqual(now ?? 0);
    }),
  );
});
