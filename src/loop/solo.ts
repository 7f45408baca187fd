// A run on its last chance executes alone in its worker: the worker holds nothing else then.
//
// Such a run has taken workers down before, and once more makes it poison. Alone it can hurt nobody else; and should the
// worker die, by whatever cause and without a last word, nobody else can be blamed for it, because every run that a dead
// worker held may be. So it does not even wait here for its turn: met among others it goes back at once, the worker lets
// what it executes end, and claims again, one single run of the queue where it met it. Others may have taken it by then.
//
// Pure. Before this file comes a claim. After it come the executions.
export interface Solo {
  /** It waits until it holds nothing, to claim a run that executes alone, or it executes one. */
  readonly isWanted: boolean;
  /** The free slots to ask for: all, or the one for a run that may have to be alone. */
  narrow(free: Readonly<Record<string, number>>): Readonly<Record<string, number>>;
  /**
   * Whether a claimed run is executed; false: it goes back. To be asked of each run of a claim.
   *
   * @param name whose slot it has
   */
  admit(name: string, isLastChance: boolean): boolean;
  /** Such a claim found nothing. */
  missed(): void;
}

export function createSolo(): Solo {
  /** Of which slots the next claim takes one run only. */
  let wanted: string | undefined;
  let isNarrow = false;

  return {
    get isWanted() {
      return wanted !== undefined;
    },
    narrow(free) {
      isNarrow = wanted !== undefined;
      if (wanted === undefined) return free;
      const name = wanted;
      return Object.fromEntries(
        Object.entries(free).map(([each, slots]) => [each, each === name ? Math.min(1, slots) : 0]),
      );
    },
    admit(name, isLastChance) {
      if (!isNarrow) {
        if (isLastChance) wanted ??= name;
        return !isLastChance;
      }
      // Where one was, more may be: whoever crashed beside it. So the next claim is as careful.
      if (!isLastChance) wanted = undefined;
      return true;
    },
    missed() {
      if (isNarrow) wanted = undefined;
    },
  };
}
