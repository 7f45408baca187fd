// What is to be done about ticks: those in time, and those that nobody was there for.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { idAt } from "../kernel/index.js";
import { calendarOf } from "./calendar.js";
import { delayOf, dueTicks, mostCounted } from "./due.js";

const hour = 3_600_000;
const hourly = calendarOf({ every: hour }, "schedule");
const at = Date.UTC(2030, 0, 1, 6);

describe("one tick in time", () => {
  test.each(["skip", "once", { all: 3 }] as const)("makes one run, with missed %j", (missed) => {
    expect(dueTicks(hourly, at, at + 40, missed)).toEqual({ made: [at], missed: undefined, next: at + hour });
  });
});

describe("ticks that nobody was there for", () => {
  const now = at + 4 * hour + 10 * 60_000;

  test("make one run for all of them, for the last", () => {
    expect(dueTicks(hourly, at, now, "once")).toEqual({
      made: [at + 4 * hour],
      missed: { at, until: at + 3 * hour, count: 4 },
      next: at + 5 * hour,
    });
  });

  test("make none when they are to be skipped, but for one that is hardly late", () => {
    expect(dueTicks(hourly, at, now, "skip")).toEqual({
      made: [],
      missed: { at, until: at + 4 * hour, count: 5 },
      next: at + 5 * hour,
    });
    expect(dueTicks(hourly, at, at + 4 * hour + 60_000, "skip").made).toEqual([at + 4 * hour]);
  });

  test("make one run each, the last of them when they are more than are to be made up for", () => {
    expect(dueTicks(hourly, at, now, { all: 2 })).toEqual({
      made: [at + 3 * hour, at + 4 * hour],
      missed: { at, until: at + 2 * hour, count: 3 },
      next: at + 5 * hour,
    });
    expect(dueTicks(hourly, at, now, { all: 5 }).missed).toBeUndefined();
    expect(dueTicks(hourly, at, now, { all: 50 }).made).toHaveLength(5);
  });

  test("are counted so far and no further", () => {
    const year = dueTicks(
      calendarOf({ cron: "* * * * * *", timeZone: "UTC" }, "schedule"),
      at,
      at + 365 * 24 * hour,
      "once",
    );
    expect(year.missed?.count).toBe(mostCounted);
  });

  test("are each made a run for or called missed, and none is both", () => {
    const missed = fc.oneof(
      fc.constant("once" as const),
      fc.record({ all: fc.integer({ min: 1, max: 20 }) }),
    );
    fc.assert(
      fc.property(missed, fc.integer({ min: 0, max: 40 * hour }), (policy, late) => {
        const { made, missed: left, next } = dueTicks(hourly, at, at + late, policy);
        expect(made.length + (left?.count ?? 0)).toBe(Math.floor(late / hour) + 1);
        expect(left === undefined || left.until < (made[0] ?? 0)).toBe(true);
        expect(next).toBe(at + (Math.floor(late / hour) + 1) * hour);
      }),
    );
  });
});

test("a run starts later by the jitter at most, always the same, and before the next tick", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 40), fc.integer({ min: 0, max: 10 * hour }), (time, jitter) => {
      const delay = delayOf(idAt(time, "nightly"), jitter, hour);
      expect(delay).toBe(delayOf(idAt(time, "nightly"), jitter, hour));
      expect(delay >= 0 && delay <= jitter && delay < hour).toBe(true);
    }),
  );
  const delays = new Set(
    Array.from({ length: 50 }, (_, n) => delayOf(idAt(n * hour, "nightly"), hour, hour)),
  );
  expect(delays.size).toBeGreaterThan(45);
});
