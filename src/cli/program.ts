// The program as commander sees it: options that every command has, and the commands, each empty until it is called.
//
// A hook fills the command that is about to be read from its own file. Commander prints nothing by itself but help:
// its complaints become errors like any other, printed in one place.
//
// Before this file comes `main`. After it come the table of commands and their files.
import { Command } from "commander";
import { didYouMean } from "../kernel/index.js";
import { commands } from "./commands.js";
import { UsageError } from "./errors.js";
import { exits } from "./exit.js";
import { createOutput, type Output } from "./output.js";
import type { Cli, Globals } from "./session.js";
import { version } from "./version.js";

export interface Program {
  readonly program: Command;
  /** How the command that was called ended. */
  readonly exitCode: () => number;
  readonly output: () => Output;
}

/** What of a process the command line uses. */
export interface Surroundings {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  cwd(): string;
}

export function createProgram(surroundings: Surroundings): Program {
  let code: number = exits.fine;
  const program = new Command("duckdive");
  const globals = (): Globals => ({
    store: program.getOptionValue("store"),
    schema: program.getOptionValue("schema"),
    config: program.getOptionValue("config"),
    json: program.getOptionValue("json"),
    verbose: program.getOptionValue("verbose"),
  });
  const output = (): Output => createOutput(surroundings, globals().json === true);
  const cli = (): Cli => ({
    output: output(),
    globals: globals(),
    folder: surroundings.cwd(),
    env: surroundings.env,
    stdin: surroundings.stdin,
  });

  program
    .description("Background jobs in the database your application already has.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this")
    .helpCommand(false)
    .option(
      "--store <url>",
      "where runs live (else DUCKDIVE_STORE, the configuration, DATABASE_URL, sqlite:./duckdive.db)",
    )
    .option(
      "--schema <name>",
      "the schema of its tables, on PostgreSQL (else DUCKDIVE_SCHEMA, the configuration)",
    )
    .option("--config <file>", "the configuration (else duckdive.config.{ts,mts,js,mjs} of this folder)")
    .option("--json", "answer in JSON")
    .option("--verbose", "show where errors come from")
    .configureHelp({
      showGlobalOptions: true,
      helpWidth: surroundings.stdout.columns || 100,
      minWidthToWrap: 20, // beside the longest option of `move`, on a terminal of 50 columns
    })
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .showSuggestionAfterError();

  for (const { name, summary, load } of commands) {
    const command = program.command(name).summary(summary).description(`${summary}.`);
    loaders.set(command, async () => {
      const define = await load();
      define(command, async (work) => {
        code = await work(cli());
      });
    });
  }
  program.hook("preSubcommand", (_, command) => loaders.get(command)?.());
  program
    .command("help")
    .summary("Explain a command")
    .description("Explain a command.")
    .argument("[command]", "its name")
    .action((name: string | undefined) => explainCommand(program, name));
  return { program, exitCode: () => code, output };
}

/** Prints the help of a command, which has to be filled first, or of the program. */
async function explainCommand(program: Command, name: string | undefined): Promise<void> {
  if (name === undefined) return program.outputHelp();
  const command = program.commands.find((one) => one.name() === name);
  if (command === undefined) {
    const names = program.commands.map((one) => one.name());
    throw new UsageError(
      `There is no command "${name}".${didYouMean(name, names)} There are: ${names.join(", ")}.`,
    );
  }
  await loaders.get(command)?.();
  command.outputHelp();
}

/** How each command is filled. Once: a command is called once in a process. */
const loaders = new WeakMap<Command, () => Promise<void>>();
