// What is wrong with the work on a store, from plain data. Pure, so that each finding has its test.
//
// Runs that nobody will start are errors: no worker at all, none that draws from a queue, none that has the job or its
// version. A pause is somebody's wish and only said.
//
// Before this file comes what `doctor` reads from the store. After it comes what it prints.
import type { State } from "../job/index.js";
import { formatDuration } from "../kernel/index.js";
import type { OpenVersion, PauseTarget, QueueRow, StoredRun, WorkerRow } from "../store/contract.js";
import { many } from "./words.js";

export interface Finding {
  readonly level: "ok" | "warn" | "error";
  readonly text: string;
}

export interface WorkFacts {
  readonly queues: readonly QueueRow[];
  readonly workers: readonly WorkerRow[];
  readonly paused: readonly PauseTarget[];
  readonly counts: Readonly<Record<State, number>>;
  /** Some runs that wait for a worker that has them, and some that wait to be checked. */
  readonly parked: readonly StoredRun[];
  readonly unprepared: readonly StoredRun[];
  /** Open runs by job and version. */
  readonly versions: readonly OpenVersion[];
  readonly now: number;
}

/** A worker shows life every 5 seconds; after this it is late. */
const late = 20_000;

export function findingsOf(facts: WorkFacts): Finding[] {
  return [
    ...aboutWorkers(facts),
    ...aboutRetained(facts),
    ...aboutQueues(facts),
    ...aboutParked(facts),
    ...aboutVersions(facts),
    ...aboutUnprepared(facts),
    ...aboutPauses(facts),
    ...aboutFailures(facts),
  ];
}

function aboutWorkers({ workers, counts, now }: WorkFacts): Finding[] {
  const open = counts.ready + counts.scheduled;
  if (workers.length === 0) {
    return open === 0
      ? [{ level: "ok", text: "No worker is running, and nothing is to be done." }]
      : [
          {
            level: "error",
            text: `${many(open, "run")} to be done, and no worker is running. Start one: duckdive work FILE`,
          },
        ];
  }
  const silent = workers.filter(({ heartbeatAt }) => now - heartbeatAt > late);
  return [
    { level: "ok", text: `${many(workers.length, "worker")}, ${many(counts.running, "run")} running` },
    ...silent.map(
      ({ id, pid, heartbeatAt }): Finding => ({
        level: "warn",
        text: `Worker ${id} (process ${pid}) last showed life ${formatDuration(now - heartbeatAt)} ago: it is stopped, or too busy.`,
      }),
    ),
  ];
}

/** What a suspended handler has started and not registered with ctx.defer keeps it in memory. */
function aboutRetained({ workers }: WorkFacts): Finding[] {
  const all = new Map<string, number>();
  for (const { report } of workers) {
    for (const [job, number] of Object.entries(report?.retained ?? {}))
      all.set(job, (all.get(job) ?? 0) + number);
  }
  return [...all].map(([job, number]) => ({
    level: "warn",
    text: `${many(number, "suspended execution")} of "${job}" cannot be let go: a timer, a listener or a connection of the handler holds the memory. Register its end: ctx.defer(() => clearInterval(timer))`,
  }));
}

function aboutQueues({ queues, workers }: WorkFacts): Finding[] {
  if (workers.length === 0) return [];
  const draws = (queue: string) => workers.some(({ queues: slots }) => (slots[queue] ?? slots["*"] ?? 0) > 0);
  return queues
    .filter(({ name, paused, ready, scheduled }) => !paused && ready + scheduled > 0 && !draws(name))
    .map(({ name, ready, scheduled }) => ({
      level: "error",
      text: `No worker draws from queue "${name}", which has ${many(ready + scheduled, "run")}. Give it slots: duckdive work --queues "${name}=10"`,
    }));
}

function aboutParked({ parked }: WorkFacts): Finding[] {
  return [...grouped(parked, ({ waiting, job, version }) => waiting?.on ?? `${job}@${version}`)].map(
    ([ability, number]) => ({
      level: "error",
      text: `${many(number, "run")} for ${ability}, and no worker has it. Deploy the code, or start: duckdive work FILE`,
    }),
  );
}

/**
 * Versions that are not the newest which a worker has: older ones go through `upgrade`, newer ones wait. Those that
 * wait already, for that or to be checked, are told of beside it.
 */
function aboutVersions({ versions, workers, parked, unprepared }: WorkFacts): Finding[] {
  if (workers.length === 0) return [];
  const isTold = new Set(
    [...parked, ...unprepared].map(({ waiting, job, version }) => waiting?.on ?? `${job}@${version}`),
  );
  return versions.flatMap(({ job, version, runs }): Finding[] => {
    const had = workers.flatMap(({ abilities }) => abilities.filter((one) => one.job === job));
    const newest = Math.max(0, ...had.map((ability) => ability.version));
    if (newest > version)
      return [
        {
          level: "ok",
          text: `${many(runs, "open run")} of ${job}@${version}, and workers have version ${newest}`,
        },
      ];
    if (newest === version || isTold.has(`${job}@${version}`)) return [];
    const text =
      newest === 0
        ? `${many(runs, "open run")} of ${job}@${version}, and no worker has that job. Deploy its code, or start: duckdive work FILE`
        : `${many(runs, "open run")} of ${job}@${version}, and workers have version ${newest} at most. Deploy the newer code`;
    return [{ level: "error", text }];
  });
}

function aboutUnprepared({ unprepared, workers }: WorkFacts): Finding[] {
  const known = new Set(workers.flatMap(({ abilities }) => abilities.map(({ job }) => job)));
  return [...grouped(unprepared, ({ job }) => job)].map(([job, number]) =>
    known.has(job)
      ? { level: "ok", text: `${many(number, "run")} of "${job}" about to be checked by a worker` }
      : {
          level: "error",
          text: `${many(number, "run")} of "${job}" recorded unchecked, and no worker knows that job. Start one: duckdive work FILE`,
        },
  );
}

function aboutPauses({ paused, queues }: WorkFacts): Finding[] {
  return paused.map((target) => {
    if ("job" in target)
      return {
        level: "warn",
        text: `Job "${target.job}" is paused. Resume it: duckdive resume --job ${target.job}`,
      };
    const ready = queues.find(({ name }) => name === target.queue)?.ready ?? 0;
    return {
      level: "warn",
      text: `Queue "${target.queue}" is paused with ${many(ready, "ready run")}. Resume it: duckdive resume ${target.queue}`,
    };
  });
}

function aboutFailures({ counts }: WorkFacts): Finding[] {
  if (counts.failed === 0) return [];
  return [
    {
      level: "warn",
      text: `${many(counts.failed, "run")} failed for good. Look: duckdive runs --state failed. Again: duckdive retry --state failed`,
    },
  ];
}

function grouped(runs: readonly StoredRun[], keyOf: (run: StoredRun) => string): Map<string, number> {
  const groups = new Map<string, number>();
  for (const run of runs) groups.set(keyOf(run), (groups.get(keyOf(run)) ?? 0) + 1);
  return groups;
}
