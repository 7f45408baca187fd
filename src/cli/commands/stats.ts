// `duckdive stats`: how many runs are in each state, what each job did lately, and what waits longest.
//
// States are counted in full. What jobs did is counted over the runs that ended within the last hour, as far as the
// newest of them go: a bounded look, so that asking costs the same with a million finished runs; when the bound was
// reached the answer says so. Throughput is what ended in the last minute.
import type { Command } from "commander";
import type { RunRecord, State } from "../../job/index.js";
import { states } from "../../run/index.js";
import { type Activity, activityOf, type JobActivity } from "../activity.js";
import { exits } from "../exit.js";
import type { Output } from "../output.js";
import type { Perform } from "../perform.js";
import { type Cli, type Session, withSession } from "../session.js";
import { watching } from "../watching.js";
import { coarse, count, many, stateCell } from "../words.js";

/** How many ended runs are looked at, newest first. */
const most = 10_000;

export function defineStats(command: Command, perform: Perform): void {
  command
    .option("--watch", "go on showing them; with --json one document a line")
    .action((options: { watch?: boolean }) =>
      perform((cli) =>
        withSession(cli, { access: "existing" }, async (session) => {
          const { output } = cli;
          if (options.watch !== true) {
            const stats = await gather(session);
            if (output.isJson) output.json(stats);
            else print(output, stats, session.store.now());
            return exits.fine;
          }
          return watching(cli, session.store, async () => show(cli, session));
        }),
      ),
    );
}

async function show({ output }: Cli, session: Session): Promise<void> {
  const stats = await gather(session);
  if (output.isJson) output.jsonLine(stats);
  else if (output.isTerminal) output.repaint(() => print(output, stats, session.store.now()));
  else print(output, stats, session.store.now());
}

interface Stats {
  readonly states: Readonly<Record<State, number>>;
  readonly oldestReady: { readonly queue: string; readonly since: Date } | undefined;
  readonly workers: number;
  readonly lastHour: Activity;
}

async function gather({ duckdive, store }: Session): Promise<Stats> {
  const [counts, queues, workers, ended] = await Promise.all([
    duckdive.stats(),
    duckdive.queues(),
    duckdive.workers(),
    newestEnded(duckdive),
  ]);
  const [oldest] = queues
    .flatMap(({ name, oldest: since }) => (since === undefined ? [] : [{ queue: name, since }]))
    .sort((one, other) => one.since.getTime() - other.since.getTime());
  return {
    states: counts,
    oldestReady: oldest,
    workers: workers.length,
    lastHour: activityOf(ended, store.now(), most),
  };
}

async function newestEnded(duckdive: Session["duckdive"]): Promise<RunRecord[]> {
  const ended: RunRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await duckdive.list(
      { state: ["succeeded", "failed", "cancelled"] },
      { limit: 1_000, cursor },
    );
    ended.push(...page.runs);
    cursor = page.cursor;
  } while (cursor !== undefined && ended.length < most);
  return ended;
}

function print(output: Output, stats: Stats, now: number): void {
  const { colors } = output;
  output.table<State>(
    [
      {
        header: "state",
        cell: (state) => (stats.states[state] === 0 ? state0(state, output) : stateCell(state, colors)),
      },
      { header: "runs", align: "right", cell: (state) => count(stats.states[state]) },
    ],
    states,
  );
  output.line();
  const { oldestReady, lastHour } = stats;
  output.facts([
    ["workers", String(stats.workers)],
    [
      "oldest ready",
      oldestReady === undefined
        ? "none"
        : `${coarse(Math.max(0, now - oldestReady.since.getTime()))}, in queue ${oldestReady.queue}`,
    ],
    [
      "throughput",
      `${many(lastHour.lastMinute, "run")}${lastHour.complete ? "" : " or more"} ended in the last minute`,
    ],
  ]);
  if (lastHour.jobs.length === 0) return;
  output.section("Ended in the last hour");
  output.table<JobActivity>(
    [
      { header: "job", cell: ({ job }) => job, least: 10 },
      { header: "succeeded", align: "right", cell: ({ succeeded }) => count(succeeded) },
      {
        header: "failed",
        align: "right",
        cell: ({ failed }) => (failed === 0 ? "0" : { text: count(failed), paint: colors.red }),
      },
      { header: "cancelled", align: "right", cell: ({ cancelled }) => count(cancelled), from: 70 },
      {
        header: "median",
        align: "right",
        cell: ({ median }) => (median === undefined ? "" : coarse(median)),
      },
      {
        header: "slowest",
        align: "right",
        cell: ({ slowest }) => (slowest === undefined ? "" : coarse(slowest)),
        from: 70,
      },
    ],
    lastHour.jobs,
  );
  if (!lastHour.complete)
    output.line(colors.dim(`Only the newest ${count(most)} ended runs were looked at: there are more.`));
}

/** A state that no run is in has no colour. */
function state0(state: State, { colors }: Output): string {
  const cell = stateCell(state, colors);
  return typeof cell === "string" ? cell : cell.text;
}
