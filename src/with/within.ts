// Working what was just asked for, within a time: for serverless functions, which live no longer than their request and a
// little more.
//
// A worker draws from the queues of these runs, with as many slots as there are runs, until they have ended or the time is
// over; what it has not finished by then it hands back, without losing an attempt. The oldest runs of a queue come first, so
// where many wait it may be others that are worked; whatever is left is for a worker that sweeps, wherever that is.
//
// Before this file comes a response that is out. After it come `duckdive.work` and whoever keeps the function alive.
import { type Duration, duration } from "../kernel/index.js";
import type { Duckdive, Run } from "../queue/index.js";

/** What became of runs that were worked within a time. */
export interface WorkedWithin {
  /** Runs that have ended, however they did. */
  readonly ended: string[];
  /** Runs that have not: they are worked by whoever comes next. */
  readonly left: string[];
}

/**
 * Works these runs, and what waits before them in their queues, for as long as the budget lasts. Resolves when they have ended,
 * or about a second after the budget at the latest, with everything handed back that was not finished.
 *
 * @throws InvalidOptionError: the client was opened without `jobs`
 * @example
 * const run = await duckdive.enqueue(welcome, { userId: 7 });
 * context.waitUntil(workWithin(duckdive, [run], { budget: "10s" }));
 */
export async function workWithin<Tx, Sync extends boolean>(
  duckdive: Pick<Duckdive<Tx, Sync>, "work" | "list">,
  runs: readonly Pick<Run, "id" | "outcome">[],
  options: {
    /** How long handlers have; leave two seconds of the function's own limit. */
    readonly budget: Duration;
  },
): Promise<WorkedWithin> {
  const milliseconds = duration(options.budget, "The budget of workWithin()");
  const queues: Record<string, number> = {};
  for (let from = 0; from < runs.length; from += 1_000) {
    const ids = runs.slice(from, from + 1_000).map(({ id }) => id);
    const { runs: records } = await duckdive.list({ id: ids }, { limit: 1_000 });
    for (const { queue } of records) queues[queue] = Math.min(mostSlots, (queues[queue] ?? 0) + 1);
  }
  const ended = new Set<string>();
  const over = AbortSignal.timeout(milliseconds);
  if (Object.keys(queues).length > 0) {
    const worker = duckdive.work({ queues });
    // Whoever waits no longer has its time over, or asks for a run of a transaction that was rolled back.
    const waits = runs.map((run) =>
      run.outcome({ signal: over }).then(
        () => void ended.add(run.id),
        () => {},
      ),
    );
    await Promise.all(waits);
    await worker.stop({ drain: 0 });
  }
  const ids = runs.map(({ id }) => id);
  return { ended: ids.filter((id) => ended.has(id)), left: ids.filter((id) => !ended.has(id)) };
}

/**
 * Works whatever waits, for as long as the budget lasts or until nothing is left that could run now: for a function that a
 * schedule calls, so that what others have left is swept. Answers whether nothing was left.
 *
 * @throws InvalidOptionError: the client was opened without `jobs`
 * @example export const GET = async () => Response.json({ empty: await sweep(duckdive, { budget: "50s" }) });
 */
export async function sweep<Tx, Sync extends boolean>(
  duckdive: Pick<Duckdive<Tx, Sync>, "work" | "queues" | "changes">,
  options: {
    /** How long handlers have; leave two seconds of the function's own limit. */
    readonly budget: Duration;
    /** Slots by queue; those of `duckdive.work()` unless given. */
    readonly queues?: Record<string, number>;
  },
): Promise<boolean> {
  const { budget, queues } = options;
  const over = AbortSignal.timeout(duration(budget, "The budget of sweep()"));
  const worker = duckdive.work(queues === undefined ? {} : { queues });
  try {
    await worker.ready;
    while (!over.aborted) {
      const changed = changeOf(duckdive, over);
      const all = await duckdive.queues();
      const isEmpty = all.every(({ name, ready, running }) => {
        const slots = worker.status().queues;
        const isOurs = ((Object.hasOwn(slots, name) ? slots[name] : slots["*"]) ?? 0) > 0;
        return !isOurs || (ready === 0 && running === 0);
      });
      if (isEmpty) return true;
      await changed;
    }
    return false;
  } finally {
    await worker.stop({ drain: 0 });
  }
}

/** How often is looked where nothing was heard, in milliseconds: hints may get lost. */
const longestRest = 500;

/** Resolves when the store has changed, after a while, and when the time is over. */
function changeOf(duckdive: Pick<Duckdive, "changes">, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      deaf();
      over.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, longestRest);
    const deaf = duckdive.changes(done);
    over.addEventListener("abort", done);
  });
}

/** A function is not a server: it works a few runs at once. */
const mostSlots = 10;
