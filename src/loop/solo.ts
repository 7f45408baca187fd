// A run on its last chance executes alone in its worker: the worker holds nothing else then.
//
// Such a run has taken workers down before, and once more makes it poison. Alone it can hurt nobody else; and should the
// worker die, by whatever cause and without a last word, nobody else can be blamed for it, because every run that a dead
// worker held may be. So it does not even wait here for its turn: met among others it goes back at once, the worker lets
// what it executes end, and claims again, one single run of the queue where it met it. Others may have taken it by then.
//
// Every worker meets it in turn, so that all may wait at once, and some execute what takes hours. Therefore the waiting has
// an end: who is held up for longer fetches again, and puts such a run off when it meets it, until what held it up has
// ended. Sooner or later it comes to a worker that can be alone.
//
// Before this file comes a claim. After it come the executions.
import type { Clock, Timer } from "../kernel/index.js";

/** How long a worker waits for what it executes to end; and for how long a run is put off by one that was held up. */
const longestWait = 10_000;
export const putOffBy = 10_000;

export interface Solo {
  /** It waits until it holds nothing, to claim a run that executes alone, or it executes one. */
  readonly isWanted: boolean;
  /** The free slots to ask for: all, or the one for a run that may have to be alone. */
  narrow(free: Readonly<Record<string, number>>): Readonly<Record<string, number>>;
  /**
   * Whether a claimed run is executed; false: it goes back. To be asked of each run of a claim.
   *
   * @param name whose slot it has
   * @param isOnly the worker holds nothing else
   */
  admit(name: string, isLastChance: boolean, isOnly: boolean): boolean;
  /**
   * Such a claim found nothing. True when it is not the first in a row: several workers meet the same runs, give them
   * back and look for them all at once, so that one of them has them in hand whenever another looks.
   */
  missed(): boolean;
  /** It has waited for too long: a run that must be alone comes back later, not at once. */
  readonly isHeldUp: boolean;
  /** This execution has ended. */
  ended(execution: unknown): void;
  /** Waits for nothing any more. */
  end(): void;
}

/**
 * @param running what is executed
 * @param onHeldUp it may fetch again
 */
export function createSolo(
  clock: Pick<Clock, "after">,
  running: ReadonlySet<unknown>,
  onHeldUp: () => void,
): Solo {
  /** Of which slots the next claim takes one run only. */
  let wanted: string | undefined;
  let isNarrow = false;
  /** Claims in vain since something was executed. */
  let misses = 0;
  let patience: Timer | undefined;
  /** What went on for longer than it waited. */
  let heldUpBy = new Set<unknown>();

  function rest(): void {
    patience?.cancel();
    patience = undefined;
  }

  function wait(name: string): void {
    if (wanted !== undefined || heldUpBy.size > 0) return;
    wanted = name;
    patience = clock.after(longestWait, () => {
      patience = undefined;
      // What holds it up may be the store, which has not answered: then there is nothing to fetch either.
      if (running.size === 0) return;
      wanted = undefined;
      heldUpBy = new Set(running);
      onHeldUp();
    });
  }

  return {
    get isWanted() {
      return wanted !== undefined;
    },
    narrow(free) {
      isNarrow = wanted !== undefined;
      rest();
      if (wanted === undefined) return free;
      const name = wanted;
      return Object.fromEntries(
        Object.entries(free).map(([each, slots]) => [each, each === name ? Math.min(1, slots) : 0]),
      );
    },
    admit(name, isLastChance, isOnly) {
      if (!isNarrow && isLastChance && !isOnly) {
        wait(name);
        return false;
      }
      misses = 0;
      if (!isNarrow) {
        if (isLastChance) wanted = name;
        return true;
      }
      // Where one was, more may be: whoever crashed beside it. So the next claim is as careful.
      if (!isLastChance) wanted = undefined;
      return true;
    },
    missed() {
      if (!isNarrow) return false;
      wanted = undefined;
      misses += 1;
      return misses > 1;
    },
    get isHeldUp() {
      return heldUpBy.size > 0;
    },
    ended: (execution) => void heldUpBy.delete(execution),
    end: rest,
  };
}
