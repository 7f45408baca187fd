// Time, as something that is handed in. Whoever waits or looks at the clock is given one, so that a test moves
// the hands instead of sleeping, and the same code runs under both.
//
// The system clock is Date.now() and setTimeout, with one repair: Node fires a timer over 2^31 milliseconds at once,
// and a sleep of 30 days is longer than that. The manual clock fires what falls due in the order in which it is due,
// at its own time, and lets the program breathe in between, so that a timer set by a timer is met as well.
//
// Before this file comes nothing. After it come the services, the loop, and the testing kit.

/** A pending callback that can be called off. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  /** Calls it off. */
  cancel(): void;
}

/** What tells the time and wakes up. Times are milliseconds since 1970. */
export interface Clock {
  /** What time it is. */
  now(): number;
  /** Calls back once, after this many milliseconds. Keeps the process alive until then. */
  after(milliseconds: number, callback: () => void): Timer;
}

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves on by this many milliseconds, firing what falls due, in order, each at its own time. */
  advance(milliseconds: number): Promise<void>;
  /** Moves to this time; backwards as well, which fires nothing. */
  set(time: number): Promise<void>;
  /** When the earliest pending timer is due; undefined when none is. */
  nextTimer(): number | undefined;
}

/** setTimeout counts in 31 bits; anything over it fires immediately. */
const longestTimeout = 2 ** 31 - 1;

/** The computer's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    if (milliseconds > longestTimeout) return afterLong(milliseconds, callback);
    const timeout = setTimeout(callback, Math.max(0, milliseconds));
    return { cancel: () => clearTimeout(timeout) };
  },
};

function afterLong(milliseconds: number, callback: () => void): Timer {
  let timer = systemClock.after(longestTimeout, () => {
    timer = systemClock.after(milliseconds - longestTimeout, callback);
  });
  return { cancel: () => timer.cancel() };
}

interface Pending {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock for tests, standing at `start` (milliseconds since 1970). */
export function manualClock(start: number): ManualClock {
  let now = start;
  let moving: Promise<void> = Promise.resolve();
  const pending = new Set<Pending>();

  function earliest(): Pending | undefined {
    let found: Pending | undefined;
    for (const timer of pending) if (found === undefined || timer.due < found.due) found = timer;
    return found;
  }

  async function moveTo(target: () => number): Promise<void> {
    await turn();
    const end = target();
    for (let timer = earliest(); timer !== undefined && timer.due <= end; timer = earliest()) {
      pending.delete(timer);
      now = Math.max(now, timer.due);
      timer.callback();
      await turn();
    }
    now = end;
    await turn();
  }

  /** Two moves at once would fire timers out of order; the second waits for the first. */
  function move(target: () => number): Promise<void> {
    const moved = moving.then(() => moveTo(target));
    moving = moved.catch(() => {});
    return moved;
  }

  return {
    now: () => now,
    after(milliseconds, callback) {
      const timer: Pending = { due: now + Math.max(0, milliseconds), callback };
      pending.add(timer);
      return { cancel: () => void pending.delete(timer) };
    },
    async advance(milliseconds) {
      if (!(milliseconds >= 0))
        throw new RangeError(`A clock cannot be advanced by ${milliseconds} ms; use set().`);
      await move(() => now + milliseconds);
    },
    set: (time) => move(() => time),
    nextTimer: () => earliest()?.due,
  };
}

/** One pass of the event loop: every microtask and every setImmediate that was waiting has run after it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
