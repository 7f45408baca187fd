// What every store needs of a run that comes from another one: to read the limits of its request from its record.
//
// A record has the times until which a run must have started, or ended, and not the durations that were asked for; a retry
// counts those anew. They are counted from the request, or from the last retry, of which there is an event.
//
// Before this file comes whoever moves runs. After it come the stores.
import { NotBuiltError } from "../kernel/index.js";
import type { MovedRun } from "./contract.js";

export interface Limits {
  readonly startWithin: number | undefined;
  readonly finishWithin: number | undefined;
}

/** The limits that were asked for, in milliseconds. */
export function limitsOf({ run, events }: Pick<MovedRun, "run" | "events">): Limits {
  const from = events.findLast(({ kind }) => kind === "retried")?.at ?? run.requestedAt;
  return {
    startWithin: run.startBy === undefined ? undefined : run.startBy - from,
    finishWithin: run.finishBy === undefined ? undefined : run.finishBy - from,
  };
}

/** Those that may come. @throws NotBuiltError for a running one, or one that hangs together with others. */
export function checkMoved(runs: readonly MovedRun[], how: "with batches" | "alone" = "alone"): void {
  for (const { run } of runs) {
    const part =
      run.state === "running"
        ? "is running"
        : run.parent !== undefined
          ? "has a parent"
          : run.batch !== undefined && how === "alone"
            ? "belongs to a batch"
            : undefined;
    if (part === undefined) continue;
    throw new NotBuiltError(`Run ${run.id} ${part}, and this version of duckdive cannot move such a run.`);
  }
}

/** The highest token that any of them has had. */
export function highestToken(runs: readonly MovedRun[]): number {
  let highest = 0;
  for (const { run, events } of runs) {
    highest = Math.max(highest, run.token);
    for (const { token } of events) highest = Math.max(highest, token);
  }
  return highest;
}
