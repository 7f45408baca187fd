// What is wrong with the work on a store, from plain data. Pure, so that each finding has its test.
//
// Runs that nobody will start are errors: no worker at all, none that draws from a queue, none that has the job or its
// version. A pause is somebody's wish and only said.
//
// Before this file comes what `doctor` reads from the store. After it comes what it prints.
import type { State } from "../job/index.js";
import { formatDuration } from "../kernel/index.js";
import type { PauseTarget, QueueRow, StoredRun, WorkerRow } from "../store/contract.js";
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
  readonly now: number;
}

/** A worker shows life every 5 seconds; after this it is late. */
const late = 20_000;

export function findingsOf(facts: WorkFacts): Finding[] {
  return [
    ...aboutWorkers(facts),
    ...aboutQueues(facts),
    ...aboutParked(facts),
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
