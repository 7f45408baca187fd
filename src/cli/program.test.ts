// The help of every command, on a narrow terminal.
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { commands } from "./commands.js";
import { createProgram } from "./program.js";

/** What a command prints as its help where the terminal has so many columns. */
async function helpOf(name: string, columns: number): Promise<string> {
  const stdout = Object.assign(Object.create(process.stdout), { columns });
  const { stdin, stderr, env } = process;
  const { program } = createProgram({ stdin, stdout, stderr, env, cwd: () => process.cwd() });
  let help = "";
  const writeOut = (text: string): void => {
    help += text;
  };
  for (const command of program.commands) command.configureOutput({ writeOut });
  await expect(program.parseAsync([name, "--help"], { from: "user" })).rejects.toThrow(CommanderError);
  return help;
}

test.each(commands.map(({ name }) => name))("the help of %s fits into 60 columns", async (name) => {
  const lines = (await helpOf(name, 60)).split("\n");
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.filter((line) => line.length > 60)).toEqual([]);
});

test("the help of init speaks of the kind of a store, and not of the options of a store that is there", async () => {
  const help = await helpOf("init", 100);
  expect(help).toContain("--store <kind>");
  expect(help).toContain("--json");
  expect(help).not.toMatch(/--store <url>|--schema|--config/);
});
