// An error as it is stored: what was thrown, turned into data.
//
// A handler may throw anything: an Error with a cause chain, a string, an object with a getter that throws. What is kept
// is name, message, code, stack and causes, each of bounded length, so that one error can neither fill the store nor fail
// the settlement that carries it.
import type { StoredError } from "../job/index.js";

const longest = { message: 4_000, stack: 8_000, causes: 8 };

/** Turns anything thrown into a StoredError. Never throws. */
export function storedError(thrown: unknown): StoredError {
  return describe(thrown, longest.causes, new Set());
}

function describe(thrown: unknown, depth: number, seen: Set<unknown>): StoredError {
  try {
    if (typeof thrown !== "object" || thrown === null)
      return { name: "Error", message: clip(String(thrown), longest.message) };
    seen.add(thrown);
    const { name, message, code, stack, cause } = thrown as Record<string, unknown>;
    const stored: StoredError = {
      name: typeof name === "string" ? clip(name, 200) : "Error",
      message: clip(typeof message === "string" ? message : printed(thrown), longest.message),
    };
    if (typeof code === "string" || typeof code === "number") stored.code = clip(String(code), 200);
    if (typeof stack === "string") stored.stack = clip(stack, longest.stack);
    if (cause !== undefined && depth > 0 && !seen.has(cause)) stored.cause = describe(cause, depth - 1, seen);
    return stored;
  } catch {
    return { name: "Error", message: "something was thrown that cannot be read: reading it throws" };
  }
}

function printed(thrown: object): string {
  return JSON.stringify(thrown) ?? String(thrown);
}

/** Anything as a text that every store can hold: cut to a length, lone surrogates and NUL as U+FFFD. Never throws. */
export function storedText(value: unknown, length: number): string {
  try {
    return clip(String(value), length);
  } catch {
    return "something that cannot be read: reading it throws";
  }
}

function clip(text: string, length: number): string {
  const cut =
    text.length > length ? `${text.slice(0, length)}… (${text.length - length} characters more)` : text;
  return cut.replace(/[\0\p{Surrogate}]/gu, "\uFFFD");
}
