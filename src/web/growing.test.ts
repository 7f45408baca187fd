// Counters that only grow, whatever becomes of the minutes that they are read from.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createGrowing } from "./growing.js";

const minute = (number: number) => new Date(number * 60_000);
const read = (at: number, ok: number, key = "k") => ({ at: minute(at), key, amounts: { ok } });

test("what was there at the first reading is not counted, and stands there as 0", () => {
  const growing = createGrowing();
  growing.add([read(1, 7)]);
  expect(growing.totals.get("k")).toEqual({ ok: 0 });
  growing.add([read(1, 9), read(2, 1)]);
  expect(growing.totals.get("k")).toEqual({ ok: 3 });
});

test("a minute that is forgotten takes nothing away, and one that comes late is counted", () => {
  const growing = createGrowing();
  growing.add([]);
  growing.add([read(1, 5), read(2, 5)]);
  growing.forget(minute(2));
  growing.add([read(2, 6)]);
  expect(growing.totals.get("k")).toEqual({ ok: 11 });
});

test("in whichever order readings of growing minutes arrive, totals are those of the latest", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { minLength: 1 }), (amounts) => {
      const growing = createGrowing();
      growing.add([]);
      for (const amount of amounts) growing.add([read(1, amount)]);
      expect(growing.totals.get("k")).toEqual({ ok: Math.max(...amounts) });
    }),
  );
});
