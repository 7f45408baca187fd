// Where a call that acts on many runs has come to, as a text that people can copy.
//
// It holds when the call began, so that going on leaves the same newcomers alone, on how many runs something was done,
// and the store's own place. It says whose it is: one of `retry` must not be gone on with by `delete`.
//
// Before and after this file comes act.ts.
import { InvalidOptionError } from "../kernel/index.js";

export interface Place {
  /** When the call began, on the store's clock. */
  readonly began: number;
  readonly done: number;
  /** Undefined: at the beginning. */
  readonly at: string | undefined;
}

export function placeIn({ began, done, at }: Place, verb: string): string {
  return Buffer.from(JSON.stringify([verb, began, done, at])).toString("base64url");
}

/** @throws InvalidOptionError */
export function placeOf(cursor: string, verb: string): Place {
  const place = read(cursor);
  if (place !== undefined && place.verb === verb) return place;
  const whose = place === undefined ? "no cursor" : `a cursor of duckdive.${place.verb}()`;
  throw new InvalidOptionError(
    `The \`from\` of duckdive.${verb}() is ${whose}. Use the last one that the same call told, or leave it out and begin anew.`,
  );
}

function read(cursor: string): (Place & { readonly verb: string }) | undefined {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (!Array.isArray(values)) return undefined;
    const [verb, began, done, at] = values as unknown[];
    if (typeof verb !== "string" || typeof at !== "string") return undefined;
    return Number.isSafeInteger(began) && Number.isSafeInteger(done)
      ? { verb, began: began as number, done: done as number, at }
      : undefined;
  } catch {
    return undefined;
  }
}
