// Operating: jobs that go to another queue, slots at run time, a queue that runs empty, how fast it all goes.
//
// What is set here stands in the store and holds for every process, without a deploy. A job is rerouted first and its
// waiting runs are moved then, so none is left between the two but what a transaction of the application still holds.
//
// Before this file come `duckdive.reroute` and its kin. After it come the store's hand, and act.ts for the runs that wait.
import { type AnyContract, checkName, isContract, policyOf } from "../job/index.js";
import { type Clock, checkOptions, duration, InvalidOptionError } from "../kernel/index.js";
import type { Access } from "./access.js";
import { act } from "./act.js";
import { untilNothingRuns } from "./drain.js";
import type { DrainQueueOptions, RerouteOptions, ThroughputOptions } from "./operate-types.js";
import { minuteOf, type Throughput, throughputOf } from "./throughput.js";
import type { QueueState } from "./types.js";

/** Neither running nor ended. */
export const resting = ["scheduled", "ready", "waiting"] as const;

export interface Operations {
  reroute(job: string | AnyContract, queue: string | undefined, options?: RerouteOptions): Promise<number>;
  reroutes(): Promise<Readonly<Record<string, string>>>;
  setSlots(queue: string, slots: number | undefined): Promise<void>;
  drainQueue(queue: string, options?: DrainQueueOptions): Promise<QueueState>;
  throughput(options?: ThroughputOptions): Promise<Throughput[]>;
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
      const now = store.now();
      const from =
        since instanceof Date ? since.getTime() : now - duration(since, "duckdive.throughput(): since");
      if (Number.isNaN(from))
        throw new InvalidOptionError(
          "The since of duckdive.throughput() is not a valid Date. Use new Date(…).",
        );
      return throughputOf(await store.tallies(minuteOf(from)), by, { since: from, now });
    },
  };

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
