// Holds the tables of docs/glossary.md equal to the state table of the code.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { moves, states } from "../../src/run/states.js";

const page = readFileSync(fileURLToPath(new URL("../../docs/glossary.md", import.meta.url)), "utf8");

function rowsUnder(heading: string): string[][] {
  const section = page.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test("the glossary has every state, in the order of the code", () => {
  expect(rowsUnder("States of a run").map(([state]) => state)).toEqual(states.map((state) => `\`${state}\``));
});

test("the glossary has every move, from where to where and when", () => {
  const listed = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
  const expected = Object.entries(moves).map(([name, { from, to, when }]) => [
    `\`${name}\``,
    listed(from),
    listed(to),
    when,
  ]);
  expect(rowsUnder("Moves")).toEqual(expected);
});
