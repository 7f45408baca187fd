// A row of docs/coming-from.md that names no test of ours is found.
import { expect, test } from "vitest";
import { claimsIn, unkept } from "./claims.mjs";

const page = [
  "| There | Here | Test |",
  "|---|---|---|",
  '| a | `x` | "it works" |',
  "| b | `y` | not built yet |",
  "| c | `z` | |",
];

test("rows are read with what they claim", () => {
  expect(claimsIn(page.join("\n"))).toEqual([
    { row: "a", claim: '"it works"' },
    { row: "b", claim: "not built yet" },
    { row: "c", claim: "" },
  ]);
});

test("a claim without a test is told", () => {
  const claims = claimsIn(page.join("\n"));
  expect(unkept(claims, 'test("it works", () => {})')).toEqual([
    'c: names no test, and does not say "not built yet"',
  ]);
  expect(unkept(claims.slice(0, 1), "nothing")).toEqual(['a: there is no test "it works"']);
});
