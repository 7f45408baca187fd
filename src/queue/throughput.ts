// How fast queues or jobs go, from the counts that workers tell by the minute. Pure.
//
// Nothing here looks at runs, so asking costs the same however many there are. Counted is what workers executed: not what
// was cancelled while it waited, or expired, or was lost with its worker.
//
// Before this file come the store's tallies. After it come `queues` and `stats` of the command line.
import type { Tally } from "../store/contract.js";

/** What workers executed of a queue, or of a job, in a time. */
export interface Throughput {
  /** The queue, or the job. */
  readonly name: string;
  /** Runs that ended, by how. */
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Attempts that failed and are tried again. */
  readonly retried: number;
  /** Runs that ended a minute. */
  readonly perMinute: number;
  /** Of the executions that succeeded or failed, the part that failed: from 0 to 1. Undefined: there were none. */
  readonly failureRate: number | undefined;
  /** From due to started, and from started to ended, on average over all executions, in milliseconds. */
  readonly waited: number | undefined;
  readonly ran: number | undefined;
}

const minute = 60_000;

/** The beginning of the minute that a time is in. */
function minuteOf(time: number): number {
  return Math.floor(time / minute) * minute;
}

/** The busiest first. */
export function throughputOf(
  tallies: readonly Tally[],
  by: "queue" | "job",
  between: { readonly since: number; readonly now: number },
): Throughput[] {
  const minutes = Math.max(1, (between.now - minuteOf(between.since)) / minute);
  const sums = new Map<string, Sum>();
  for (const tally of tallies) {
    const sum = sums.get(tally[by]) ?? { ...nothing };
    for (const field of fields) sum[field] += tally[field];
    sums.set(tally[by], sum);
  }
  return [...sums]
    .map(([name, sum]) => ratesOf(name, sum, minutes))
    .sort((one, other) => other.perMinute - one.perMinute || (one.name < other.name ? -1 : 1));
}

const fields = ["succeeded", "failed", "cancelled", "retried", "waited", "ran"] as const;
type Sum = Record<(typeof fields)[number], number>;
const nothing: Sum = { succeeded: 0, failed: 0, cancelled: 0, retried: 0, waited: 0, ran: 0 };

function ratesOf(name: string, sum: Sum, minutes: number): Throughput {
  const { succeeded, failed, cancelled, retried } = sum;
  const ended = succeeded + failed + cancelled;
  const executions = ended + retried;
  const judged = succeeded + failed + retried;
  const mean = (total: number): number | undefined => (executions === 0 ? undefined : total / executions);
  return {
    name,
    succeeded,
    failed,
    cancelled,
    retried,
    perMinute: ended / minutes,
    failureRate: judged === 0 ? undefined : (failed + retried) / judged,
    waited: mean(sum.waited),
    ran: mean(sum.ran),
  };
}
