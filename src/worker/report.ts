// How a worker is: what it reports to the store with its heartbeats, and what it shows to its own process.
//
// Before this file come the tally of the loop and the delay of the event loop. After it come `duckdive workers`, the
// health of a runner and `worker.status()`.
import { type Delay, type LoopStatus, measureDelay } from "../loop/index.js";
import type { WorkerStatus } from "../queue/index.js";
import type { WorkerReport } from "../store/contract.js";

/** What only the worker itself knows. */
export interface Standing {
  readonly state: "working" | "quiet" | "stopping";
  /** It has entered the store, or will not any more. */
  readonly hasStarted: boolean;
  /** When the store last answered a sign of life, on the clock of `performance`. */
  readonly beatAt: number | undefined;
  readonly queues: Readonly<Record<string, number>>;
}

export interface Reporter {
  report(): WorkerReport;
  status(): WorkerStatus;
  stop(): void;
}

export function createReporter(
  loop: () => LoopStatus & Pick<WorkerStatus, "retained">,
  standing: () => Standing,
  delay: Delay = measureDelay(),
): Reporter {
  const delayReported = delay.reader();
  const delayShown = delay.reader();
  return {
    report() {
      const { state, queues } = standing();
      const { leaked, retained } = loop();
      const about = {
        state,
        memory: process.memoryUsage.rss(),
        delay: delayReported(),
        leaked: leaked.length,
      };
      return { ...about, queues, ...(retained === undefined ? {} : { retained }) };
    },
    status() {
      const { state, hasStarted, beatAt, queues } = standing();
      return {
        ...loop(),
        state: hasStarted ? state : "starting",
        lastBeat: beatAt === undefined ? undefined : performance.now() - beatAt,
        memory: process.memoryUsage.rss(),
        delay: delayShown(),
        queues,
      };
    },
    stop: delay.stop,
  };
}
