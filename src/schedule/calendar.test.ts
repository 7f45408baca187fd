// When schedules tick: what holds for every cron, in every zone, through every change of the clocks.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calendarOf, type Times } from "./calendar.js";

const day = 86_400_000;

/** The ticks from one day to another, as the clock on the wall shows them, with how far it is ahead of UTC. */
function ticks(cron: string, timeZone: string, from: string, until: string): string[] {
  const calendar = calendarOf({ cron, timeZone }, "schedule");
  const shown = new Intl.DateTimeFormat("sv", {
    timeZone,
    dateStyle: "short",
    timeStyle: "short",
  });
  const found: string[] = [];
  for (
    let tick = calendar.next(Date.parse(from) - 1);
    tick !== undefined && tick <= Date.parse(until);
    tick = calendar.next(tick)
  )
    found.push(shown.format(tick).slice(5));
  return found;
}

describe("a time that the clocks jump over", () => {
  test.each([
    ["Europe/Berlin", "30 2 * * *", "2026-03-28", ["03-28 02:30", "03-29 03:00", "03-30 02:30"]],
    ["America/New_York", "30 2 * * *", "2026-03-07", ["03-07 02:30", "03-08 03:00", "03-09 02:30"]],
    ["Australia/Lord_Howe", "15 2 * * *", "2026-10-03", ["10-03 02:15", "10-04 02:30", "10-05 02:15"]],
  ])("is ticked once, at the first moment after it: %s", (zone, cron, first, expected) => {
    const from = Date.parse(`${first}T00:00:00Z`) - day / 2;
    const found = ticks(cron, zone, new Date(from).toISOString(), new Date(from + 4 * day).toISOString());
    expect(found.slice(found.indexOf(expected[0] ?? "")).slice(0, 3)).toEqual(expected);
  });

  test("is left out by a cron that goes by the clock on the wall", () => {
    const berlin = ticks("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z");
    expect(berlin).toEqual(["03-29 01:00", "03-29 01:30", "03-29 03:00", "03-29 03:30", "03-29 04:00"]);
    const howe = ticks(
      "*/15 1-2 * * *",
      "Australia/Lord_Howe",
      "2026-10-03T15:00:00Z",
      "2026-10-03T16:00:00Z",
    );
    expect(howe).toEqual(["10-04 01:30", "10-04 01:45", "10-04 02:30", "10-04 02:45"]);
  });
});

describe("a time that comes twice", () => {
  test.each([
    ["Europe/Berlin", "30 2 * * *", "2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"],
    ["America/New_York", "30 1 * * *", "2026-11-01T05:30:00.000Z", "2026-11-02T06:30:00.000Z"],
    ["Australia/Lord_Howe", "45 1 * * *", "2026-04-04T14:45:00.000Z", "2026-04-05T15:15:00.000Z"],
  ])("is ticked once, the first time: %s", (timeZone, cron, first, second) => {
    const calendar = calendarOf({ cron, timeZone }, "schedule");
    const found = calendar.next(Date.parse(first) - 60_000) ?? 0;
    expect(new Date(found).toISOString()).toBe(first);
    expect(new Date(calendar.next(found) ?? 0).toISOString()).toBe(second);
  });

  test("is ticked through twice by a cron that goes by the clock on the wall", () => {
    const berlin = ticks("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z");
    expect(berlin).toEqual(["10-25 02:30", "10-25 02:30", "10-25 03:30"]);
    const york = ticks("*/30 * * * *", "America/New_York", "2026-11-01T05:00:00Z", "2026-11-01T07:00:00Z");
    expect(york).toEqual(["11-01 01:00", "11-01 01:30", "11-01 01:00", "11-01 01:30", "11-01 02:00"]);
    const howe = ticks("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:30:00Z", "2026-04-04T15:30:00Z");
    expect(howe).toEqual(["04-05 01:30", "04-05 01:45", "04-05 01:30", "04-05 01:45", "04-05 02:00"]);
  });
});

describe("through a whole year", () => {
  const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];

  test.each(zones)("a fixed time is ticked once a day, whatever the clocks do: %s", (timeZone) => {
    for (const cron of ["30 2 * * *", "0 3 * * *", "45 1 * * *", "0 0 * * *"]) {
      const found = ticks(cron, timeZone, "2026-01-01T12:00:00Z", "2027-01-01T11:59:59Z");
      expect(new Set(found.map((tick) => tick.slice(0, 5))).size, cron).toBe(365);
      expect(found.length, cron).toBe(365);
    }
  });

  test.each(zones)("an hourly cron is ticked every hour that passes: %s", (timeZone) => {
    const calendar = calendarOf({ cron: "0 * * * *", timeZone }, "schedule");
    const from = Date.parse("2026-01-01T00:00:00Z");
    // Where the clocks move by half an hour at two, that full hour is left out, or comes half an hour later.
    let last = calendar.next(from) ?? 0;
    const gaps = new Map<number, number>();
    while (last < from + 365 * day) {
      const next = calendar.next(last) ?? 0;
      gaps.set(next - last, (gaps.get(next - last) ?? 0) + 1);
      last = next;
    }
    const changes = timeZone === "Australia/Lord_Howe" ? [5_400_000] : [];
    expect([...gaps.keys()].sort((one, other) => one - other)).toEqual(
      [3_600_000, ...changes].sort((a, b) => a - b),
    );
  });
});

describe("every calendar", () => {
  const field = (lowest: number, highest: number) =>
    fc.oneof(
      fc.constant("*"),
      fc.integer({ min: lowest, max: highest }).map(String),
      fc.integer({ min: 2, max: 9 }).map((step) => `*/${step}`),
      fc
        .tuple(fc.integer({ min: lowest, max: highest }), fc.integer({ min: lowest, max: highest }))
        .map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`),
    );
  const cron = fc
    .tuple(
      field(0, 59),
      field(0, 23),
      fc.constantFrom("*", "1", "15", "28"),
      fc.constant("*"),
      fc.constantFrom("*", "1-5"),
    )
    .map((fields) => fields.join(" "));
  const zone = fc.constantFrom(
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
  );
  const anyTimes: fc.Arbitrary<Times> = fc.oneof(
    fc.record({ cron, timeZone: zone }),
    fc.record({ every: fc.integer({ min: 1_000, max: 10 * day }) }),
    fc.record({
      every: fc.integer({ min: 1_000, max: day }),
      start: fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
    }),
  );
  const moment = fc.oneof(
    fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
    // Around the changes of the clocks in 2026.
    fc
      .tuple(
        fc.constantFrom(
          "2026-03-29T01:00Z",
          "2026-10-25T01:00Z",
          "2026-03-08T07:00Z",
          "2026-11-01T06:00Z",
          "2026-04-04T15:00Z",
          "2026-10-03T15:30Z",
        ),
        fc.integer({ min: -10_000_000, max: 10_000_000 }),
      )
      .map(([change, shift]) => Date.parse(change) + shift),
  );

  function walk(times: Times, from: number, number: number): number[] {
    const calendar = calendarOf(times, "schedule");
    const found: number[] = [];
    for (
      let tick = calendar.next(from);
      tick !== undefined && found.length < number;
      tick = calendar.next(tick)
    )
      found.push(tick);
    return found;
  }

  test("goes strictly forward", () => {
    fc.assert(
      fc.property(anyTimes, moment, (times, from) => {
        const found = [from, ...walk(times, from, 20)];
        expect(found.every((tick, place) => place === 0 || tick > (found[place - 1] ?? tick))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test("leaves no tick out: from anywhere in between the next one is the same", () => {
    fc.assert(
      fc.property(
        anyTimes,
        moment,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (times, from, share) => {
          const [first = 0, second = 0] = walk(times, from, 2);
          const between = first + Math.floor(share * (second - first));
          expect(calendarOf(times, "schedule").next(between)).toBe(second);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("finds backwards what it finds forwards, and counts it", () => {
    fc.assert(
      fc.property(anyTimes, moment, fc.integer({ min: 1, max: 30 }), (times, from, most) => {
        const found = walk(times, from, 20);
        const until = found.at(-1) ?? from;
        const calendar = calendarOf(times, "schedule");
        expect(calendar.latest(from + 1, until, most)).toEqual(found.slice(-most));
        expect(calendar.latest(from + 1, until + 1, 1)).toEqual(found.slice(-1));
        expect(calendar.count(from + 1, until, most)).toBe(Math.min(most, found.length));
      }),
      { numRuns: 150 },
    );
  });

  test("has no tick before its start or after its end", () => {
    const start = Date.UTC(2030, 0, 2, 6);
    const end = Date.UTC(2030, 0, 4, 6);
    expect(walk({ every: day, start, end }, 0, 10)).toEqual([start, start + day, end]);
    const daily = walk({ cron: "0 6 * * *", timeZone: "UTC", start, end }, 0, 10);
    expect(daily).toEqual([start, start + day, end]);
    const calendar = calendarOf({ cron: "0 6 * * *", timeZone: "UTC", start, end }, "schedule");
    expect(calendar.latest(0, end + 9 * day, 10)).toEqual(daily);
    expect(calendar.count(0, end + 9 * day, 10)).toBe(3);
  });
});

test("every so often counts from the beginning of 1970, wherever and whenever it is asked", () => {
  const calendar = calendarOf({ every: 600_000 }, "schedule");
  expect(new Date(calendar.next(Date.UTC(2030, 5, 1, 10, 3)) ?? 0).toISOString()).toBe(
    "2030-06-01T10:10:00.000Z",
  );
});

test("seconds come first when there are six fields", () => {
  const calendar = calendarOf({ cron: "*/20 0 4 * * *", timeZone: "UTC" }, "schedule");
  const first = calendar.next(Date.UTC(2030, 0, 1)) ?? 0;
  expect(new Date(calendar.next(first) ?? 0).toISOString()).toBe("2030-01-01T04:00:20.000Z");
});
