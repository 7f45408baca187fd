import fc from "fast-check";
import { expect, test } from "vitest";
import { recycleReason } from "./recycle.js";

const none = { maxAge: undefined, maxRuns: undefined, maxMemory: undefined };
const fresh = { age: 0, ended: 0, memory: 0 };

test("without limits a worker goes on for ever", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (age, ended, memory) => {
      expect(recycleReason({ age, ended, memory }, none)).toBeUndefined();
    }),
  );
});

test("the reason says what is over which limit", () => {
  expect(recycleReason({ ...fresh, memory: 600 * 1_048_576 }, { ...none, maxMemory: 512 * 1_048_576 })).toBe(
    "its memory is 600 MB, over 512 MB",
  );
  expect(recycleReason({ ...fresh, ended: 100 }, { ...none, maxRuns: 100 })).toBe(
    "it has executed 100 runs, of 100 at most",
  );
  expect(recycleReason({ ...fresh, age: 3_600_000 }, { ...none, maxAge: 3_600_000 })).toBe(
    "it is 1h old, of 1h at most",
  );
});

test("what has grown over a limit stays over it", () => {
  const limits = { maxAge: 1_000, maxRuns: 10, maxMemory: 500 };
  const amount = fc.integer({ min: 0, max: 2_000 });
  fc.assert(
    fc.property(amount, amount, amount, amount, (age, ended, memory, more) => {
      const now = recycleReason({ age, ended, memory }, limits);
      const later = recycleReason({ age: age + more, ended: ended + more, memory: memory + more }, limits);
      if (now !== undefined) expect(later).toBeDefined();
      expect(now === undefined).toBe(age < 1_000 && ended < 10 && memory <= 500);
    }),
  );
});
