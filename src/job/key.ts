// The keys of rules: which runs a lock, a limit, a rate or a unique rule puts together, as one text.
//
// A key is read by people ("account-sync accountId=7" is what a run waits for) and compared by stores, so it is short,
// clean, and never the same for two things that differ: values are JSON, and names with anything unusual in them are
// quoted. A text that is too long keeps its beginning and ends in a hash of the whole.
//
// Before this file come the parsed input and the rules as written. After it comes admission.ts.
import { createHash } from "node:crypto";
import { encode } from "../kernel/index.js";
import { InvalidKeyError } from "./errors.js";
import { show } from "./names.js";
import type { By } from "./policy-types.js";

/** Which job and which of its options a key is made for, for messages: `concurrency[1].by`. */
export interface KeyPlace {
  readonly job: string;
  readonly option: string;
}

/** A rule's `by` for one input: a text of the application's own, or fields and their values. */
export type Part = { readonly text: string } | { readonly fields: readonly (readonly [string, string])[] };

/** Characters of a key, at most. */
export const longestKey = 500;

const plain = /^[\w.:/@-]+$/;

/**
 * What a rule's `by` says of an input; undefined: the rule is not for this run.
 *
 * @throws InvalidKeyError
 */
export function partOf(by: By<never>, input: unknown, place: KeyPlace): Part | undefined {
  if (typeof by === "function") return textOf(by, input, place);
  const names: readonly string[] = typeof by === "string" ? [by] : by;
  return { fields: names.map((name) => [name, fieldOf(name, input, place)] as const) };
}

function textOf(by: (input: never) => unknown, input: unknown, place: KeyPlace): Part | undefined {
  let text: unknown;
  try {
    text = by(input as never);
  } catch (cause) {
    throw new InvalidKeyError(`threw: ${cause instanceof Error ? cause.message : String(cause)}`, {
      ...place,
      remedy: "It sees every input that the schema accepts, and has to answer each",
      cause,
    });
  }
  if (text === null) return undefined;
  const remedy = "Give a text, or null where the rule is not for this run";
  if (typeof text !== "string") {
    const isPromise = typeof text === "object" && "then" in (text as object);
    throw new InvalidKeyError(`gave ${isPromise ? "a promise" : show(text)}`, { ...place, remedy });
  }
  if (text === "") throw new InvalidKeyError("gave an empty text", { ...place, remedy });
  if (/\0|\p{Surrogate}/u.test(text))
    throw new InvalidKeyError("gave a text that no database keeps", {
      ...place,
      remedy: "Leave out NUL and halves of surrogate pairs",
    });
  return { text };
}

/** A field as JSON, so that 1 and "1" differ; one that is not there is told apart from null. */
function fieldOf(name: string, input: unknown, place: KeyPlace): string {
  if (typeof input !== "object" || input === null) {
    throw new InvalidKeyError(`asks for "${name}" of an input that is ${show(input)}`, {
      ...place,
      remedy: "Use a function of the input",
    });
  }
  const value: unknown = Reflect.get(input, name);
  try {
    return encode(value, { what: `"${name}"` }) ?? "undefined";
  } catch (cause) {
    throw new InvalidKeyError(`asks for "${name}", which cannot be compared: ${(cause as Error).message}`, {
      ...place,
      remedy: "Use a function of the input that makes a text of it",
      cause,
    });
  }
}

/** The key of a rule that is a job's own, or of what several jobs share under a name; the second of its kind is `#2`. */
export function keyOf(
  owner: { readonly job: string } | { readonly shared: string },
  ordinal: number,
  part: Part | undefined,
): string {
  const name = "job" in owner ? quoted(owner.job) : `[${quoted(owner.shared)}]`;
  const start = ordinal === 1 ? name : `${name}#${ordinal}`;
  return shortened(part === undefined ? start : `${start} ${written(part)}`);
}

/** The key of a lock: whole as given, so that several jobs share it; of fields, a job's own. */
export function lockKeyOf(job: string, part: Part): string {
  return shortened("text" in part ? part.text : `${quoted(job)}/${written(part)}`);
}

/** The key of a share: a tenant is the same one to all jobs of a queue. */
export function shareOf(part: Part): string {
  return shortened("text" in part ? part.text : written(part));
}

function written(part: Part): string {
  if ("text" in part) return JSON.stringify(part.text);
  return part.fields.map(([name, value]) => `${quoted(name)}=${value}`).join(" ");
}

function quoted(name: string): string {
  return plain.test(name) ? name : JSON.stringify(name);
}

function shortened(text: string): string {
  if (text.length <= longestKey) return text;
  const hash = createHash("sha256").update(text).digest("hex");
  const start = text.slice(0, longestKey - hash.length - 1).replace(/\p{Surrogate}$/u, "");
  return `${start}…${hash}`;
}
