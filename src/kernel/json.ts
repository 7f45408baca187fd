// The JSON rule: what may be stored, and what becomes of it.
//
// A value is stored as JSON, so everything that JSON would bend or drop without a word is refused, with the path of
// the offending value and what to do instead. Two things travel as strings, because every schema library can restore
// them: a Date as its ISO text and a bigint as its decimal digits. An undefined property is left out, as in JSON.
//
// The text is written here in one walk instead of checking first and calling JSON.stringify after: every property
// is read exactly once, so a getter or a proxy cannot show one value to the check and another to the writer, and
// one walk is what an enqueue has time for. The walk gives up as soon as the text is over the limit, so a small
// value that repeats itself (a shared reference, doubled thirty times) cannot fill the memory.
//
// Before this file come only the errors. After it comes the input of every run, its output, and every step.

import { types } from "node:util";
import { NotJsonError, TooLargeError } from "./errors.js";
import { isSealed, keyOfSealed, SealedValueError } from "./sealed.js";

/** What a stored value may weigh, in UTF-8 bytes, unless told otherwise: 1 MiB. */
export const jsonLimit = 1_048_576;
/** How deep arrays and objects may be nested; the stack ends some thousands later. */
const jsonDepth = 1_000;

export interface EncodeOptions {
  /** What is being stored, for the message: `The input of job "mail"`. */
  what: string;
  /** UTF-8 bytes; 1 MiB unless given. */
  limit?: number;
}

/** A key of an object or an index of an array. */
type Step = string | number;

interface Walk {
  readonly what: string;
  readonly limit: number;
  /** `steps[d]` leads from `containers[d]` to what is being looked at one deeper. Entries past the depth are stale. */
  readonly steps: Step[];
  readonly containers: object[];
}

/**
 * The value as JSON text; undefined stays undefined.
 *
 * @throws NotJsonError with the path of what is not JSON, and a remedy
 * @throws TooLargeError when the text would be over the limit
 * @example encode({ at: new Date(0), big: 7n }, { what: "The input" }) // '{"at":"1970-01-01T00:00:00.000Z","big":"7"}'
 */
export function encode(value: unknown, options: EncodeOptions): string | undefined {
  if (value === undefined) return undefined;
  const limit = options.limit ?? jsonLimit;
  const walk: Walk = { what: options.what, limit, steps: [], containers: [] };
  const text = write(value, walk, 0);
  if (text.length * 3 > limit && Buffer.byteLength(text) > limit)
    throw tooLarge(walk, 0, Buffer.byteLength(text));
  return text;
}

function write(value: unknown, walk: Walk, depth: number): string {
  switch (typeof value) {
    case "string":
      return quote(value, walk, depth);
    case "number":
      if (!Number.isFinite(value)) throw refuse(walk, depth, String(value), "Leave it out, or pass null");
      return String(value);
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return `"${value}"`;
    case "object":
      return value === null ? "null" : writeObject(value, walk, depth);
    case "undefined":
      throw refuse(walk, depth, "undefined in an array", "Pass null, or leave the element out");
    default:
      throw refuse(walk, depth, `a ${typeof value}`, "Leave it out, or pass the data that it stands for");
  }
}

function writeObject(value: object, walk: Walk, depth: number): string {
  if (depth > 0) checkNesting(value, walk, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value) && (prototype === Array.prototype || Array.isArray(prototype))) {
    walk.containers[depth] = value;
    return writeArray(value, walk, depth);
  }
  if (prototype === Object.prototype || prototype === null || isForeignPlain(prototype)) {
    walk.containers[depth] = value;
    return writePlain(value as Readonly<Record<string, unknown>>, walk, depth);
  }
  if (types.isDate(value)) {
    const time = Date.prototype.getTime.call(value);
    if (Number.isNaN(time))
      throw refuse(walk, depth, "an invalid Date", "Check the date before it is passed");
    return `"${new Date(time).toISOString()}"`;
  }
  throw refuseObject(value, walk, depth);
}

function writePlain(value: Readonly<Record<string, unknown>>, walk: Walk, depth: number): string {
  let text = "{";
  for (const key of Object.keys(value)) {
    walk.steps[depth] = key;
    const property = value[key];
    if (property === undefined) continue;
    if (key === "__proto__") {
      throw refuse(
        walk,
        depth + 1,
        "a property named __proto__",
        "Rename it: it is a way to attack whoever reads it",
      );
    }
    const name = quote(key, walk, depth + 1);
    text += text.length === 1 ? `${name}:` : `,${name}:`;
    text += write(property, walk, depth + 1);
    if (text.length > walk.limit) throw tooLarge(walk, depth, text.length);
  }
  const symbols = Object.getOwnPropertySymbols(value);
  if (
    symbols.length > 0 &&
    symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))
  ) {
    throw refuse(walk, depth, "an object with a symbol as key", "Use a string as key");
  }
  return `${text}}`;
}

function writeArray(value: readonly unknown[], walk: Walk, depth: number): string {
  let text = "[";
  for (let index = 0; index < value.length; index++) {
    walk.steps[depth] = index;
    if (index > 0) text += ",";
    text += write(value[index], walk, depth + 1);
    if (text.length > walk.limit) throw tooLarge(walk, depth, text.length);
  }
  if (Object.keys(value).length > value.length || Object.getOwnPropertySymbols(value).length > 0) {
    throw refuse(
      walk,
      depth,
      "an array with named properties",
      "Pass an object that holds the array beside them",
    );
  }
  return `${text}]`;
}

/** What needs a second look inside a string: the quote, the backslash, controls, and halves of surrogate pairs. */
const special = /[\u0000-\u001f"\\\ud800-\udfff]/;
/** Read as code points, whole pairs are characters, and only a half is a surrogate. */
const halfPair = /\p{Surrogate}/u;

function quote(text: string, walk: Walk, depth: number): string {
  if (!special.test(text)) return `"${text}"`;
  if (text.includes("\0")) {
    throw refuse(
      walk,
      depth,
      "text with a NUL character",
      "Remove it: no database keeps it in text. Pass bytes as base64",
    );
  }
  if (halfPair.test(text)) {
    throw refuse(
      walk,
      depth,
      "text with half a surrogate pair",
      "Call toWellFormed() on it, or pass bytes as base64",
    );
  }
  return JSON.stringify(text);
}

/** Plain objects of another realm (a vm context, a test runner's sandbox) have an Object.prototype of their own. */
function isForeignPlain(prototype: unknown): boolean {
  return (
    typeof prototype === "object" &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, "isPrototypeOf")
  );
}

function checkNesting(value: object, walk: Walk, depth: number): void {
  for (let outer = 0; outer < depth; outer++) {
    if (walk.containers[outer] === value) {
      const name = pathOf(walk, outer);
      throw refuse(walk, depth, `the same object as ${name}, which it is inside of`, "Refer to it by an id");
    }
  }
  if (depth >= jsonDepth) throw refuse(walk, depth, `nested deeper than ${jsonDepth}`, "Pass it flatter");
}

function refuseObject(value: object, walk: Walk, depth: number): NotJsonError {
  if (value instanceof Map) return refuse(walk, depth, "a Map", "Pass [...map], or Object.fromEntries(map)");
  if (value instanceof Set) return refuse(walk, depth, "a Set", "Pass [...set]");
  if (value instanceof WeakMap || value instanceof WeakSet) {
    return refuse(walk, depth, `a ${nameOf(value)}`, "It cannot be listed: pass the data itself");
  }
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
    return refuse(
      walk,
      depth,
      `a ${nameOf(value)}`,
      'Pass Buffer.from(bytes).toString("base64"), or store it and pass its id',
    );
  }
  if (types.isPromise(value) || "then" in value) return refuse(walk, depth, "a promise", "Await it first");
  if (value instanceof Error)
    return refuse(walk, depth, `an error (${nameOf(value)})`, "Pass { name, message }");
  if (value instanceof URL) return refuse(walk, depth, "a URL", "Pass url.href");
  return refuse(
    walk,
    depth,
    `an instance of ${nameOf(value)}`,
    "Pass a plain object with the data that is needed",
  );
}

function nameOf(value: object): string {
  const maker: unknown = "constructor" in value ? value.constructor : undefined;
  return typeof maker === "function" && maker.name !== "" ? maker.name : "a class";
}

function refuse(walk: Walk, depth: number, found: string, remedy: string): NotJsonError {
  const path = pathOf(walk, depth);
  return new NotJsonError(`${walk.what} is not JSON: ${path} is ${found}. ${remedy}.`, { path });
}

function tooLarge(walk: Walk, depth: number, size: number): TooLargeError {
  const path = pathOf(walk, depth);
  const part = path === "$" ? "" : ` at ${path}`;
  return new TooLargeError(
    `${walk.what} is larger than ${walk.limit} bytes${part}. Store the data where data is stored, and pass its id.`,
    { path, size, limit: walk.limit },
  );
}

/** The path in the notation of JSONPath: `$.items[3].at`, `$["a b"]`. */
function pathOf(walk: Walk, depth: number): string {
  return formatPath(walk.steps.slice(0, depth));
}

/** A path for people, in the notation of JSONPath: `$.items[3].at`, `$["a b"]`. */
export function formatPath(steps: readonly PropertyKey[]): string {
  let path = "$";
  for (const step of steps) {
    if (typeof step === "number") path += `[${step}]`;
    else if (typeof step === "symbol") path += `[${String(step)}]`;
    else path += /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  }
  return path;
}

/**
 * The value that JSON text stands for. The text may have been written by an enemy: a key `__proto__`, which turns
 * into a prototype when the value is copied, and nesting that would end the stack of whoever walks it, are refused.
 *
 * @throws NotJsonError
 * @throws SealedValueError when it is encrypted, and could not be opened
 */
export function decode(text: string): unknown {
  if (isSealed(text)) throw new SealedValueError(keyOfSealed(text));
  if (text.length > 2 * jsonDepth && isNestedTooDeep(text)) {
    throw new NotJsonError(`The text is not acceptable JSON: it is nested deeper than ${jsonDepth}.`, {
      path: "$",
    });
  }
  let path: string | undefined;
  const guarded = text.includes("__proto__") || /\\u00(?:5f|70|72|6f|74)/i.test(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NotJsonError(
      "The text is not JSON. It must be one JSON value, in double quotes where it is text.",
      {
        path: "$",
        cause,
      },
    );
  }
  if (guarded) path = findProto(value, []);
  if (path !== undefined) {
    throw new NotJsonError(
      `The text is not acceptable JSON: ${path} is a property named __proto__. Rename it.`,
      { path },
    );
  }
  return value;
}

function findProto(value: unknown, steps: Step[]): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const inArray = Array.isArray(value);
  for (const [key, property] of Object.entries(value)) {
    const here = [...steps, inArray ? Number(key) : key];
    if (key === "__proto__") return formatPath(here);
    const found = findProto(property, here);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Brackets inside of strings do not count. Written over character codes, since it looks at every long text. */
function isNestedTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > jsonDepth) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}
