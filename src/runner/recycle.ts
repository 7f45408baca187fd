// Whether a worker has served long enough.
//
// Memory that leaks and handles that are forgotten are somebody's mistake, and until it is mended a fresh process is the
// remedy. The limits are looked at whenever a worker says how it is; whoever is over one is replaced in good order.
//
// Pure. Before this file comes a worker's status. After it comes the replacement.
import { formatBytes, formatDuration } from "../kernel/index.js";

/** undefined: no limit. Age in milliseconds, memory in bytes. */
export interface Limits {
  readonly maxAge: number | undefined;
  readonly maxRuns: number | undefined;
  readonly maxMemory: number | undefined;
}

export interface Served {
  /** Milliseconds since it was ready. */
  readonly age: number;
  readonly ended: number;
  readonly memory: number;
}

/** Why it is to be replaced; undefined: it may go on. */
export function recycleReason(served: Served, limits: Limits): string | undefined {
  const { age, ended, memory } = served;
  const { maxAge, maxRuns, maxMemory } = limits;
  if (maxMemory !== undefined && memory > maxMemory)
    return `its memory is ${formatBytes(memory)}, over ${formatBytes(maxMemory)}`;
  if (maxRuns !== undefined && ended >= maxRuns)
    return `it has executed ${ended} runs, of ${maxRuns} at most`;
  if (maxAge !== undefined && age >= maxAge)
    return `it is ${formatDuration(age)} old, of ${formatDuration(maxAge)} at most`;
  return undefined;
}
