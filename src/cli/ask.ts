// Asking before much is changed.
//
// A person is asked when more than a few runs are meant. Where nobody can answer, because the command is part of a
// script, it refuses instead of guessing: the script says `--yes`.
//
// Before this file come the commands that act. After it comes the terminal.
import { createInterface } from "node:readline/promises";
import { UsageError } from "./errors.js";
import type { Cli } from "./session.js";

/** Whether to go on. @throws UsageError where nobody can be asked */
export async function confirm({ stdin, output }: Cli, question: string): Promise<boolean> {
  if (stdin.isTTY !== true || !output.isTerminal) {
    throw new UsageError(`${question} Nobody can be asked here: say --yes, or look first with --dry-run.`);
  }
  const terminal = createInterface({ input: stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
