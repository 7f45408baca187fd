// How a worker knows that others may take it for dead: it could not show that it lives for nearly as long as they wait.
//
// Others count from what they saw last, so here it counts from the moment of asking. Before they may give the runs of a
// silent worker away, it is told, and stops executing them.
//
// Before this file comes the store's patience. After it comes the worker, whose heartbeats pass through here.
import type { Clock, Timer } from "../kernel/index.js";

export interface Life {
  /** Registers or beats, and counts from then if that could be done. */
  show<T>(ask: () => Promise<T>): Promise<T>;
  /** There is nobody any more who could be silent. */
  end(): void;
}

/** Calls `onSilence` when nothing was shown for this many milliseconds; never, without a limit. */
export function createLife(clock: Clock, limit: number | undefined, onSilence: () => void): Life {
  let silence: Timer | undefined;
  let isOver = false;
  return {
    async show(ask) {
      if (limit === undefined) return ask();
      const next = clock.after(limit, onSilence);
      try {
        const answer = await ask();
        silence?.cancel();
        silence = next;
        if (isOver) next.cancel();
        return answer;
      } catch (error) {
        next.cancel();
        throw error;
      }
    },
    end() {
      isOver = true;
      silence?.cancel();
    },
  };
}
