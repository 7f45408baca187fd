// How a call that acts on many runs is told to go about it, and what it tells on its way.
//
// Before this file come `retry`, `cancel`, `delete` and `change`, as types. After it comes act.ts, which walks.
import type { Duration } from "../kernel/index.js";

/** How far a call on many runs is. */
export interface BulkProgress {
  /** On how many runs something was done so far; with `from`, also before. */
  readonly done: number;
  /** For `from`: what comes before it is done and durable. Undefined: that was the last of them. */
  readonly cursor: string | undefined;
}

/** How a call on many runs is made. */
export interface BulkOptions {
  /** Does nothing, and answers on how many it would. */
  dryRun?: boolean;
  /** Called after each chunk of up to 1,000 runs, when it is durable. */
  onProgress?: (progress: BulkProgress) => void;
  /** Goes on where the same call was interrupted: the last `cursor` that it told. */
  from?: string | undefined;
  /** Aborted: the chunk under way is finished, and the call rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What is to be another one: at least one of these. */
export interface Change {
  /** Whole number from -10 to 10, bigger is sooner. */
  priority?: number;
  /** The queue that they go to. */
  queue?: string;
  /** When it is to start, also where it waits for its next attempt: a time, or how long from now. */
  runAt?: Date;
  /** The same as a time from now; one of the two. */
  delay?: Duration;
}
