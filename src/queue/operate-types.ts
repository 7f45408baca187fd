// What operators ask for at run time, as types: routes, slots, draining, rates.
//
// Before this file come jobs and durations. After it come the client's types, and operate.ts.
import type { Duration } from "../kernel/index.js";
import type { BulkOptions } from "./bulk-types.js";

/** What becomes of the runs of a job that is rerouted. */
export interface RerouteOptions extends Pick<BulkOptions, "onProgress" | "signal"> {
  /** False: runs that wait stay where they are. Default: they move with the job. */
  waiting?: boolean;
}

/** How the draining of a queue is followed, and given up. */
export interface DrainQueueOptions {
  /** Hears how many of its runs are running, whenever that has changed. */
  onProgress?: (running: number) => void;
  /** Aborted: the call rejects with the signal's reason, and the queue stays paused. */
  signal?: AbortSignal;
}

/** Which time metrics are of. */
export interface MetricsOptions {
  /**
   * From when on: a time, or how long ago; an hour unless given. Points are of minutes for up to three hours, and of hours for
   * more than that, up to 30 days.
   */
  since?: Date | Duration;
}

/** Which time throughput is of, and what it is summed up by. */
export interface ThroughputOptions {
  /**
   * From when on: a time, or how long ago; an hour unless given. Counts are kept for 30 days; from three hours ago on they
   * are of whole hours.
   */
  since?: Date | Duration;
  /** Summed up by queue, or by job; by queue unless given. */
  by?: "queue" | "job";
}
