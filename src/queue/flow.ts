// Flows: runs that come after each other, asked for together.
//
// `add` gives the handle of a run before anything is recorded, so that its id can be named by others; when the function
// that adds has returned, all are recorded in one insert.
//
// Before this file come requests. After it come the enqueue, and the store, which knows what waits for what.
import type { AnyContract } from "../job/index.js";
import { checkOptions, InvalidOptionError, newId } from "../kernel/index.js";
import type { Asking, Enqueue } from "./enqueue.js";
import type { RunHandle } from "./handle.js";
import type { GivenOptions } from "./request.js";

/** Adds a run to a flow, and gives its handle. */
type Add = (job: AnyContract, input?: unknown, options?: GivenOptions) => RunHandle;

export type BuildFlow = (flow: { readonly add: Add }) => unknown;

export function createFlow(parts: {
  readonly enqueue: Enqueue;
  /** The handle of a run that is not recorded yet. */
  readonly hand: (job: AnyContract, id: string) => RunHandle;
}): (build: BuildFlow, options?: { readonly tx?: unknown }) => Promise<unknown> {
  return async (build, options = {}) => {
    if (typeof build !== "function") {
      throw new InvalidOptionError(
        "duckdive.flow() needs a function that adds runs: flow(({ add }) => { const a = add(load); add(send, { after: [a] }) }).",
      );
    }
    checkOptions(options, ["tx"], "duckdive.flow()");
    const askings: Asking[] = [];
    const handles: RunHandle[] = [];
    const ids = new Set<string>();
    let isRecorded = false;
    const add: Add = (job, input, own) => {
      if (isRecorded) {
        throw new InvalidOptionError(
          "add() was called when its flow had been recorded. Call it before the function given to duckdive.flow() returns.",
        );
      }
      refuseTransaction(own);
      const id = own?.id ?? newId();
      if (ids.has(id)) {
        throw new InvalidOptionError(
          `The id ${id} was given twice in one flow. An id stands for one run: leave it out, or make a new one for each.`,
        );
      }
      ids.add(id);
      const handle = parts.hand(job, id);
      askings.push({ job, input, options: { ...own, id }, isFresh: own?.id === undefined });
      handles.push(handle);
      return handle;
    };
    const result = await build({ add });
    isRecorded = true;
    const inserted = await parts.enqueue.many(askings, options.tx);
    inserted.forEach((one, position) => {
      handles[position]?.recorded(one, options.tx !== undefined);
    });
    return result;
  };
}

function refuseTransaction(options: GivenOptions | undefined): void {
  if (options?.tx === undefined) return;
  throw new InvalidOptionError(
    "add() was given a `tx`, and a flow is recorded as a whole. Give it to duckdive.flow(build, { tx }).",
  );
}
