// How two worlds differ, as text that a person reads and as marks by which two trials are compared.
import { describe, expect, test } from "vitest";
import { dataOf, differencesOf } from "./difference.js";

const texts = (expected: unknown, found: unknown): string[] =>
  differencesOf(dataOf(expected), dataOf(found)).map(({ text }) => text);
const repeated = (expected: unknown, found: unknown): boolean[] =>
  differencesOf(dataOf(expected), dataOf(found)).map(({ isRepeated }) => isRepeated);

describe("nothing differs", () => {
  test.each([
    ["in the order of lists, of fields, of Maps and of Sets", { a: [1, 2], b: 3 }, { b: 3, a: [2, 1] }],
    ["between a Map and its entries, and a Set and its values", new Map([["a", new Set([1])]]), [["a", [1]]]],
    ["between equal times and equal large numbers", [new Date(5), 5n], [new Date(5), 5n]],
    [
      "in functions, in what is undefined, and in the classes of objects",
      { a: 1, f() {}, u: undefined },
      { a: 1 },
    ],
    ["in what says itself how it is JSON", { toJSON: () => [1] }, [1]],
  ])("%s", (_what, one, other) => {
    expect(texts(one, other)).toEqual([]);
  });
});

test.each([
  [
    "a thing twice in a list",
    { mails: ["a"] },
    { mails: ["a", "a"] },
    'mails has "a" twice instead of once',
    true,
  ],
  [
    "a thing once more than before",
    ["a", "a"],
    ["a", "a", "a"],
    'the world has "a" 3 times instead of twice',
    true,
  ],
  ["a thing too few", ["a", "a"], ["a"], 'the world has "a" once instead of twice', false],
  ["a thing that is not there", ["a"], [], 'the world lacks "a"', false],
  ["a thing that should not be", [], [{ id: 1 }], 'the world has {"id":1}, which it should not', false],
  ["a higher number", { count: 1 }, { count: 2 }, "count is 2 instead of 1", true],
  ["a lower number", { count: 2 }, { count: 1 }, "count is 1 instead of 2", false],
  [
    "another value under the key of a Map",
    new Map([["k", 1]]),
    new Map([["k", 2]]),
    '["k"] is 2 instead of 1',
    true,
  ],
  ["a field that is no word", { "a b": { c: 1 } }, { "a b": { c: 2 } }, '["a b"].c is 2 instead of 1', true],
  ["a field that is missing", { a: 1 }, {}, "a is missing", false],
  ["a field that is new", {}, { a: 1 }, "a is there, with 1", false],
  ["another kind of thing", { a: [] }, { a: {} }, "a is {} instead of []", false],
])("%s is told", (_what, expected, found, text, isRepeated) => {
  expect(texts(expected, found)).toEqual([text]);
  expect(repeated(expected, found)).toEqual([isRepeated]);
});

test("the same thing has the same mark, however often it happened", () => {
  const [twice] = differencesOf(["a"], ["a", "a"]);
  const [thrice] = differencesOf(["a"], ["a", "a", "a"]);
  const [other] = differencesOf(["b"], ["b", "b"]);
  expect(twice?.mark).toBe(thrice?.mark);
  expect(twice?.mark).not.toBe(other?.mark);
});

test("what holds itself is refused with what to do", () => {
  const world: { self?: unknown } = {};
  world.self = world;
  expect(() => dataOf(world)).toThrow(/Give back plain data/);
});
