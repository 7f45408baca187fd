import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bytes, bytes, formatBytes } from "./bytes.js";

test("an amount of memory is read with its unit, small or capital", () => {
  expect(bytes("512mb", "maxMemory")).toBe(536_870_912);
  expect(bytes("1.5gb", "maxMemory")).toBe(1_610_612_736);
  expect(bytes(1_000, "maxMemory")).toBe(1_000);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, "512", "512 mb", "many", "0mb", null, {}])(
  "%s is refused, and the message shows how to write it",
  (value) => {
    expect(() => bytes(value as Bytes, "runner: maxMemory")).toThrow(/runner: maxMemory .*"512mb"/);
  },
);

test("any amount is shown in a unit that gives it back within a twentieth", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 45 }), (amount) => {
      const shown = formatBytes(amount).toLowerCase().replace(" ", "") as Bytes;
      expect(Math.abs(bytes(shown, "it") - amount)).toBeLessThanOrEqual(amount / 20);
    }),
  );
});
