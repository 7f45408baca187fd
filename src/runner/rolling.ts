// Replacing workers that live, one at a time, so that there is never one fewer than there should be.
//
// Each time the new one is ready before the old one is told to stop. A round replaces all of them; who asks for a round
// while one is under way gets another after it, because what made them ask may have come too late for the first. When
// a new one cannot start, the round ends there: what works goes on working.
//
// Before this file comes the crew, which replaces one. After it comes the runner.
import { type Later, later } from "./later.js";

export interface Rolling {
  /** Replaces every worker. Resolves when the round that was asked for is over, whether it succeeded or not. */
  round(why: string): Promise<void>;
  /** Replaces one, when it is its turn. Asking again while it waits does nothing. */
  one(slot: number, why: string): void;
  /** Begins nothing any more. */
  end(): void;
}

export interface RollingParts {
  readonly slots: readonly number[];
  /** Resolves when the old one is gone; false: the new one could not start, and the old one goes on. */
  readonly replace: (slot: number, why: string) => Promise<boolean>;
  readonly onRound: (what: "begun" | "done" | "failed", why: string) => void;
}

interface Round extends Later<void> {
  readonly why: string;
}

export function createRolling({ slots, replace, onRound }: RollingParts): Rolling {
  const single = new Map<number, string>();
  let next: Round | undefined;
  let isAtWork = false;
  let isOver = false;

  async function all({ why, resolve }: Round): Promise<void> {
    single.clear();
    onRound("begun", why);
    let went = true;
    for (const slot of slots) {
      if (isOver || !went) break;
      went = await replace(slot, why);
    }
    if (!isOver) onRound(went ? "done" : "failed", why);
    resolve();
  }

  async function work(): Promise<void> {
    if (isAtWork) return;
    isAtWork = true;
    while (!isOver) {
      const round = next;
      next = undefined;
      const [waiting] = single;
      if (round !== undefined) await all(round);
      else if (waiting === undefined) break;
      else {
        await replace(...waiting);
        single.delete(waiting[0]);
      }
    }
    isAtWork = false;
    if (isOver) next?.resolve();
  }

  return {
    round(why) {
      if (isOver) return Promise.resolve();
      next ??= { why, ...later<void>() };
      const { promise } = next;
      void work();
      return promise;
    },
    one(slot, why) {
      if (single.has(slot)) return;
      single.set(slot, why);
      void work();
    },
    end() {
      isOver = true;
      if (!isAtWork) next?.resolve();
    },
  };
}
