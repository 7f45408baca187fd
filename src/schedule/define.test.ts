// What a schedule may say, and what is said to whoever says something else.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { collectSchedules, schedule, textOfRules, textOfTimes } from "./define.js";

const report = job({ name: "report", input: z.object({ day: z.string() }), handle() {} });
const sweep = job({ name: "sweep", handle() {} });

function defined(...given: Parameters<typeof schedule<undefined>>) {
  const [found] = collectSchedules([schedule(...given)]).values();
  if (found === undefined) throw new Error("nothing was collected");
  return found;
}

test("a schedule says when it ticks, and what else, in texts that are always the same", () => {
  const { times, rules } = defined("air", sweep, { cron: "  15  4 * * 1-5 ", jitter: "2m" });
  expect(textOfTimes(times)).toBe('{"cron":"15 4 * * 1-5","timeZone":"UTC"}');
  expect(textOfRules(rules)).toBe('{"missed":"once","overlap":"allow","jitter":120000}');
  const every = defined("air", sweep, { every: "10m", end: new Date(9), start: new Date(7) });
  expect(textOfTimes(every.times)).toBe('{"every":600000,"start":7,"end":9}');
});

test("an input that code computes is said to be one", () => {
  const [found] = collectSchedules([
    schedule("nightly", report, { every: "1d", input: ({ at }) => ({ day: at.toISOString() }) }),
  ]).values();
  expect(found?.rules.computed).toBe(true);
});

describe("what cannot be is refused with a remedy", () => {
  const refusals: [what: string, options: object, message: RegExp][] = [
    ["neither cron nor every", {}, /schedule "air" needs cron or every, and not both/],
    ["both", { cron: "* * * * *", every: "1m" }, /not both/],
    [
      "a cron of four fields",
      { cron: "* * * *" },
      /cron is "\* \* \* \*", which cannot be read .* Use five fields/,
    ],
    ["a cron of seven fields", { cron: "* * * * * * *" }, /cannot be read/],
    ["a cron out of range", { cron: "61 * * * *" }, /cannot be read/],
    ["a date for a cron", { cron: "2030-01-01T00:00:00" }, /cron is no cron/],
    ["a cron that is no text", { cron: 5 }, /cron is no cron/],
    ["a day that does not exist", { cron: "0 0 30 2 *" }, /no such day exists/],
    [
      "an unknown zone",
      { cron: "* * * * *", timeZone: "Mars/Base" },
      /timeZone is "Mars\/Base".*Europe\/Lisbon/,
    ],
    ["a zone beside every", { every: "1h", timeZone: "UTC" }, /counts real time and knows none/],
    ["less than a second", { every: 999 }, /every is 999 ms. Use one second/],
    ["no duration", { every: "1 hour" }, /is not a duration/],
    [
      "an unknown word",
      { every: "1h", missed: "twice" },
      /missed is "twice". Use "skip" or "once", or \{ all: 100 \}/,
    ],
    ["too many to make up for", { every: "1h", missed: { all: 1_001 } }, /whole number from 1 to 1000/],
    ["another overlap", { every: "1h", overlap: "queue" }, /overlap is "queue". Use "allow" or "skip"/],
    [
      "all beside skip",
      { every: "1h", overlap: "skip", missed: { all: 3 } },
      /caught up on together overlap/,
    ],
    ["no date", { every: "1h", end: "2030-01-01" }, /end is not a valid Date/],
    [
      "an end before the start",
      { every: "1h", start: new Date(9), end: new Date(7) },
      /end before its start/,
    ],
    ["a start that is now", { every: "1h", start: new Date() }, /start is now, .* Write a date/],
    [
      "an unknown option",
      { every: "1h", timezone: "UTC" },
      /no option "timezone". Did you mean "timeZone"\?/,
    ],
  ];

  test.each(refusals)("%s", (_what, options, message) => {
    expect(() => Reflect.apply(schedule, undefined, ["air", sweep, options])).toThrow(message);
  });

  test("no name, no job, no options", () => {
    expect(() => schedule("", sweep, { every: "1h" })).toThrow(/A schedule needs a name/);
    expect(() => Reflect.apply(schedule, undefined, ["air", "sweep", { every: "1h" }])).toThrow(
      /is not a job/,
    );
    expect(() => Reflect.apply(schedule, undefined, ["air", sweep])).toThrow(/was given no options/);
  });
});

test("two schedules under one name, and what is none, are refused", () => {
  const one = schedule("air", sweep, { every: "1h" });
  expect(collectSchedules([one, one]).size).toBe(1);
  expect(() => collectSchedules([one, schedule("air", sweep, { every: "2h" })])).toThrow(
    /Two different schedules/,
  );
  expect(() => collectSchedules([{ name: "air" }])).toThrow(/no schedule/);
});
