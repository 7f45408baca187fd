// The auditor of the limits finds what is too many, and nothing where there is not.
import { describe, expect, test } from "vitest";
import { busiest, intervalsOf, type Line, mostInWindow } from "./occupancy.js";

const line = (what: Line["what"], run: string, at: number, gates: readonly string[] = ["lock a"]): Line => ({
  what,
  run,
  token: 1,
  at: String(at),
  gates,
});

describe("who was in at the same time", () => {
  test("is counted at each gate", () => {
    const intervals = intervalsOf(
      [
        line("begin", "r1", 0),
        line("begin", "r2", 5, ["lock a", "limit b"]),
        line("end", "r1", 10),
        line("end", "r2", 12),
      ],
      undefined,
    );
    expect(busiest(intervals)).toEqual(
      new Map([
        ["lock a", ["r1", "r2"]],
        ["limit b", ["r2"]],
      ]),
    );
  });

  test("is one where the next begins as the last ends", () => {
    const intervals = intervalsOf(
      [line("begin", "r1", 0), line("end", "r1", 10), line("begin", "r2", 10), line("end", "r2", 12)],
      undefined,
    );
    expect(busiest(intervals).get("lock a")).toHaveLength(1);
  });

  test("ends with the process", () => {
    expect(intervalsOf([line("begin", "r1", 3)], 7n)).toEqual([
      { run: "r1", gates: ["lock a"], from: 3n, to: 7n },
    ]);
    expect(() => intervalsOf([line("begin", "r1", 3)], undefined)).toThrow("has no end");
  });
});

test("the most in a window leaves its end out", () => {
  expect(mostInWindow([0, 10, 20, 30], 30)).toBe(3);
  expect(mostInWindow([0, 10, 20, 29], 30)).toBe(4);
  expect(mostInWindow([], 30)).toBe(0);
});
