// Holds the table of signals in docs/guide/workers.md equal to the one that the runner obeys.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { signalTable } from "../../src/runner/index.js";

const page = readFileSync(fileURLToPath(new URL("../../docs/guide/workers.md", import.meta.url)), "utf8");

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

test("the guide has every signal of the runner, what it does, and the same wish elsewhere", () => {
  const name = (signal: string | undefined): string =>
    signal === undefined ? "–" : `\`${signal.replace(/^SIG/, "")}\``;
  expect(rowsUnder("Signals")).toEqual(
    signalTable.map(({ signal, what, resque, sidekiq }) => [name(signal), what, name(resque), name(sidekiq)]),
  );
});
