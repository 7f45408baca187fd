// What a worker has seen of its runs, by the minute, the queue and the job: for the counts that the store keeps.
//
// Counted here, so that no settlement pays for it, and told now and then, with the signs of life and at the end. What could
// not be told is told with what comes next; what a killed worker had not told is lost, which counts may be.
//
// Before this file come the reports of executions. After it comes the store's `tally`.
import { NotBuiltError, scaleStep } from "../kernel/index.js";
import type { Settlement } from "../run/index.js";
import type { Claimed, Settled, Store, Tally } from "../store/contract.js";

type Count = { -readonly [Name in keyof Omit<Tally, "waits">]: Tally[Name] } & {
  waits: Record<number, number>;
};
type End = "succeeded" | "failed" | "cancelled" | "retried";

export interface Statistics {
  /** An execution has ended, and the store has answered. What was handed back, or was lost, was none. */
  ended(claimed: Claimed, settlement: Settlement, settled: Settled): void;
  /** Tells the store what was counted since the last time. Never rejects. */
  flush(): Promise<void>;
}

export function createStatistics(
  store: Pick<Store, "now" | "tally">,
  onError: (error: unknown) => void,
): Statistics {
  let counts = new Map<string, Count>();
  /** Where the last one was counted: the next one is likely to be another of its kind. */
  let latest: Count | undefined;
  let isKept = true;

  function countOf(minute: number, claimed: Claimed): Count {
    if (latest?.minute !== minute || latest.job !== claimed.job || latest.queue !== claimed.queue)
      latest = countIn(counts, minute, claimed);
    return latest;
  }

  return {
    ended(claimed, settlement, settled) {
      const end = settled.taken ? endOf(settlement, settled.state) : undefined;
      if (end === undefined || !isKept) return;
      const now = store.now();
      const count = countOf(minuteOf(now), claimed);
      count[end] += 1;
      const wait = Math.max(0, claimed.startedAt - claimed.runAt);
      count.waited += wait;
      add(count.waits, scaleStep(wait), 1);
      count.ran += Math.max(0, now - claimed.startedAt);
    },
    async flush() {
      if (counts.size === 0) return;
      const told = counts;
      counts = new Map();
      latest = undefined;
      try {
        await store.tally([...told.values()]);
      } catch (error) {
        isKept = !(error instanceof NotBuiltError);
        if (!isKept) return;
        for (const count of told.values()) merge(counts, count);
        onError(error);
      }
    },
  };
}

/** What became of the run; undefined where its handler was not to say, as it goes on elsewhere or later. */
function endOf(settlement: Settlement, state: Extract<Settled, { taken: true }>["state"]): End | undefined {
  if (state === "succeeded" || state === "failed" || state === "cancelled") return state;
  return settlement.error === undefined ? undefined : "retried";
}

function minuteOf(time: number): number {
  return time - (time % 60_000);
}

function countIn(
  counts: Map<string, Count>,
  minute: number,
  { queue, job }: Pick<Claimed, "queue" | "job">,
): Count {
  const key = JSON.stringify([minute, queue, job]);
  const found = counts.get(key);
  if (found !== undefined) return found;
  const made = {
    minute,
    queue,
    job,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    retried: 0,
    waited: 0,
    ran: 0,
    waits: {},
  };
  counts.set(key, made);
  return made;
}

function merge(counts: Map<string, Count>, more: Tally): void {
  const count = countIn(counts, more.minute, more);
  for (const name of ["succeeded", "failed", "cancelled", "retried", "waited", "ran"] as const)
    count[name] += more[name];
  for (const [step, number] of Object.entries(more.waits ?? {})) add(count.waits, Number(step), number);
}

function add(counts: Record<number, number>, step: number, number: number): void {
  counts[step] = (counts[step] ?? 0) + number;
}
