// `duckdive stats`: how many runs are in each state, how fast each job goes, and what waits longest.
//
// States are counted in full. How fast is what workers have counted by the minute: no run is looked at, so asking costs the
// same with a million finished ones.
import type { Command } from "commander";
import type { State } from "../../job/index.js";
import type { Throughput } from "../../queue/index.js";
import { states } from "../../run/index.js";
import { exits } from "../exit.js";
import type { Output } from "../output.js";
import type { Perform } from "../perform.js";
import { type Cli, type Session, withSession } from "../session.js";
import { watching } from "../watching.js";
import { coarse, count, perMinute, share, stateCell } from "../words.js";

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
  /** Runs that ended a minute. */
  readonly perMinute: { readonly lastFiveMinutes: number; readonly lastHour: number };
  /** By job, the busiest first. */
  readonly lastHour: readonly Throughput[];
}

async function gather({ duckdive }: Session): Promise<Stats> {
  const [counts, queues, workers, five, hour] = await Promise.all([
    duckdive.stats(),
    duckdive.queues(),
    duckdive.workers(),
    duckdive.throughput({ since: "5m", by: "job" }),
    duckdive.throughput({ since: "1h", by: "job" }),
  ]);
  const [oldest] = queues
    .flatMap(({ name, oldest: since }) => (since === undefined ? [] : [{ queue: name, since }]))
    .sort((one, other) => one.since.getTime() - other.since.getTime());
  return {
    states: counts,
    oldestReady: oldest,
    workers: workers.length,
    perMinute: { lastFiveMinutes: total(five), lastHour: total(hour) },
    lastHour: hour,
  };
}

function total(throughput: readonly Throughput[]): number {
  return throughput.reduce((sum, one) => sum + one.perMinute, 0);
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
  const { oldestReady, lastHour, perMinute: rates } = stats;
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
      `${perMinute(rates.lastFiveMinutes)} runs a minute over five minutes, ${perMinute(rates.lastHour)} over an hour`,
    ],
  ]);
  if (lastHour.length > 0) printJobs(output, lastHour);
}

function printJobs(output: Output, jobs: readonly Throughput[]): void {
  const { colors } = output;
  const mean = (milliseconds: number | undefined): string =>
    milliseconds === undefined ? "" : coarse(Math.round(milliseconds));
  output.section("Executed in the last hour");
  output.table<Throughput>(
    [
      { header: "job", cell: ({ name }) => name, least: 10 },
      { header: "succeeded", align: "right", cell: ({ succeeded }) => count(succeeded) },
      {
        header: "failed",
        align: "right",
        cell: ({ failed }) => (failed === 0 ? "0" : { text: count(failed), paint: colors.red }),
      },
      { header: "retried", align: "right", cell: ({ retried }) => count(retried), from: 70 },
      { header: "cancelled", align: "right", cell: ({ cancelled }) => count(cancelled), from: 90 },
      { header: "failure", align: "right", cell: ({ failureRate }) => share(failureRate), from: 100 },
      { header: "/min", align: "right", cell: ({ perMinute: rate }) => perMinute(rate) },
      { header: "waited", align: "right", cell: ({ waited }) => mean(waited), from: 70 },
      { header: "took", align: "right", cell: ({ ran }) => mean(ran) },
    ],
    jobs,
  );
}

/** A state that no run is in has no colour. */
function state0(state: State, { colors }: Output): string {
  const cell = stateCell(state, colors);
  return typeof cell === "string" ? cell : cell.text;
}
