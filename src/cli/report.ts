// Errors as a stranger reads them.
//
// What duckdive refuses on purpose is one message, which says what happened and what to do, and its code. Where it came
// from is for `--verbose` and `DEBUG`. What nobody expected is a bug, of the application or of duckdive, and is shown
// whole.
//
// Before this file comes whatever a command threw. After it comes the exit code.
import { CommanderError } from "commander";
import { commands } from "./commands.js";
import { codeOf, exitOf, exits } from "./exit.js";
import type { Output } from "./output.js";
import { StoreError } from "./session.js";
import { cleanLines } from "./text.js";

export interface Circumstances {
  readonly output: Output;
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Prints an error; answers the exit code that it means. */
export function printError(error: unknown, circumstances: Circumstances): number {
  if (error instanceof CommanderError) return printUsage(error, circumstances);
  if (error instanceof StoreError) {
    const code = exitOf(error.cause);
    print(error.cause, circumstances, error.message);
    return code === exits.crashed ? code : exits.store;
  }
  print(error, circumstances);
  return exitOf(error);
}

function printUsage(error: CommanderError, { output, argv }: Circumstances): number {
  if (error.exitCode === 0) return exits.fine;
  if (error.code === "commander.help") return exits.usage;
  const [message = "", ...rest] = error.message
    .replace(/^error: /, "")
    .replace(/\.$/, "")
    .split("\n");
  const suggestion = rest.join(" ").replace(/^\((.*)\)$/, " $1");
  if (output.isJson)
    output.note(JSON.stringify({ error: { code: "USAGE", message: `${message}.${suggestion}` } }));
  else {
    say(output, `${message}.${suggestion}`);
    output.note(output.colors.dim("  code USAGE"));
    output.note(`See: duckdive ${helpFor(argv)}`);
  }
  return exits.usage;
}

/** How to ask about the command that was meant. */
function helpFor(argv: readonly string[]): string {
  const name = argv.slice(2).find((word) => commands.some((command) => command.name === word));
  return name === undefined ? "help" : `help ${name}`;
}

function print(error: unknown, { output, argv, env }: Circumstances, besides?: string): void {
  const code = codeOf(error);
  if (output.isJson) {
    const message = error instanceof Error ? error.message : String(error);
    output.note(
      JSON.stringify({
        error: { code: code ?? "UNEXPECTED", message, ...(besides === undefined ? {} : { besides }) },
      }),
    );
    return;
  }
  if (code === undefined || !(error instanceof Error)) {
    say(output, "something unexpected happened. This is a bug, of duckdive or of what it was given to load:");
    output.note(error instanceof Error ? stackOf(error) : String(error));
    return;
  }
  say(output, error.message);
  const about = [`code ${code}`, ...(besides === undefined ? [] : [besides])].join("; ");
  output.note(output.colors.dim(`  ${about}`));
  if (argv.includes("--verbose") || (env.DEBUG ?? "") !== "") output.note(stackOf(error));
}

function say(output: Output, message: string): void {
  const [first = "", ...rest] = cleanLines(message);
  output.note(`${output.colors.red("error:")} ${first}`);
  for (const line of rest) output.note(line);
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${cleanLines(error.stack ?? String(error)).join("\n")}${cause}`;
}
