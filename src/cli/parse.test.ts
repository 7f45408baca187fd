import { describe, expect, test } from "vitest";
import { date, gather, integer, jsonInput, pairs, requestOptions, since, slots, time } from "./parse.js";

describe("numbers, durations and dates", () => {
  test("a whole number from the least on", () => {
    expect(integer("12", "--limit", 1)).toBe(12);
    expect(integer("-3", "--priority", -10)).toBe(-3);
    for (const text of ["0", "1.5", "1e3", "", "x", "99999999999999999999"])
      expect(() => integer(text, "--limit", 1)).toThrow(/--limit is/);
  });

  test("a duration needs its unit, because nobody means milliseconds", () => {
    expect(time("30s", "--drain")).toBe(30_000);
    expect(() => time("30", "--drain")).toThrow(/without a unit. Use one: "30s"/);
    expect(() => time("soon", "--drain")).toThrow(/not a duration/);
  });

  test("a moment in the past is how long ago, or a date", () => {
    expect(since("2h", "--since")(7_200_000).getTime()).toBe(0);
    expect(since("2026-11-24", "--since")(0).toISOString()).toBe("2026-11-24T00:00:00.000Z");
    for (const text of ["yesterday", "5", "2026-13-40", ""])
      expect(() => since(text, "--since")).toThrow(/--since is/);
    expect(() => date("tomorrow", "--run-at")).toThrow(/Use a date such as/);
  });
});

describe("lists", () => {
  test("an option given several times", () => {
    expect(gather("b", gather("a"))).toEqual(["a", "b"]);
  });

  test("name=value, split at the first sign", () => {
    expect(pairs(["tenant=a=b", "empty="], "--meta")).toEqual({ tenant: "a=b", empty: "" });
    expect(pairs(undefined, "--meta")).toBeUndefined();
    expect(() => pairs(["tenant"], "--meta")).toThrow(/Use name=value/);
    expect(() => pairs(["=x"], "--meta")).toThrow(/Use name=value/);
  });

  test("slots by queue", () => {
    expect(slots(["mail=20, *=5", "sums=1"], undefined)).toEqual({ mail: 20, "*": 5, sums: 1 });
    expect(slots(["a=b=3"], "4")).toEqual({ "a=b": 3, "*": 4 });
    expect(slots(undefined, undefined)).toBeUndefined();
    expect(() => slots(["mail"], undefined)).toThrow(/Use slots by queue/);
    expect(() => slots(["mail=2,mail=3"], undefined)).toThrow(/twice/);
    expect(() => slots(["*=5"], "4")).toThrow(/Use one of them/);
    expect(() => slots(["mail=0"], undefined)).toThrow(/no slot/);
    expect(() => slots(undefined, "0")).toThrow(/--concurrency is/);
    expect(() => slots(["foo"], undefined, "queues")).toThrow(
      /^queues has "foo" in it\. .* queues "mail=20,\*=5"\.$/,
    );
    expect(() => slots(["mail=0"], undefined, "queues")).toThrow(/^queues gives no slot/);
  });
});

describe("a request", () => {
  test("says only what was typed", () => {
    expect(requestOptions({})).toEqual({});
    expect(requestOptions({ delay: "1m", priority: "3", tag: ["a"], meta: ["k=v"] })).toEqual({
      delay: 60_000,
      priority: 3,
      tags: ["a"],
      meta: { k: "v" },
    });
    expect(() => requestOptions({ delay: "1m", runAt: "2030-01-01" })).toThrow(/Use one/);
  });

  test("has an input of JSON that can be stored", () => {
    expect(jsonInput('{"a":[1]}', "Line 1", "")).toEqual({ a: [1] });
    expect(() => jsonInput("{a:1}", "Line 1", "Mend it.")).toThrow(/Line 1 is not JSON.*Mend it\./);
    expect(() => jsonInput('"\\ud800"', "Line 1", "")).toThrow(/surrogate/i);
  });
});
