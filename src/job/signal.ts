// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a constraint here; nothing is inferred as it
// A signal: a named, typed message to a run that waits for it.
//
// Like a job it is a definition that both sides import: whoever sends it and the handler that waits. The payload is
// stored, so its schema obeys the same law as the input of a job.
//
// Before this file come schemas. After it come `ctx.waitFor` and `duckdive.signal`.

import { decode, encode, InvalidOptionError } from "../kernel/index.js";
import { defaults } from "./defaults.js";
import { InvalidInputError } from "./errors.js";
import { isPromise, judge, type Verdict } from "./judge.js";
import { checkName, checkSchema } from "./names.js";
import type { InputOf, MustBeStorable, ParsedOf, Schema } from "./schema.js";

const brand = Symbol.for("duckdive.signal");

/** A named message. `I` is what senders give, `P` what handlers get. */
export interface Signal<N extends string, I, P> {
  readonly name: N;
  readonly "~types": { input: I; parsed: P };
}

interface Definition {
  readonly name: string;
  readonly schema: Schema;
}

/**
 * Defines a signal.
 *
 * @throws InvalidOptionError when the name or the schema is none
 * @example const approved = signal("approved", z.object({ by: z.string() }));
 */
export function signal<const N extends string, S extends Schema<any, any>>(
  name: N,
  schema: S & MustBeStorable<S>,
): Signal<N, InputOf<S>, ParsedOf<S>> {
  checkName(name, "A signal");
  checkSchema(schema, `signal "${name}"`);
  const definition: Definition = { name, schema };
  const value = { name, "~types": undefined, [brand]: definition };
  return Object.freeze(value) as object as Signal<N, InputOf<S>, ParsedOf<S>>;
}

/** The schema of a signal's payload; undefined when the value is no signal. */
export function signalSchema(value: unknown): Schema | undefined {
  if (typeof value !== "object" || value === null || !(brand in value)) return undefined;
  return (value[brand] as Definition).schema;
}

/**
 * What the handler gets of a stored payload. A promise only when the schema is asynchronous.
 *
 * @throws InvalidInputError when the signal's schema does not accept what is stored
 */
export function parseSignal(signal: Signal<string, any, any>, text: string | undefined): unknown {
  const schema = signalSchema(signal);
  const value = text === undefined ? undefined : decode(text);
  if (schema === undefined) return value;
  return accepted(signal.name, schema, value, {
    what: "is not what its schema accepts now",
    remedy: "Accept both forms until the signals that were sent before are taken",
  });
}

/**
 * What is stored of a payload, once the signal's schema has accepted it. A promise only when the schema is asynchronous.
 *
 * @throws InvalidInputError when the schema does not accept it
 * @throws NotJsonError, TooLargeError: it cannot be stored
 * @throws InvalidOptionError when it is no signal
 */
export function storeSignal(
  signal: Signal<string, any, any>,
  payload: unknown,
): string | undefined | Promise<string | undefined> {
  const schema = signalSchema(signal);
  if (schema === undefined) {
    throw new InvalidOptionError('That is no signal. Use what signal("approved", schema) gives back.');
  }
  const what = `The payload of signal "${signal.name}"`;
  const text = encode(payload, { what, limit: defaults.inputLimit });
  // What is judged is what will be read: the payload after it has been through JSON.
  const value = text === undefined ? undefined : decode(text);
  const answer = accepted(signal.name, schema, value, {
    what: "is not what its schema accepts",
    remedy: "Nothing was sent",
  });
  return isPromise(answer) ? answer.then(() => text) : text;
}

function accepted(
  name: string,
  schema: Schema,
  value: unknown,
  { what, remedy }: { readonly what: string; readonly remedy: string },
): unknown {
  const read = (verdict: Verdict): unknown => {
    if (verdict.issues === undefined) return verdict.value;
    const issues = verdict.issues.map(({ path, message }) => ({ path, message }));
    const said = issues.map(({ path, message }) => `${path}: ${message}`).join("; ");
    throw new InvalidInputError(`The payload of signal "${name}" ${what}: ${said}. ${remedy}.`, {
      job: name,
      issues,
      cause: verdict.cause,
    });
  };
  const verdict = judge(schema, value);
  return isPromise(verdict) ? verdict.then(read) : read(verdict);
}
