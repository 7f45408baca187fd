// The checks that every definition shares: a name that can stand in a log, and a schema that is one.
//
// Names are shown, typed on command lines, used as keys and compared across processes, so a control character or a
// missing name is refused where it is written and not found later where it does harm.
//
// Before this file comes the kernel. After it come jobs, their policies, and signals.

import { InvalidOptionError } from "../kernel/index.js";

const longestName = 200;

/**
 * Refuses what cannot be a name: no text, empty, over 200 characters, control characters, half a surrogate pair.
 *
 * @param what what has the name, at the start of a sentence: `A job`
 */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name !== "string" || name.trim() === "") {
    throw new InvalidOptionError(
      `${what} needs a name: a text that is not empty. It was given ${show(name)}.`,
    );
  }
  if (name.length > longestName) {
    throw new InvalidOptionError(
      `${what} has a name of ${name.length} characters: "${name.slice(0, 40)}…". Use ${longestName} at most.`,
    );
  }
  if (/[\p{Cc}\p{Surrogate}]/u.test(name)) {
    throw new InvalidOptionError(`${what} has control characters in its name: ${show(name)}. Remove them.`);
  }
}

/** Refuses what does not speak Standard Schema. */
export function checkSchema(schema: unknown, where: string): void {
  const standard: unknown =
    (typeof schema === "object" && schema !== null) || typeof schema === "function"
      ? Reflect.get(schema, "~standard")
      : undefined;
  const validate: unknown =
    typeof standard === "object" && standard !== null ? Reflect.get(standard, "validate") : undefined;
  if (typeof validate !== "function") {
    throw new InvalidOptionError(
      `${where} is not a schema. Use a library that speaks Standard Schema: zod from 3.24, valibot, arktype.`,
    );
  }
}

/** A value for a message, short. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return typeof value === "function" ? "a function" : String(value);
}
