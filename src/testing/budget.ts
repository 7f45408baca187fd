// What keeps a drain from going on for ever: how many executions it may take.
//
// A job that snoozes for no time, or enqueues itself, is never done. A test that meets one should fail with the name of
// the job, and not by the time limit of its framework.
import { DuckdiveError } from "../kernel/index.js";

/** A drain did not come to an end: jobs that snooze for no time, or enqueue themselves, keep it going. */
export class EndlessDrainError extends DuckdiveError {
  static readonly code = "ENDLESS_DRAIN";
  readonly code: string = EndlessDrainError.code;
}

/** How many executions may still be begun, and by whom they were. */
export interface Budget {
  spend(job: string): void;
  /** Rejects when more was spent than there was. */
  readonly overdrawn: Promise<never>;
}

export function createBudget(allowed: number): Budget {
  const counts = new Map<string, number>();
  let spent = 0;
  let reject: (error: Error) => void = () => {};
  const overdrawn = new Promise<never>((_resolve, refuse) => {
    reject = refuse;
  });
  overdrawn.catch(() => {});
  return {
    overdrawn,
    spend(job) {
      counts.set(job, (counts.get(job) ?? 0) + 1);
      spent += 1;
      if (spent === allowed + 1) reject(endless(spent, counts));
    },
  };
}

function endless(spent: number, counts: ReadonlyMap<string, number>): EndlessDrainError {
  const busiest = [...counts]
    .sort((one, other) => other[1] - one[1])
    .slice(0, 3)
    .map(([job, times]) => `"${job}" ${times} times`)
    .join(", ");
  return new EndlessDrainError(
    `${spent} executions and no end: ${busiest}. A job that snoozes for no time or enqueues itself never ends by itself. ` +
      "Let it wait (`delay`, a longer snooze) and advance the clock, or allow more: testQueue({ most }).",
  );
}
