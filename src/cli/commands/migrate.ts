// `duckdive migrate`: brings the tables up to date, or with `--check` only says whether they are.
//
// Workers and applications do this by themselves when they open a store, unless they were told not to
// (`migrate: false`); then this is the step of a deploy that does it. With `--sql` nothing is connected to: the
// migrations are printed for a tool that runs all the others of an application, or for a role that may.
import type { Command } from "commander";
import { UsageError } from "../errors.js";
import { codeOf, type ExitCode, exits } from "../exit.js";
import { integer } from "../parse.js";
import type { Perform } from "../perform.js";
import { type Cli, findTarget, openSession, StoreError } from "../session.js";
import { requireStore, shownStore } from "../target.js";

interface MigrateCommandOptions {
  readonly check?: boolean;
  readonly sql?: boolean;
  readonly after?: string;
}

export function defineMigrate(command: Command, perform: Perform): void {
  command
    .option("--check", "change nothing; exit with 1 when something is missing")
    .option("--sql", "connect to nothing, and print the migrations of PostgreSQL as a script")
    .option("--after <number>", "with --sql: only those that come after this one")
    .action((options: MigrateCommandOptions) =>
      perform((cli) => {
        if (options.sql === true) return printScript(cli, options);
        if (options.after !== undefined)
          throw new UsageError("--after says which part of --sql. Give both, or neither.");
        return options.check === true ? checkTables(cli) : bringUpToDate(cli);
      }),
    );
}

async function printScript(cli: Cli, { check, after = "0" }: MigrateCommandOptions): Promise<ExitCode> {
  if (check === true) throw new UsageError("--check looks at a database and --sql at none. Leave one out.");
  const { store, from, options } = await findTarget(cli);
  if (typeof store === "string" && store.startsWith("sqlite:") && from !== "the default")
    throw new UsageError(
      `The store is ${store}, ${from}, and --sql is for PostgreSQL: duckdive itself migrates a SQLite file.`,
    );
  const { migrationScript } = await import("../../store/postgres/index.js");
  const script = migrationScript(options.schema ?? "duckdive", integer(after, "--after", 0));
  if (cli.output.isJson) cli.output.json({ sql: script });
  else cli.output.line(script.trimEnd());
  return exits.fine;
}

async function bringUpToDate(cli: Cli): Promise<ExitCode> {
  const { output } = cli;
  const session = await openSession(cli, { access: "bare" });
  try {
    const applied = await session.store.migrate();
    if (output.isJson) output.json({ applied });
    else if (applied.length === 0) output.line(`Up to date: ${shownStore(session.target)}`);
    else output.line(`Applied migration ${applied.join(", ")} to ${shownStore(session.target)}`);
    return exits.fine;
  } catch (error) {
    throw new StoreError(error, session.target);
  } finally {
    await session.duckdive.close();
  }
}

async function checkTables(cli: Cli): Promise<ExitCode> {
  const { output } = cli;
  requireStore(await findTarget(cli));
  const session = await openSession(cli, { access: "bare" });
  try {
    await session.duckdive.ready();
    if (output.isJson) output.json({ upToDate: true });
    else output.line(`Up to date: ${shownStore(session.target)}`);
    return exits.fine;
  } catch (error) {
    if (codeOf(error) !== "MIGRATION_MISSING" || !(error instanceof Error))
      throw new StoreError(error, session.target);
    if (output.isJson) output.json({ upToDate: false });
    else output.line(`Not up to date: ${shownStore(session.target)}. Run: duckdive migrate`);
    return exits.failed;
  } finally {
    await session.duckdive.close();
  }
}
