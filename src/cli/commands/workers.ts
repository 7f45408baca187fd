// `duckdive workers`: who is registered, how each says it is, and when it last showed that it lives; or with --departed
// who is gone, of what, and what has become of the runs that they held.
import type { Command } from "commander";
import { formatBytes, formatDuration } from "../../kernel/index.js";
import type { DepartedState, WorkerState } from "../../queue/index.js";
import { states } from "../../run/index.js";
import type { Store } from "../../store/contract.js";
import { UsageError } from "../errors.js";
import { exits } from "../exit.js";
import type { Output } from "../output.js";
import { integer } from "../parse.js";
import type { Perform } from "../perform.js";
import { withSession } from "../session.js";
import type { Column } from "../table.js";
import { coarse, count, relative, shortIdLength, slotsText } from "../words.js";

interface Options {
  readonly departed?: boolean;
  readonly limit?: string;
}

const usualLimit = 20;

export function defineWorkers(command: Command, perform: Perform): void {
  command
    .option("--departed", "those that are gone, and what became of their runs, newest first")
    .option("--limit <n>", `with --departed: how many (${usualLimit})`)
    .action((options: Options) =>
      perform((cli) =>
        withSession(cli, { access: "existing" }, async ({ duckdive, store }) => {
          const { output } = cli;
          if (options.departed !== true && options.limit !== undefined)
            throw new UsageError("--limit belongs to --departed: all workers that are there are listed.");
          if (options.departed === true) {
            const limit = options.limit === undefined ? usualLimit : integer(options.limit, "--limit", 1);
            showDeparted(output, await withRuns(store, await duckdive.departed({ limit })), store.now());
          } else showWorkers(output, await duckdive.workers(), store.now());
          return exits.fine;
        }),
      ),
    );
}

function showWorkers(output: Output, workers: readonly WorkerState[], now: number): void {
  if (output.isJson) output.json(workers);
  else if (workers.length === 0) output.line("No worker is running. Start one: duckdive work FILE");
  else output.table<WorkerState>(workerColumns(output, now), workers);
}

function workerColumns(output: Output, now: number): Column<WorkerState>[] {
  const { yellow } = output.colors;
  const warning = (text: string, isBad: boolean) => (isBad ? { text, paint: yellow } : text);
  return [
    { header: "worker", cell: ({ id }) => id.slice(0, idLength(output)) },
    { header: "pid", align: "right", cell: ({ pid }) => String(pid) },
    {
      header: "state",
      cell: ({ report }) => warning(report?.state ?? "", report?.state === "quiet"),
      from: 100,
    },
    { header: "running", align: "right", cell: ({ running }) => count(running) },
    {
      header: "memory",
      align: "right",
      cell: ({ report }) => (report === undefined ? "" : formatBytes(report.memory)),
      from: 100,
    },
    {
      header: "delay",
      align: "right",
      cell: ({ report }) =>
        report === undefined ? "" : warning(formatDuration(report.delay), report.delay >= longDelay),
      from: 120,
    },
    {
      header: "leaked",
      align: "right",
      cell: ({ report }) => (report === undefined ? "" : warning(count(report.leaked), report.leaked > 0)),
      from: 120,
    },
    { header: "seen", align: "right", cell: ({ heartbeatAt }) => relative(heartbeatAt, now) },
    { header: "started", align: "right", cell: ({ startedAt }) => relative(startedAt, now), from: 80 },
    {
      header: "queues",
      cell: ({ queues, report }) => slotsText(report?.queues ?? queues),
      from: 80,
      least: 8,
    },
    { header: "host", cell: ({ host }) => shortHost(host), from: 140, least: 8 },
    { header: "release", cell: ({ release }) => release ?? "", from: 140, least: 8 },
    { header: "jobs", cell: ({ abilities }) => abilities.map(abilityText).join(", ") },
  ];
}

/** An event loop that is so late keeps others waiting, in milliseconds. */
const longDelay = 1_000;

interface Departed extends DepartedState {
  /** What the runs that are named are now, by state; those that are no longer kept are left out. */
  readonly states: Readonly<Record<string, number>>;
}

/** Counted, not read: a run may carry a mebibyte. */
async function withRuns(store: Store, departed: readonly DepartedState[]): Promise<Departed[]> {
  const found: Departed[] = [];
  for (const worker of departed) {
    const ids = worker.runs;
    const counts = await Promise.all(
      ids.length === 0
        ? []
        : states.map(async (state) => [state, await store.count({ ids, states: [state] })] as const),
    );
    found.push({ ...worker, states: Object.fromEntries(counts.filter(([, number]) => number > 0)) });
  }
  return found;
}

function showDeparted(output: Output, departed: readonly Departed[], now: number): void {
  if (output.isJson) output.json(departed);
  else if (departed.length === 0) output.line("No worker has left or died within seven days.");
  else output.table<Departed>(departedColumns(output, now), departed);
}

function departedColumns(output: Output, now: number): Column<Departed>[] {
  const { red } = output.colors;
  return [
    { header: "worker", cell: ({ id }) => id.slice(0, idLength(output)) },
    { header: "pid", align: "right", cell: ({ pid }) => String(pid) },
    { header: "ended", align: "right", cell: ({ endedAt }) => relative(endedAt, now) },
    { header: "how", cell: ({ how }) => (how === "lost" ? { text: how, paint: red } : how) },
    {
      header: "lived",
      align: "right",
      cell: ({ startedAt, endedAt }) => coarse(Math.max(0, endedAt.getTime() - startedAt.getTime())),
      from: 80,
    },
    { header: "host", cell: ({ host }) => shortHost(host), from: 140, least: 8 },
    { header: "release", cell: ({ release }) => release ?? "", from: 140, least: 8 },
    { header: "runs", align: "right", cell: ({ lost }) => (lost === 0 ? "" : count(lost)) },
    { header: "became", cell: becameText, least: 12 },
    { header: "cause", cell: ({ cause }) => cause ?? "" },
  ];
}

function becameText({ lost, runs, states: counts }: Departed): string {
  if (lost === 0) return "";
  const found = Object.entries(counts).map(([state, number]) => `${count(number)} ${state}`);
  const known = Object.values(counts).reduce((sum, number) => sum + number, 0);
  const gone = known < runs.length ? [`${count(runs.length - known)} gone`] : [];
  return [...found, ...gone, ...(lost > runs.length ? ["…"] : [])].join(", ");
}

function idLength(output: Output): number {
  return (output.width() ?? 200) >= 110 ? 36 : shortIdLength;
}

function shortHost(host: string): string {
  return host.split("/")[0] ?? host;
}

function abilityText({ job, version }: { job: string; version: number }): string {
  return version === 1 ? job : `${job}@${version}`;
}
