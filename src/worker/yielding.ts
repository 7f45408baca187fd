// A worker that yields: inside of a server it takes less on while the event loop is late, so that requests are answered.
//
// What a handler computes is time in which no request is answered, and so the lateness of the event loop is what says that
// there is too much of it. While it is later than it may be, the worker's slots are halved, again and again, down to the
// least; while it is not, they grow back by a tenth. Halving gives way at once, and growing by steps finds how much
// can be carried. What runs goes on: nothing can interrupt a handler that computes without a pause.
//
// Before this file comes the delay of the event loop. After it come the worker's slots.
import type { Clock, Timer } from "../kernel/index.js";
import type { Delay } from "../loop/index.js";

/** Between two looks, in milliseconds. */
const every = 200;
const growth = 0.1;

/** When a worker takes on less, so that the process that it lives in can answer. */
export interface Yielding {
  /** How late the event loop may be, in milliseconds. */
  readonly delay: number;
  /** How many slots of each queue are left at least. */
  readonly least: number;
}

export interface Governor {
  stop(): void;
}

/** @param onShare told the share of its slots that the worker draws with, from 0 to 1, when it has changed */
export function createGovernor(parts: {
  readonly clock: Clock;
  readonly delay: Delay;
  readonly limit: number;
  readonly onShare: (share: number) => void;
}): Governor {
  const { clock, delay, limit, onShare } = parts;
  const read = delay.reader();
  let share = 1;
  let timer: Timer = clock.after(every, look);

  function look(): void {
    const before = share;
    share = read() > limit ? share / 2 : Math.min(1, share + growth);
    // Less than this is the least of any queue.
    share = Math.max(share, 0.001);
    if (share !== before) onShare(share);
    timer = clock.after(every, look);
  }

  return {
    stop() {
      timer.cancel();
      delay.stop();
    },
  };
}

/** Between two ticks, in milliseconds: what is later than that by as much as a request notices is seen. */
const tick = 20;

/**
 * How late the event loop is, from tick to tick. Node's own histogram is blind for the first interval after each reading, which
 * is just when a worker that was given slots has begun to compute.
 */
export function measureLateness(): Delay {
  let last = performance.now();
  const latest: number[] = [];
  const ticking = setInterval(() => {
    const now = performance.now();
    const late = now - last - tick;
    last = now;
    for (const [reader, before] of latest.entries()) latest[reader] = Math.max(before, late);
  }, tick);
  ticking.unref();
  return {
    reader() {
      const own = latest.push(0) - 1;
      return () => {
        // Asked before the tick that is due: it is late by then already.
        const found = Math.max(latest[own] ?? 0, performance.now() - last - tick);
        latest[own] = 0;
        return found;
      };
    },
    stop: () => clearInterval(ticking),
  };
}

/** This share of the slots; of a queue that is drawn from, the least at least. */
export function shareOf(
  slots: Readonly<Record<string, number>>,
  share: number,
  least: number,
): Readonly<Record<string, number>> {
  if (share === 1) return slots;
  return Object.fromEntries(
    Object.entries(slots).map(([name, all]) => [
      name,
      Math.min(all, Math.max(least, Math.floor(all * share))),
    ]),
  );
}
