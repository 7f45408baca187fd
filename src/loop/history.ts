// The history of one run, as one execution of it sees it: which durable calls are done, and which were made just now.
//
// What earlier executions recorded is read once, and only when the handler makes a durable call at all. A name is used
// once in an execution, since it is by its name that a call is found again.
//
// Before this file comes the store's record of the run. After it come the calls, each of which begins here.
import { checkName } from "../job/index.js";
import type { Claimed, Entry, Store } from "../store/contract.js";
import { HistoryMismatchError, StepNameTwiceError } from "../run/index.js";

export interface History {
  /**
   * Begins a durable call. Answers what an earlier execution recorded under its name; undefined: it is made first now.
   *
   * @throws InvalidOptionError, StepNameTwiceError, HistoryMismatchError
   */
  begin(name: string, kind: Entry["kind"]): Promise<Entry | undefined>;
  /** What stands under a name now. */
  look(name: string): Promise<Entry | undefined>;
}

export function createHistory(claimed: Claimed, store: Store): History {
  const { run, job } = claimed;
  const begun = new Set<string>();
  let known: Promise<ReadonlyMap<string, Entry>> | undefined;

  async function read(): Promise<ReadonlyMap<string, Entry>> {
    return new Map((await store.entries(run)).map((entry) => [entry.name, entry]));
  }

  function earlier(): Promise<ReadonlyMap<string, Entry>> {
    known ??= read().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  return {
    async begin(name, kind) {
      checkName(name, `ctx.${kind}`);
      if (begun.has(name)) {
        throw new StepNameTwiceError(
          `Job "${job}" used the name "${name}" twice in one execution, and a call is remembered by its name. ` +
            `Give each its own, in a loop with what it is about: \`charge ${"$"}{item.id}\`.`,
        );
      }
      begun.add(name);
      const entry = (await earlier()).get(name);
      if (entry !== undefined && entry.kind !== kind) {
        throw new HistoryMismatchError(
          `Job "${job}" asks for ctx.${kind} "${name}", and run ${run} has recorded ctx.${entry.kind} under that name: the ` +
            "handler has changed since the run began. Give the new call a name of its own.",
        );
      }
      return entry;
    },
    look: async (name) => (await read()).get(name),
  };
}
