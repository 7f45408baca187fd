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
  let deadline = Number.POSITIVE_INFINITY;
  let timer: Timer | undefined;
  let hasEnded = false;
  let resolve: () => void = () => {};
  const over = new Promise<void>((settle) => {
    resolve = settle;
  });

  return {
    over,
    within(milliseconds) {
      const at = clock.now() + milliseconds;
      if (hasEnded || at >= deadline) return;
      deadline = at;
      timer?.cancel();
      timer = clock.after(milliseconds, () => {
        onDeadline(milliseconds);
        deadline = Number.POSITIVE_INFINITY;
        resolve();
      });
    },
    end() {
      hasEnded = true;
      timer?.cancel();
    },
  };
}
