// What operators ask for at run time, as types: routes, slots, draining, rates.
//
// Before this file come jobs and durations. After it come the client's types, and operate.ts.
import type { Duration } from "../kernel/index.js";
import type { BulkOptions } from "./bulk-types.js";

export interface RerouteOptions extends Pick<BulkOptions, "onProgress" | "signal"> {
  /** False: runs that wait stay where they are. Default: they move with the job. */
  waiting?: boolean;
}

export interface DrainQueueOptions {
  /** Hears how many of its runs are running, whenever that has changed. */
  onProgress?: (running: number) => void;
  /** Aborted: the call rejects with the signal's reason, and the queue stays paused. */
  signal?: AbortSignal;
}

export interface ThroughputOptions {
  /** From when on: a time, or how long ago; an hour unless given. Counts are kept for 30 days. */
  since?: Date | Duration;
  /** Summed up by queue, or by job; by queue unless given. */
  by?: "queue" | "job";
}
