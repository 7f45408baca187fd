import fc from "fast-check";
import { validate, version } from "uuid";
import { expect, test } from "vitest";
import { derivedId, idAt, isId, newId, timeOfId } from "./id.js";

test("ids of one process are strictly increasing version 7 UUIDs", () => {
  let last = "";
  for (let count = 0; count < 100_000; count++) {
    const id = newId();
    if (!(id > last)) expect.unreachable(`${id} came after ${last}`);
    last = id;
  }
  expect(validate(last)).toBe(true);
  expect(version(last)).toBe(7);
});

test("a clock that steps back a little does not break the order", () => {
  const start = Date.UTC(2030, 0, 1);
  const ids = [start, start - 5_000, start + 0.5, start - 1, start + 1].map((now) => newId(now));
  expect(ids.toSorted()).toEqual(ids);
  expect(ids.map(timeOfId)).toEqual([start, start, start, start, start + 1]);
});

test("a clock that is set back far is followed", () => {
  newId(Date.UTC(2031, 0, 1));
  expect(timeOfId(newId(Date.UTC(2020, 0, 1)))).toBe(Date.UTC(2020, 0, 1));
});

test("an id says when it was made", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 46 }), fc.integer({ min: 1, max: 50 }), (gap, count) => {
      const now = 2 ** 47 + gap;
      const first = newId(now);
      const ids = Array.from({ length: count }, () => newId(now));
      expect(ids.every((id) => isId(id) && validate(id) && id > first)).toBe(true);
      expect(timeOfId(first)).toBeGreaterThanOrEqual(now);
    }),
  );
});

test("an id is any UUID in lower case and nothing else", () => {
  fc.assert(fc.property(fc.uuid(), (id) => isId(id)));
  for (const text of ["", "x", newId().toUpperCase(), ` ${newId()}`, `${newId()}\n`])
    expect(isId(text)).toBe(false);
});

test("a derived id is the same for the same parent and name, and keeps the parent's time", () => {
  const parent = newId(Date.UTC(2026, 0, 1));
  const id = derivedId(parent, "tick 7");
  expect(id).toBe(derivedId(parent, "tick 7"));
  expect(id).not.toBe(derivedId(parent, "tick 8"));
  expect(version(id)).toBe(8);
  expect(timeOfId(id)).toBe(timeOfId(parent));
  expect(derivedId("0192d3c4-0000-7000-8000-000000000000", "a")).toBe("0192d3c4-0000-80e7-9c07-269ff1c9eeb9");
});

test("an id at a time is the same for the same time and name, and stands among those made then", () => {
  const time = Date.UTC(2026, 0, 1);
  const id = idAt(time, "nightly");
  expect(id).toBe(idAt(time, "nightly"));
  expect(new Set([id, idAt(time, "weekly"), idAt(time + 1, "nightly")]).size).toBe(3);
  expect([validate(id), version(id), timeOfId(id)]).toEqual([true, 7, time]);
  expect(idAt(time, "nightly") < newId(time + 1)).toBe(true);
});

test("a derived id of an id without a time claims none", () => {
  const id = derivedId("9b2d8e5c-4f0a-4d3b-8a61-5b9f0f6a1c2d", "part");
  expect(isId(id)).toBe(true);
  expect(timeOfId(id)).toBeUndefined();
  expect(timeOfId("9b2d8e5c-4f0a-4d3b-8a61-5b9f0f6a1c2d")).toBeUndefined();
  expect(timeOfId("nothing")).toBeUndefined();
});
