// How a worker enters the store: as soon as it is there, however long it is away.
//
// A store that is away is asked again, at first soon and then about once a second. Any other refusal is final. Whoever
// stops the worker meanwhile hurries the rest between two questions: it asks once more, and then gives up.
//
// Before this file comes a worker that was made. After it come its heartbeats, its services and its loop.
import type { Clock } from "../kernel/index.js";
import { isOutage } from "../store/errors.js";

/** How long it rests between two questions, in milliseconds: at first, and at most. */
const firstPause = 50;
const longestPause = 1_000;

export interface Entrance {
  /** Resolves when `enter` has; rejects with what is not an outage, or with anything once nobody wants to enter. */
  open(): Promise<void>;
  /** Ends the rest that is under way. */
  hurry(): void;
}

export function createEntrance(parts: {
  readonly clock: Clock;
  readonly enter: () => Promise<void>;
  readonly isWanted: () => boolean;
  readonly onOutage: (error: unknown) => void;
}): Entrance {
  const { clock, enter, isWanted, onOutage } = parts;
  let hurry: () => void = () => {};

  function rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(milliseconds, resolve);
      hurry = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  return {
    async open() {
      for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
        try {
          return await enter();
        } catch (error) {
          if (!isWanted() || !isOutage(error)) throw error;
          onOutage(error);
          await rest(pause);
        }
      }
    },
    hurry: () => hurry(),
  };
}
