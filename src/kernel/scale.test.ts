import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { scaleQuantile, scaleReach, scaleStep } from "./scale.js";

describe("a scale of times", () => {
  test("has each time on the first step that reaches it", () => {
    fc.assert(
      fc.property(fc.double({ min: 1.001, max: 1e10, noNaN: true }), (time) => {
        const step = scaleStep(time);
        expect(scaleReach(step)).toBeGreaterThanOrEqual(time * (1 - 1e-6));
        expect(scaleReach(step - 1)).toBeLessThan(time * (1 + 1e-6));
      }),
    );
    expect([0, 0.5, 1].map(scaleStep)).toEqual([0, 0, 0]);
  });

  test("tells within which time half and most of them were, to within a step", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 10_000_000 }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.95),
        (times, part) => {
          const counts = new Map<number, number>();
          for (const time of times) counts.set(scaleStep(time), (counts.get(scaleStep(time)) ?? 0) + 1);
          const exact = times.toSorted((one, other) => one - other)[Math.ceil(part * times.length) - 1] ?? 0;
          const told = scaleQuantile(counts, part) ?? 0;
          expect(told).toBeLessThanOrEqual(exact * Math.SQRT2 * 1.001);
          expect(told).toBeGreaterThanOrEqual((exact / Math.SQRT2) * 0.999);
        },
      ),
    );
  });

  test("tells nothing of nothing", () => {
    expect(scaleQuantile(new Map(), 0.5)).toBeUndefined();
  });
});
