// Beginning anew: what is left on record of the times before, and what ids are made of.
//
// A run that begins anew forgets what it recorded, so names come again. What was asked for under them before must not be taken for
// what is asked for now: ids are made of the run and of how often it has begun.
//
// Before this file come the entries of a run. After it come its durable calls.
import { derivedId } from "../kernel/index.js";

/** The one entry that such a run begins with. */
export interface RestartEntry {
  readonly name: string;
  readonly kind: "restart";
  readonly state: "done";
  readonly value: string;
}

/** No name that a handler may use. */
const name = "\u2192 restart";

export function restartEntry(times: number): RestartEntry {
  return { name, kind: "restart", state: "done", value: String(times) };
}

/** How often a run has begun anew, by what is on record. */
export function restartsIn(
  entries: Iterable<{ readonly kind: string; readonly value?: string | undefined }>,
): number {
  for (const { kind, value } of entries) if (kind === "restart") return Number(value);
  return 0;
}

/** What the ids of a run's children, steps and requests are made of. */
export function originOf(
  run: string,
  entries: Iterable<{ readonly kind: string; readonly value?: string | undefined }>,
): string {
  const times = restartsIn(entries);
  return times === 0 ? run : derivedId(run, `restart/${times}`);
}

/** The id of a child by the name of its call; of many that one call starts, by its number as well, from 0. */
export function childId(origin: string, call: string, number?: number): string {
  return derivedId(origin, number === undefined ? `child/${call}` : `child/${call}/${number}`);
}
