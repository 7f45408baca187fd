// What brings the loop and durable work together: the record of a run, read and written through the store.
//
// A write that the store did not take because it was away is sent again until it is taken, or the execution is told to
// stop: what a step has done is done, and must be remembered.
//
// Before this file come the loop and `durable/`, which do not know each other. After it comes the environment of a worker.
import { createDurable } from "../durable/index.js";
import { carriedMeta, prepareInput } from "../job/index.js";
import type { Clock, Events } from "../kernel/index.js";
import type { MakeDurable } from "../loop/index.js";
import type { Composed, StepCall } from "../middleware/index.js";
import { newRunOf } from "../queue/index.js";
import { ForeignAwaitError, originOf, type RunEvents } from "../run/index.js";
import type { Claimed, Entry, NewRun, Store } from "../store/contract.js";
import { mayPass } from "../store/errors.js";
import { inheritedLocks } from "./inherited.js";

/** Between two tries to reach a store that is away, in milliseconds. */
const pause = 200;

interface Parts {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: Events<RunEvents>;
  readonly random: () => number;
  readonly release: string | undefined;
  readonly aroundStep?: Composed<StepCall> | undefined;
}

export function durableMaker(parts: Parts): MakeDurable {
  const { store, clock, events, random, release, aroundStep } = parts;
  return ({ claimed, retry, history, signal, onLost }) => {
    const { run, job, meta } = claimed;
    const tell = (error: unknown): void => events.emit("error", { error, where: "durable", run, job });
    return createDurable({
      run,
      origin: originOf(run, history),
      job,
      now: claimed.startedAt,
      retry,
      clock,
      random,
      signal,
      aroundStep,
      find: (ids) => store.find(ids),
      heldLocks: inheritedLocks(store, run),
      async newRun(contract, input, options) {
        const prepared = await prepareInput(contract, input);
        return newRunOf(contract, prepared, { ...options, meta: { ...meta, ...carriedMeta() } }, release);
      },
      onLost,
      onLife: (call) => tell(lateLife(claimed, call)),
      journal: {
        history: new Map(history.map((entry) => [entry.name, entry])),
        write: (entries, children, after) =>
          persist({ claimed, entries, children, after }, parts, signal, tell),
      },
    });
  };
}

interface Write {
  readonly claimed: Claimed;
  readonly entries: readonly Entry[];
  readonly children: readonly NewRun[];
  readonly after: number;
}

async function persist(
  { claimed, entries, children, after }: Write,
  { store, clock }: Parts,
  signal: () => AbortSignal,
  tell: (error: unknown) => void,
): Promise<readonly Entry[] | undefined> {
  const { run, token, claim } = claimed;
  for (;;) {
    try {
      const [answer] = await store.record([{ run, token, claim, entries, children, after }]);
      return answer?.taken ? answer.settled : undefined;
    } catch (error) {
      if (!mayPass(error) || signal().aborted) throw error;
      tell(error);
      await new Promise<void>((resolve) => void clock.after(pause, resolve));
    }
  }
}

/** A suspended handler waits for nothing but durable calls; one that goes on waited for something else as well. */
function lateLife({ run, job }: Claimed, call: string): ForeignAwaitError {
  return new ForeignAwaitError(
    `Run ${run} of job "${job}" was suspended in a wait, and its handler went on all the same: ${call}. It raced a wait ` +
      "against a promise that duckdive does not see, and what it did after that is not kept. Put that work into " +
      "ctx.step, or give the step a `timeout`.",
  );
}
