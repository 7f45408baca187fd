// `retry`, `cancel`, `delete` and `change`: the same way to say which runs, the same care before touching many.
//
// Runs are named by id (or its beginning) or by filter, never both. The count is shown, more than a few are asked
// about, and what an action cannot touch is said instead of being passed over. Ctrl-C ends it after the chunk under way, and
// says with which cursor the same command goes on.
//
// Before this file come four commands of a few lines. After it comes the client.
import type { Command } from "commander";
import type { RunRecord, State } from "../job/index.js";
import type { BulkOptions, Duckdive, Filter, Target } from "../queue/index.js";
import { confirm } from "./ask.js";
import { interruptible } from "./bulk.js";
import { NothingMatchedError, UsageError } from "./errors.js";
import { type ExitCode, exits } from "./exit.js";
import { addFilterOptions, type FilterOptions, filterFrom, isEmpty } from "./filter.js";
import { findId } from "./find.js";
import { runColumns } from "./runs-table.js";
import { type Cli, type Session, withSession } from "./session.js";
import { many } from "./words.js";

/** More than this many are asked about. */
const few = 10;

export interface ActOptions extends FilterOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly because?: string;
  readonly from?: string;
}

export interface Action {
  /** As in "retry 3 runs". */
  readonly verb: string;
  /** As in "3 runs retried". */
  readonly done: string;
  readonly states: readonly State[];
  /** What is said of those that are running afterwards, where the action only asks them. */
  readonly whileRunning?: string;
  readonly apply: (
    duckdive: Duckdive<unknown, boolean>,
    target: Target,
    options: ActOptions,
    bulk: BulkOptions,
  ) => Promise<number>;
}

/** @param from what else `--from` says of this command */
export function addActOptions(command: Command, from = { flag: "--from <cursor>", also: "" }): Command {
  return addFilterOptions(command.argument("[id...]", "runs, by id or its beginning"))
    .option("--all", "every run that it can be done to")
    .option("--dry-run", "only show which runs it would be")
    .option("--yes", `do not ask, also for more than ${few} runs`)
    .option(from.flag, `${from.also}go on where the same command was interrupted`);
}

export async function act(
  cli: Cli,
  action: Action,
  ids: readonly string[],
  options: ActOptions,
): Promise<ExitCode> {
  const filterAt = filterFrom(options);
  const isFiltered = options.all === true || !isEmpty(filterAt(0));
  if (ids.length > 0 && isFiltered) throw new UsageError("Ids and filters were both given. Use one of them.");
  if (ids.length === 0 && !isFiltered) {
    throw new UsageError(
      `Which runs? Give ids, or a filter such as --job NAME or --state failed; --all means all that can be ${action.done}.`,
    );
  }
  return withSession(cli, { access: "existing" }, async (session) =>
    ids.length > 0
      ? onIds(cli, session, action, ids, options)
      : onFilter(cli, session, action, filterAt(session.store.now()), options),
  );
}

async function onIds(
  cli: Cli,
  session: Session,
  action: Action,
  given: readonly string[],
  options: ActOptions,
): Promise<ExitCode> {
  const ids = [...new Set(await Promise.all(given.map((id) => findId(session.store, id))))];
  const runs = (await Promise.all(ids.map((id) => session.duckdive.get(id)))).filter(
    (run) => run !== undefined,
  );
  const able = runs.filter(({ state }) => action.states.includes(state));
  for (const { id, state } of runs.filter((run) => !able.includes(run)))
    cli.output.note(`${id} is ${state}: what can be ${action.done} is ${action.states.join(", ")}.`);
  if (able.length === 0) throw nothing(action);
  const target = able.map(({ id }) => id);
  return perform(cli, session, action, { target, count: able.length, sample: able }, options);
}

async function onFilter(
  cli: Cli,
  session: Session,
  action: Action,
  filter: Filter,
  options: ActOptions,
): Promise<ExitCode> {
  const asked = filter.state === undefined ? action.states : [filter.state].flat();
  const state = action.states.filter((one) => asked.includes(one));
  if (state.length === 0) throw nothing(action);
  const target = { ...filter, state };
  const count = await session.duckdive.count(target);
  if (count === 0 && options.from === undefined) throw nothing(action);
  const { runs } = await session.duckdive.list(target, { limit: few });
  return perform(cli, session, action, { target, count, sample: runs }, options);
}

function nothing({ verb, done, states }: Action): NothingMatchedError {
  return new NothingMatchedError(
    `There is no run to ${verb}: nothing that was asked for can be ${done}. That is possible for ${states.join(", ")}.`,
  );
}

async function stillRunning(duckdive: Session["duckdive"], target: Target): Promise<number> {
  if (typeof target === "string" || Array.isArray(target)) {
    const runs = await Promise.all([target].flat().map((id) => duckdive.get(id)));
    return runs.filter((run) => run?.state === "running").length;
  }
  return duckdive.count({ ...target, state: "running" });
}

async function perform(
  cli: Cli,
  { duckdive, store }: Session,
  action: Action,
  chosen: { readonly target: Target; readonly count: number; readonly sample: readonly RunRecord[] },
  options: ActOptions,
): Promise<ExitCode> {
  const { output } = cli;
  const { target, count, sample } = chosen;
  if (options.dryRun === true) {
    if (output.isJson) output.json({ action: action.verb, count, dryRun: true });
    else {
      output.line(`Would ${action.verb} ${many(count, "run")}:`);
      output.table(runColumns(output, sample.slice(0, few), store.now()), sample.slice(0, few));
      if (count > few) output.line(output.colors.dim(`… and ${many(count - few, "more", "more")}`));
    }
    return exits.fine;
  }
  if (
    count > few &&
    options.yes !== true &&
    !(await confirm(cli, `This will ${action.verb} ${many(count, "run")}.`))
  ) {
    output.note("Nothing was done.");
    return exits.failed;
  }
  const number = await interruptible(cli, action, { count, from: options.from }, (bulk) =>
    action.apply(duckdive, target, options, bulk),
  );
  if (number === undefined) return exits.failed;
  if (output.isJson) output.json({ action: action.verb, count: number });
  else output.line(`${many(number, "run")} ${action.done}.`);
  const running = action.whileRunning === undefined ? 0 : await stillRunning(duckdive, target);
  if (running > 0) output.note(`${many(running, "run")} still running: ${action.whileRunning}`);
  return number > 0 ? exits.fine : exits.failed;
}
