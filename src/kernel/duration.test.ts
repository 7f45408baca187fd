// cspell:ignore Infinitys -- no duration, on purpose
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Duration, duration, formatDuration } from "./duration.js";
import { InvalidDurationError } from "./errors.js";

describe("duration", () => {
  test("reads every unit", () => {
    const read = (["250ms", "30s", "5m", "2h", "7d", "2w"] as const).map((value) => duration(value, "x"));
    expect(read).toEqual([250, 30_000, 300_000, 7_200_000, 604_800_000, 1_209_600_000]);
  });

  test("reads milliseconds and fractions, as whole milliseconds", () => {
    expect(duration(0, "x")).toBe(0);
    expect(duration(1.4, "x")).toBe(1);
    expect(duration("1.5h", "x")).toBe(5_400_000);
    expect(duration("1e3s", "x")).toBe(1_000_000);
  });

  test("refuses what is no duration, and says where and what to do", () => {
    for (const value of [
      "30 seconds",
      "",
      "s",
      "-5s",
      "5",
      "5y",
      "0x5s",
      "Infinitys",
      null,
      {},
      -1,
      Number.NaN,
    ]) {
      expect(() => duration(value as Duration, 'job "mail": timeout')).toThrow(InvalidDurationError);
    }
    expect(() => duration("30 seconds" as Duration, 'job "mail": timeout')).toThrow(
      /^job "mail": timeout is "30 seconds", .* "30s"/,
    );
  });

  test("refuses more than a hundred years", () => {
    expect(() => duration("101000w", "x")).toThrow(/over 100 years/);
    expect(() => duration(Number.POSITIVE_INFINITY, "x")).toThrow(/over 100 years/);
    expect(duration("36500d", "x")).toBe(3_153_600_000_000);
  });

  test("any text is read or refused, never NaN", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double()), (value) => {
        try {
          expect(Number.isSafeInteger(duration(value as Duration, "x"))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidDurationError);
        }
      }),
    );
  });
});

describe("formatDuration", () => {
  test("shows the two largest parts", () => {
    const shown = [0, 250, 1_000, 1_500, 30_000, 90_000, 3_600_000, 5_430_000, 90_061_000, -500].map(
      formatDuration,
    );
    expect(shown).toEqual(["0ms", "250ms", "1s", "1.5s", "30s", "1m 30s", "1h", "1h 30m", "1d 1h", "-500ms"]);
  });
});
