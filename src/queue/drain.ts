// Waiting until a paused queue has run empty.
//
// It looks four times a second, which costs a store next to nothing, and twice when nothing runs: a claim that was under
// way when the queue was paused may come to light after it.
//
// Before this file comes `duckdive.drainQueue`, which has paused the queue. After it comes whoever stops, moves or deploys.
import type { Clock } from "../kernel/index.js";
import type { DrainQueueOptions } from "./operate-types.js";
import type { QueueState } from "./types.js";

/** In milliseconds. */
const pause = 250;

/** The queue as it is left. */
export async function untilNothingRuns(
  parts: DrainQueueOptions & {
    readonly clock: Clock;
    readonly queue: string;
    readonly queues: () => Promise<QueueState[]>;
  },
): Promise<QueueState> {
  const { clock, queue, queues, onProgress, signal } = parts;
  let last: number | undefined;
  for (let timesEmpty = 0; ; ) {
    signal?.throwIfAborted();
    const found = (await queues()).find(({ name }) => name === queue) ?? empty(queue);
    if (found.running !== last) onProgress?.(found.running);
    last = found.running;
    timesEmpty = found.running === 0 ? timesEmpty + 1 : 0;
    if (timesEmpty === 2) return found;
    await rest(clock, signal);
  }
}

function rest(clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.after(pause, end);
    signal?.addEventListener("abort", end);
  });
}

function empty(name: string): QueueState {
  const nothing = { scheduled: 0, ready: 0, running: 0, waiting: 0 };
  return { name, paused: true, ...nothing, oldest: undefined, heldUntil: undefined, slots: undefined };
}
