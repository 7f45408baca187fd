// `duckdive runs`: a page of runs, or all of them, or the page as it changes.
//
// `--watch` draws the page again when the store has changed, at most twice a second. On a pipe it prints a run each time
// that it is seen changed, so that a script can follow.
import type { Command } from "commander";
import type { RunRecord } from "../../job/index.js";
import type { Filter } from "../../queue/index.js";
import { UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import { addFilterOptions, type FilterOptions, filterFrom, isEmpty } from "../filter.js";
import { integer } from "../parse.js";
import type { Perform } from "../perform.js";
import { runColumns } from "../runs-table.js";
import { type Cli, type Session, withSession } from "../session.js";
import { suggestNames } from "../suggest-names.js";
import { watching } from "../watching.js";

interface RunsOptions extends FilterOptions {
  readonly limit?: string;
  readonly all?: boolean;
  readonly watch?: boolean;
}

const usual = 25;
const largestPage = 1_000;

export function defineRuns(command: Command, perform: Perform): void {
  addFilterOptions(command)
    .option("--limit <n>", `how many, ${usual} unless given`)
    .option("--all", "all of them, page by page; with --json one run a line")
    .option("--watch", "go on showing them as they change; with --json one change a line")
    .action((options: RunsOptions) =>
      perform((cli) => {
        const { all, watch, limit } = options;
        if (all === true && (watch === true || limit !== undefined))
          throw new UsageError("--all goes with neither --limit nor --watch. Use one of them.");
        const filterAt = filterFrom(options);
        const page = limit === undefined ? usual : integer(limit, "--limit", 1);
        return withSession(cli, { access: "existing" }, async (session) => {
          const filter = filterAt(session.store.now());
          if (all === true) return listAll(cli, session, filter);
          if (watch === true) return watchRuns(cli, session, filter, Math.min(page, largestPage));
          return listPage(cli, session, filter, page);
        });
      }),
    );
}

async function listPage(cli: Cli, session: Session, filter: Filter, limit: number): Promise<ExitCode> {
  const { output } = cli;
  const runs: RunRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await session.duckdive.list(filter, {
      limit: Math.min(largestPage, limit - runs.length),
      cursor,
    });
    runs.push(...page.runs);
    cursor = page.cursor;
  } while (cursor !== undefined && runs.length < limit);
  if (output.isJson) output.json(runs);
  else if (runs.length === 0) await sayNothing(cli, session, filter);
  else {
    output.table(runColumns(output, runs, session.store.now()), runs);
    if (cursor !== undefined) output.note(output.colors.dim("There are more: --limit N, or --all."));
  }
  return exits.fine;
}

async function sayNothing({ output }: Cli, session: Session, filter: Filter): Promise<void> {
  if (isEmpty(filter)) output.line('No run yet. Record one: duckdive enqueue JOB \'{"some": "input"}\'');
  else output.line(`No run matches.${await suggestNames(session.store, filter)}`);
}

async function listAll({ output }: Cli, { duckdive, store }: Session, filter: Filter): Promise<ExitCode> {
  let cursor: string | undefined;
  do {
    const page = await duckdive.list(filter, { limit: largestPage, cursor });
    if (output.isJson) for (const run of page.runs) output.jsonLine(run);
    else if (page.runs.length > 0) output.table(runColumns(output, page.runs, store.now()), page.runs);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return exits.fine;
}

async function watchRuns(
  cli: Cli,
  { duckdive, store }: Session,
  filter: Filter,
  limit: number,
): Promise<ExitCode> {
  const { output } = cli;
  const faces = new Map<string, string>();
  return watching(cli, store, async () => {
    const rows = output.isTerminal ? Math.min(limit, output.height() - 2) : limit;
    const { runs } = await duckdive.list(filter, { limit: Math.max(1, rows) });
    if (output.isTerminal && !output.isJson) {
      output.repaint(() => output.table(runColumns(output, runs, store.now()), runs));
      return;
    }
    const changed = runs.filter((run) => faces.get(run.id) !== faceOf(run)).reverse();
    for (const run of changed) {
      if (output.isJson) output.jsonLine(run);
      else output.line(`${new Date(store.now()).toISOString()} ${run.id} ${run.state} ${run.job}`);
    }
    faces.clear();
    for (const run of runs) faces.set(run.id, faceOf(run));
  });
}

/** What counts as a change of a run. */
function faceOf({ state, attempt, progress, runAt, waiting }: RunRecord): string {
  return JSON.stringify([state, attempt, progress, runAt, waiting]);
}
