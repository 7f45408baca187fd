// Transactional work: `ctx.tx` and `ctx.succeed`, in transactions of the application's own library.
//
// The adapter begins a transaction, the handler's function writes in it, and the last statement is duckdive's: it records
// the call, or ends the run, under the fence. So either all of it is there, or nothing is: a worker that dies before the
// commit has done nothing, and one that dies after it finds the call remembered, or the run ended.
//
// Whether a commit whose answer was lost took place is asked of the store, which waits until that is decided: only then
// does the handler hear anything.
//
// Before this file come the handler's `ctx` and the adapter. After it come the store's `recordIn` and `settleIn`.
import { AsyncLocalStorage } from "node:async_hooks";
import { type Adapter, defaults, storeOutput } from "../job/index.js";
import { encode, InvalidOptionError, insideOf, outerCall } from "../kernel/index.js";
import { ClaimLostError, NestedStepError, type Settlement, transition } from "../run/index.js";
import type { Claimed, Entry } from "../store/contract.js";
import type { Environment, KnownJob } from "./environment.js";
import type { Notes } from "./notes.js";

/** Between two questions to a store that is away, in milliseconds. */
const pause = 500;

/** What a handler gave to `ctx.tx` or `ctx.succeed`. */
type Work = (tx: never) => unknown;

/** The output of a run that `ctx.succeed` would have ended cannot be stored; everything was rolled back. */
export class OutputRefused {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

export interface Transactions {
  /** Does the work and remembers it, in one transaction. Answers what is on record by that. */
  tx(name: string, work: Work): Promise<readonly Entry[]>;
  /**
   * The work of `ctx.succeed`, which is done after the handler has returned: in the async context that it was given in.
   *
   * @throws InvalidOptionError where there is no adapter, NestedStepError
   */
  prepare(work: Work): Work;
  /** Does the work and ends the run, in one transaction. */
  succeed(work: Work, known: KnownJob): Promise<Settlement | OutputRefused>;
}

export function createTransactions(parts: {
  readonly claimed: Claimed;
  readonly environment: Environment;
  readonly notes: Notes;
  /** The claim is gone: the execution has to stop. */
  readonly onLost: () => void;
  readonly isStopped: () => boolean;
  /** The highest position on record that this execution knows. */
  readonly after: () => number;
}): Transactions {
  const { claimed, environment, notes, onLost, isStopped, after } = parts;
  const { store } = environment;
  const { run, token, claim, job } = claimed;
  const fence = claim === undefined ? { run, token } : { run, token, claim };

  /** One transaction. `write` answers whether the store took it; `isThere` whether it is there although it failed. */
  async function commit(
    what: string,
    write: (adapter: Adapter<unknown, boolean>, tx: unknown) => Promise<boolean>,
    isThere: () => Promise<boolean>,
  ): Promise<void> {
    const adapter = adapterFor(what, environment);
    let isTaken = false;
    try {
      await adapter.transaction(async (tx) => {
        isTaken = await write(adapter, tx);
        if (!isTaken) throw lost(what);
      });
    } catch (error) {
      if (!isTaken) throw error;
      const fate = await fateOf(what, isThere);
      if (fate === "lost") throw lost(what, error);
      if (fate !== "kept") throw error;
    }
  }

  /** What became of a transaction whose commit was answered with an error, or not at all. */
  async function fateOf(
    what: string,
    isThere: () => Promise<boolean>,
  ): Promise<"kept" | "undone" | "lost" | "unknown"> {
    for (;;) {
      try {
        const isOwner = await store.owns(fence);
        if (await isThere()) return "kept";
        return isOwner ? "undone" : "lost";
      } catch (error) {
        environment.events.emit("error", { error, where: what, run, job });
        if (isStopped()) return "unknown";
        await new Promise<void>((resolve) => void environment.clock.after(pause, resolve));
      }
    }
  }

  function lost(what: string, cause?: unknown): ClaimLostError {
    onLost();
    return new ClaimLostError(
      `This execution of run ${run} has lost its claim: the run belongs to another execution, or has ended. Nothing of ` +
        `${what} was kept. Let the error go; what is left to do is done by whoever has the run now.`,
      cause === undefined ? undefined : { cause },
    );
  }

  async function hasSucceeded(): Promise<boolean> {
    const [found] = await store.find([run]);
    return found?.state === "succeeded" && found.token === token;
  }

  return {
    async tx(name, work) {
      adapterFor("ctx.tx", environment);
      const what = `ctx.tx "${name}"`;
      let recorded: readonly Entry[] = [];
      await commit(
        what,
        async (adapter, tx) => {
          const given = await insideOf(what, () => work(tx as never));
          const value = encode(given, {
            what: `The result of ${what} of job "${job}"`,
            limit: defaults.inputLimit,
          });
          const entry = { name, kind: "tx", state: "done", value } as const;
          const write = { ...fence, entries: [entry], after: after() };
          const answer = await store.recordIn(adapter.connectionOf(tx), write);
          if (answer.taken) recorded = answer.settled;
          return answer.taken;
        },
        async () => (await store.entries(run)).some((entry) => entry.name === name),
      );
      return recorded;
    },
    prepare(work) {
      refuseNested("succeed");
      adapterFor("ctx.succeed", environment);
      const inContext = AsyncLocalStorage.snapshot();
      return (tx) => inContext(() => insideOf("ctx.succeed", () => work(tx)));
    },
    async succeed(work, known) {
      let settlement: Settlement | undefined;
      let refused: OutputRefused | undefined;
      const held = await notes.hold(fence);
      try {
        await commit(
          "ctx.succeed",
          async (adapter, tx) => {
            const given = await work(tx as never);
            try {
              const output = await storeOutput(known.job, given);
              settlement = transition(claimed, { how: "returned", output }, known.policy, environment.random);
            } catch (error) {
              refused = new OutputRefused(error);
              throw error;
            }
            const settled = await store.settleIn(adapter.connectionOf(tx), settlement, held.notes);
            return settled.taken;
          },
          hasSucceeded,
        );
        held.drop();
      } catch (error) {
        held.release();
        if (refused !== undefined) return refused;
        throw error;
      }
      if (settlement === undefined) throw new TypeError(`The adapter of ${job} committed nothing.`);
      store.committed(settlement);
      return settlement;
    },
  };
}

function adapterFor(what: string, { adapter }: Environment): Adapter<unknown, boolean> {
  if (adapter !== undefined) return adapter;
  throw new InvalidOptionError(
    `${what} works in a transaction of the application's own, and this worker was given none. Name the adapter where ` +
      "the worker is opened: open(store, { with: … }), such as drizzle(db), pg(pool) or sqlite(handle).",
  );
}

function refuseNested(kind: string): void {
  const outer = outerCall();
  if (outer === undefined) return;
  throw new NestedStepError(
    `ctx.${kind} was called inside of ${outer}, whose transaction would not carry it. Write with the \`tx\` that was ` +
      "given, or make the two calls one after the other.",
  );
}
