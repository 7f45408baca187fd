// How late the event loop of this process is: what a handler that computes without a pause does to all others.
//
// Node measures it beside the JavaScript, so that an idle worker stays idle. Whoever asks is told the longest since
// they asked before.
//
// Before this file comes nothing. After it come a worker's reports.
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Milliseconds between two looks: what is later than that is seen, and ten looks a second cost nothing to speak of. */
const resolution = 100;
const nanoseconds = 1e6;

export interface Delay {
  /** A question of its own: the longest delay since it was asked before, in milliseconds. */
  readonly reader: () => () => number;
  stop(): void;
}

export function measureDelay(): Delay {
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  const longest: number[] = [];

  function look(): void {
    const late = histogram.count === 0 ? 0 : Math.max(0, histogram.max / nanoseconds - resolution);
    histogram.reset();
    for (const [reader, before] of longest.entries()) longest[reader] = Math.max(before, late);
  }

  return {
    reader() {
      const own = longest.push(0) - 1;
      return () => {
        look();
        const found = longest[own] ?? 0;
        longest[own] = 0;
        return Math.round(found);
      };
    },
    stop: () => void histogram.disable(),
  };
}
