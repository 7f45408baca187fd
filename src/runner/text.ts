// The words for workers and runs in the lines of a runner.
//
// Before this file comes the child. After it come all lines.
import type { Child } from "./child.js";
import type { NamedRun } from "./protocol.js";

/** `worker 2 (pid 4711)`. */
export function who({ slot, pid }: Pick<Child, "slot" | "pid">): string {
  return `worker ${slot + 1} (${pid === undefined ? "no process" : `pid ${pid}`})`;
}

/** `mail 0198…-4f, attempt 2`, with the whole id. */
export function shownRun({ job, run, attempt }: NamedRun): string {
  return attempt > 1 ? `${job} ${run} (attempt ${attempt})` : `${job} ${run}`;
}

/** The fields by which a worker is found in a log. */
export function idsOf({ slot, pid, worker }: Pick<Child, "slot" | "pid" | "worker">): {
  pid: number | undefined;
  process: number;
  worker: string | undefined;
} {
  return { pid, process: slot + 1, worker };
}
