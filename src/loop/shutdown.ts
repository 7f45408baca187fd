// How long a stopping worker waits for its handlers: until a deadline, which may only come nearer.
//
// The first `stop` sets it, a second one with less time moves it, one with more changes nothing. At the deadline
// whoever still runs is told to stop, and `over` resolves. A worker whose handlers all end before calls `end`, so that
// no timer keeps its process alive.
import type { Clock, Timer } from "../kernel/index.js";

export interface Shutdown {
  /** Resolves at the deadline. */
  readonly over: Promise<void>;
  /** The deadline is this many milliseconds from now, unless it is nearer already. */
  within(milliseconds: number): void;
  /** There is nobody to wait for any more. */
  end(): void;
}

/** `onDeadline` is called with how much time there was; again when the deadline has passed and is moved nearer still. */
export function createShutdown(clock: Clock, onDeadline: (milliseconds: number) => void): Shutdown {
  /** One for each wish: whichever is over first is the deadline. No times are compared, since the clock may be set. */
  const timers = new Set<Timer>();
  let hasEnded = false;
  let resolve: () => void = () => {};
  const over = new Promise<void>((settle) => {
    resolve = settle;
  });

  function cancelAll(): void {
    for (const timer of timers) timer.cancel();
    timers.clear();
  }

  return {
    over,
    within(milliseconds) {
      if (hasEnded) return;
      timers.add(
        clock.after(milliseconds, () => {
          cancelAll();
          onDeadline(milliseconds);
          resolve();
        }),
      );
    },
    end() {
      hasEnded = true;
      cancelAll();
    },
  };
}
