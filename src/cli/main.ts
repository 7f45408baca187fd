#!/usr/bin/env node
// `duckdive`: the command line. Reads what was asked, loads that one command, and says how it ended.
//
// Every command is a file of its own in commands/, loaded when it is called and not before, so that `--version` and
// `--help` cost nothing. Whatever a command throws ends here: an error with a name is printed as its message with the
// remedy and its code, and only what nobody expected is printed with its stack.
//
// Before this file comes the shell. After it come the table of commands and the one that was asked for.
import { exits } from "./exit.js";
import { leave } from "./leave.js";
import { createProgram } from "./program.js";
import { printError } from "./report.js";

/** Runs a command line; answers its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const { program, exitCode, output } = createProgram(process);
  process.stdout.on("error", endWithoutReader);
  process.stderr.on("error", () => {});
  try {
    await program.parseAsync([...argv]);
    return exitCode();
  } catch (error) {
    return printError(error, { output: output(), argv, env: process.env });
  }
}

/** Nobody reads any more: an answer is over, and that is no failure. A worker hears of it in its own way. */
function endWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(exits.fine);
  throw error;
}

leave(await main(process.argv));
