// `duckdive migrate`: brings the tables up to date, or with `--check` only says whether they are.
//
// Workers and applications do this by themselves when they open a store, unless they were told not to
// (`migrate: false`); then this is the step of a deploy that does it.
import type { Command } from "commander";
import { codeOf, type ExitCode, exits } from "../exit.js";
import type { Perform } from "../perform.js";
import { type Cli, findTarget, openSession, StoreError } from "../session.js";
import { requireStore, shownStore } from "../target.js";

export function defineMigrate(command: Command, perform: Perform): void {
  command
    .option("--check", "change nothing; exit with 1 when something is missing")
    .action(({ check = false }: { check?: boolean }) =>
      perform((cli) => (check ? checkTables(cli) : bringUpToDate(cli))),
    );
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
