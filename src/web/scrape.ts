// What Prometheus is told: how many runs are where, how long they have waited, what becomes of attempts, and how workers are.
//
// Everything is read from small tables: queues, workers, and what workers have counted by the minute. No run is looked at, so a
// scrape costs the same with a million waiting. Counters grow from the start of this process; of several that serve the same
// store each counts everything, so one of them is scraped.
//
// Before this file comes access. After it comes the text.
import type { Context } from "hono";
import { type Family, prometheusText, type Sample } from "../observe/index.js";
import type { QueueState, Tallies, WorkerState } from "../queue/index.js";
import type { WebEnvironment } from "./environment.js";
import { createGrowing, type Growing } from "./growing.js";
import type { Served } from "./served.js";

const minute = 60_000;
/** Workers tell of a minute for so long, unless the store was away. */
const late = 10 * minute;
/** Minutes are there for three hours. */
const longest = 170 * minute;

/** In seconds, on the steps that workers count by. */
const buckets = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44].map((step) => 2 ** (step / 2) / 1_000);
const outcomes = ["succeeded", "failed", "cancelled", "retried"] as const;
const states = ["scheduled", "ready", "running", "waiting"] as const;

export function createScrape(duckdive: Served): (context: Context<WebEnvironment>) => Promise<Response> {
  const attempts = createGrowing();
  const waits = createGrowing();
  let readAt: number | undefined;

  async function read(): Promise<Tallies> {
    const since = Math.min(longest, late + (readAt === undefined ? 0 : Date.now() - readAt));
    const tallies = await duckdive.tallies({ since });
    readAt = Date.now();
    attempts.add(
      tallies.counts.map(({ at, queue, job, ...amounts }) => ({ at, key: keyOf({ queue, job }), amounts })),
    );
    waits.add(
      tallies.waits.map(({ at, queue, upTo, number }) => ({
        at,
        key: keyOf({ queue }),
        amounts: { [upTo / 1_000]: number },
      })),
    );
    const kept = new Date(tallies.now.getTime() - since - minute);
    attempts.forget(kept);
    waits.forget(kept);
    return tallies;
  }

  return async (context) => {
    const [queues, workers, { now }] = await Promise.all([duckdive.queues(), duckdive.workers(), read()]);
    const text = prometheusText([
      ...queueFamilies(queues, now),
      ...workerFamilies(workers),
      ...attemptFamilies(attempts),
      waitFamily(waits, attempts),
    ]);
    return context.text(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  };
}

/** Labels as one text, and back: their names and values are in an order of their own. */
function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(labels);
}

function labelsOf(key: string): Record<string, string> {
  return JSON.parse(key);
}

function queueFamilies(queues: readonly QueueState[], now: Date): Family[] {
  const each = (value: (queue: QueueState) => number): Sample[] =>
    queues.map((queue) => ({ labels: { queue: queue.name }, value: value(queue) }));
  return [
    {
      name: "duckdive_runs",
      help: "Runs that have not ended, by queue and state.",
      type: "gauge",
      samples: queues.flatMap((queue) =>
        states.map((state) => ({ labels: { queue: queue.name, state }, value: queue[state] })),
      ),
    },
    {
      name: "duckdive_queue_oldest_ready_seconds",
      help: "For how long the longest-due ready run of a queue has been due; 0 where none is.",
      type: "gauge",
      samples: each(({ oldest }) =>
        oldest === undefined ? 0 : Math.max(0, now.getTime() - oldest.getTime()) / 1_000,
      ),
    },
    {
      name: "duckdive_queue_paused",
      help: "1 where a queue is paused.",
      type: "gauge",
      samples: each(({ paused }) => (paused ? 1 : 0)),
    },
  ];
}

function workerFamilies(workers: readonly WorkerState[]): Family[] {
  const counted = { working: 0, quiet: 0, stopping: 0 };
  let [memory, delay, leaked] = [0, 0, 0];
  for (const { report } of workers) {
    counted[report?.state ?? "working"] += 1;
    memory = Math.max(memory, report?.memory ?? 0);
    delay = Math.max(delay, report?.delay ?? 0);
    leaked += report?.leaked ?? 0;
  }
  const one = (value: number): Sample[] => [{ value }];
  return [
    {
      name: "duckdive_workers",
      help: "Workers that are registered, by state.",
      type: "gauge",
      samples: Object.entries(counted).map(([state, value]) => ({ labels: { state }, value })),
    },
    {
      name: "duckdive_worker_memory_bytes",
      help: "Resident memory of the worker that has the most.",
      type: "gauge",
      samples: one(memory),
    },
    {
      name: "duckdive_worker_delay_seconds",
      help: "The longest that an event loop was late between two signs of life, of all workers.",
      type: "gauge",
      samples: one(delay / 1_000),
    },
    {
      name: "duckdive_leaked_executions",
      help: "Executions that were given up and go on all the same.",
      type: "gauge",
      samples: one(leaked),
    },
  ];
}

function attemptFamilies({ totals }: Growing): Family[] {
  const all = [...totals].map(([key, amounts]) => ({ labels: labelsOf(key), amounts }));
  return [
    {
      name: "duckdive_attempts_total",
      help: "Attempts that ended, by queue, job and how: failed is for good, retried is tried again.",
      type: "counter",
      samples: all.flatMap(({ labels, amounts }) =>
        outcomes.map((outcome) => ({ labels: { ...labels, outcome }, value: amounts[outcome] ?? 0 })),
      ),
    },
    {
      name: "duckdive_attempt_seconds_total",
      help: "How long attempts took, in all.",
      type: "counter",
      samples: all.map(({ labels, amounts }) => ({ labels, value: (amounts.ran ?? 0) / 1_000 })),
    },
  ];
}

/** Buckets are of the queue's attempts; their sum is that of what its jobs have waited. */
function waitFamily(waits: Growing, attempts: Growing): Family {
  const sums = new Map<string, number>();
  for (const [key, { waited = 0 }] of attempts.totals) {
    const { queue = "" } = labelsOf(key);
    sums.set(queue, (sums.get(queue) ?? 0) + waited / 1_000);
  }
  const samples = [...waits.totals].flatMap(([key, amounts]): Sample[] => {
    const { queue = "" } = labelsOf(key);
    const steps = Object.entries(amounts).map(([upTo, number]) => ({ upTo: Number(upTo), number }));
    const within = (limit: number): number =>
      steps.reduce((sum, { upTo, number }) => (upTo <= limit ? sum + number : sum), 0);
    const count = within(Number.POSITIVE_INFINITY);
    return [
      ...buckets.map(
        (le): Sample => ({ suffix: "_bucket", labels: { queue, le: String(le) }, value: within(le) }),
      ),
      { suffix: "_bucket", labels: { queue, le: "+Inf" }, value: count },
      { suffix: "_sum", labels: { queue }, value: sums.get(queue) ?? 0 },
      { suffix: "_count", labels: { queue }, value: count },
    ];
  });
  return {
    name: "duckdive_run_wait_seconds",
    help: "How long runs had been due before they were started, by queue.",
    type: "histogram",
    samples,
  };
}
