// Operating: jobs that go to another queue, slots at run time, a queue that runs empty, how fast it all goes.
//
// What is set here stands in the store and holds for every process, without a deploy. A job is rerouted first and its
// waiting runs are moved then, so none is left between the two but what a transaction of the application still holds.
//
// Before this file come `duckdive.reroute` and its kin. After it come the store's hand, and act.ts for the runs that wait.
import { type AnyContract, checkName, isContract, policyOf } from "../job/index.js";
import {
  type Clock,
  checkOptions,
  type Duration,
  duration,
  InvalidOptionError,
  scaleReach,
} from "../kernel/index.js";
import type { Access } from "./access.js";
import { act } from "./act.js";
import { untilNothingRuns } from "./drain.js";
import { keptByMinute, type Metrics, metricsOf, spanOf, type Tallies } from "./metrics.js";
import type {
  DrainQueueOptions,
  MetricsOptions,
  RerouteOptions,
  ThroughputOptions,
} from "./operate-types.js";
import { type Throughput, throughputOf } from "./throughput.js";
import type { QueueState } from "./types.js";

/** How far back metrics go, in milliseconds: 30 days, and the hour in which they begin. */
const longest = (30 * 24 + 1) * 60 * 60_000;

/** Neither running nor ended. */
export const resting = ["scheduled", "ready", "waiting"] as const;

export interface Operations {
  reroute(job: string | AnyContract, queue: string | undefined, options?: RerouteOptions): Promise<number>;
  reroutes(): Promise<Readonly<Record<string, string>>>;
  setSlots(queue: string, slots: number | undefined): Promise<void>;
  drainQueue(queue: string, options?: DrainQueueOptions): Promise<QueueState>;
  throughput(options?: ThroughputOptions): Promise<Throughput[]>;
  metrics(options?: MetricsOptions): Promise<Metrics>;
  tallies(options?: MetricsOptions): Promise<Tallies>;
}

export function createOperations(parts: {
  readonly access: Access;
  readonly clock: Clock;
  /** The jobs whose definitions are at hand. */
  readonly jobs: ReadonlyMap<string, object>;
  readonly queues: () => Promise<QueueState[]>;
}): Operations {
  const { access, clock, jobs, queues } = parts;
  const { store } = access;

  /** The queue of its definition: here, or as a worker published it. */
  async function ownQueueOf(name: string): Promise<string | undefined> {
    const job = jobs.get(name);
    if (job !== undefined) return policyOf(job).queue;
    return (await store.definitions()).find((definition) => definition.job === name)?.queue;
  }

  return {
    async reroute(job, queue, options = {}) {
      checkOptions(options, ["waiting", "onProgress", "signal"], "the options of duckdive.reroute()");
      const name = isContract(job) ? job.name : job;
      checkName(name, "The job of duckdive.reroute()");
      if (queue !== undefined) checkQueue(queue, "duckdive.reroute()");
      await access.opening();
      await store.reroute(name, queue);
      const to = queue ?? (await ownQueueOf(name));
      if (options.waiting === false || to === undefined) return 0;
      const { waiting: _, ...bulk } = options;
      const apply = async (ids: readonly string[]) => store.change(await elsewhere(ids, to), { queue: to });
      return act(access, { job: name }, { verb: "change", states: resting, apply }, bulk);
    },
    async reroutes() {
      await access.opening();
      return store.reroutes();
    },
    async setSlots(queue, slots) {
      checkQueue(queue, "duckdive.setSlots()");
      if (slots !== undefined && !(Number.isInteger(slots) && slots >= 0))
        throw new InvalidOptionError(
          `duckdive.setSlots() was given ${String(slots)} slots. Use a whole number from 0 up, or undefined for each worker's own.`,
        );
      await access.opening();
      await store.setSlots(queue, slots);
    },
    async drainQueue(queue, options = {}) {
      checkOptions(options, ["onProgress", "signal"], "the options of duckdive.drainQueue()");
      checkQueue(queue, "duckdive.drainQueue()");
      await access.opening();
      await store.pause({ queue });
      return untilNothingRuns({ clock, queue, queues, ...options });
    },
    async throughput({ since = "1h", by = "queue", ...more } = {}) {
      checkOptions(more, [], "the options of duckdive.throughput()");
      if (by !== "queue" && by !== "job")
        throw new InvalidOptionError('duckdive.throughput() sums up by "queue" or by "job".');
      await access.opening();
      const between = beginning(since, "duckdive.throughput()");
      return throughputOf(await store.tallies(between.since), by, between);
    },
    async metrics({ since = "1h", ...more } = {}) {
      checkOptions(more, [], "the options of duckdive.metrics()");
      await access.opening();
      const between = beginning(since, "duckdive.metrics()");
      if (between.now - between.since > longest)
        throw new InvalidOptionError(
          "The since of duckdive.metrics() is longer than 30 days ago. Ask for less.",
        );
      const [tallies, waits] = await Promise.all([store.tallies(between.since), store.waits(between.since)]);
      return metricsOf({ tallies, waits }, between);
    },
    async tallies({ since = "10m", ...more } = {}) {
      const where = "duckdive.tallies()";
      checkOptions(more, [], `the options of ${where}`);
      await access.opening();
      const between = beginning(since, where);
      if (between.now - between.since > keptByMinute)
        throw new InvalidOptionError(
          `The since of ${where} is longer ago than minutes are kept, which is 3 hours. Ask for less.`,
        );
      const [counts, waits] = await Promise.all([store.tallies(between.since), store.waits(between.since)]);
      return {
        now: new Date(between.now),
        counts: counts.map(({ minute, waits: _waits, ...count }) => ({ at: new Date(minute), ...count })),
        waits: waits.map(({ minute, queue, step, number }) => ({
          at: new Date(minute),
          queue,
          upTo: scaleReach(step),
          number,
        })),
      };
    },
  };

  /** From when to when, from the beginning of a minute, or where minutes are not kept of an hour. */
  function beginning(since: Date | Duration, where: string): { since: number; now: number } {
    const now = store.now();
    const from = since instanceof Date ? since.getTime() : now - duration(since, `${where}: since`);
    if (Number.isNaN(from))
      throw new InvalidOptionError(`The since of ${where} is not a valid Date. Use new Date(…).`);
    const span = spanOf({ since: from, now });
    return { since: Math.floor(from / span) * span, now };
  }

  /** A run that is in that queue already needs no change, and none in its timeline. */
  async function elsewhere(ids: readonly string[], queue: string): Promise<string[]> {
    const runs = await store.find(ids);
    return runs.flatMap((run) => (run === undefined || run.queue === queue ? [] : [run.id]));
  }
}

function checkQueue(queue: unknown, where: string): asserts queue is string {
  checkName(queue, `The queue of ${where}`);
  if (queue === "*")
    throw new InvalidOptionError(
      `The queue of ${where} is "*", which stands for many. Name one, such as "mail".`,
    );
}
