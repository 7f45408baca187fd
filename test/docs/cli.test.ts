// Holds docs/reference/cli.md equal to the code: every command with its arguments and its options, and every exit code.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands.js";
import { exits, exitsByCode } from "../../src/cli/exit.js";
import { createProgram } from "../../src/cli/program.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/reference/cli.md"), "utf8");

/** What stands between a heading and the next one of its rank or a higher one. */
function section(heading: string): string {
  const [rank = ""] = heading.split(" ");
  const from = page.indexOf(`\n${heading}\n`);
  expect(from, `a section ${heading}`).toBeGreaterThan(0);
  const rest = page.slice(from + heading.length + 2);
  const next = rest.search(new RegExp(`\n#{1,${rank.length}} `));
  return next < 0 ? rest : rest.slice(0, next);
}

/** The first cells of the rows of a section, without their ticks. */
function names(text: string): string[] {
  return [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name = ""]) => name);
}

test("the list of commands is the list of the code, with the same words", () => {
  const rows = [...page.matchAll(/^\| \[`(\w+)`\]\(#\w+\) \| (.+) \|$/gm)].map(([, name, summary]) => ({
    name,
    summary,
  }));
  expect(rows).toEqual(commands.map(({ name, summary }) => ({ name, summary })));
});

describe.each(commands)("$name", ({ name, load }) => {
  test("has its section, with its arguments and options", async () => {
    const command = new Command(name);
    (await load())(command, async () => {});
    const given = command.registeredArguments.map((argument) => {
      const word = `${argument.name()}${argument.variadic ? "..." : ""}`;
      return argument.required ? `<${word}>` : `[${word}]`;
    });
    const text = section(`### ${name}`);
    expect(text).toContain(`\`duckdive ${[name, ...given].join(" ")}\``);
    expect(names(text)).toEqual([...given, ...command.options.map(({ flags }) => flags)]);
  });
});

test("the options of every command are those of the program", () => {
  const { program } = createProgram(process);
  const own = [...program.options.map(({ flags }) => flags), "-h, --help"].sort();
  expect(names(section("## Options of every command")).sort()).toEqual(own);
});

test("the exit codes are those of the code", () => {
  const rows = [...section("## Exit codes").matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, code, name]) => [
    name,
    Number(code),
  ]);
  expect(Object.fromEntries(rows)).toEqual(exits);
});

test("an exit code is given only to errors that exist, and to every error of the command line and of a store", () => {
  const errors = readFileSync(join(root, "docs/errors.md"), "utf8");
  const codesIn = (text: string) =>
    [...text.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, code = ""]) => code);
  const [, own = ""] = errors.split("## The command line\n");
  const [, ofSqlite = ""] = errors.split("## The SQLite store\n");
  const [ofStores = ""] = ofSqlite.split("\n## The runner\n");
  expect(codesIn(errors)).toEqual(expect.arrayContaining(Object.keys(exitsByCode)));
  expect(Object.keys(exitsByCode)).toEqual(expect.arrayContaining(codesIn(own.split("\n## ")[0] ?? "")));
  // A worker that was taken for dead hears of it inside the loop, and never as the end of a command.
  // So are the transactions of an application, which no command has.
  const unmet = ["WORKER_LOST", "ENQUEUE_CONFLICT"];
  const met = codesIn(ofStores).filter((code) => !unmet.includes(code));
  expect(met.map((code) => [code, exitsByCode[code]])).toEqual(met.map((code) => [code, exits.store]));
});
