// What an execution in an isolate may ask of its worker's store.
//
// Only what handlers need is there: claims, heartbeats and settlements stay with the worker, which alone decides.
//
// Before this file comes a call from an isolate. After it comes the store.
import type { Notes } from "../loop/index.js";
import type { Store } from "../store/contract.js";

/** The verbs of the store that are passed on as they are. */
export const servedVerbs = [
  "insert",
  "record",
  "entries",
  "find",
  "standing",
  "owns",
  "batches",
  "committed",
] as const satisfies readonly (keyof Store)[];

/** Beside them: writes what executions have said. */
export const flushNotes = "flushNotes";

type Verb = (...given: readonly unknown[]) => unknown;

/** Does what an isolate asks for. @throws TypeError for what is not served, and whatever the store throws */
export async function serve(
  store: Store,
  notes: Notes,
  { verb, given }: { readonly verb: string; readonly given: readonly unknown[] },
): Promise<unknown> {
  if (verb === flushNotes) return notes.flush();
  const known = servedVerbs.find((one) => one === verb);
  if (known === undefined) throw new TypeError(`An isolate has no ${verb}.`);
  return (store[known] as Verb)(...given);
}
