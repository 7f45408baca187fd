// What travels with a run: the limits of its `meta`, and the context that it is taken from.
//
// A request has a context: who asked, in which language, under which trace. Whoever is called while it is answered may ask
// for runs without knowing of it, so it is kept beside the code that runs (AsyncLocalStorage), becomes part of the meta of
// every run that is asked for there, and is there again around the handler of that run.
//
// Nothing is kept until the first context is entered: a process that has none pays nothing. The store of contexts is shared by
// all copies of this module in a process, because bundlers make several, and a context must reach all of them.
//
// Before this file come options. After it come the enqueue, which takes the context, and the loop, which gives it back.
import { AsyncLocalStorage } from "node:async_hooks";
import { InvalidOptionError } from "../kernel/index.js";
import type { Meta } from "./record.js";

/**
 * What is known of whoever is being served. Texts under names; those that stand here are ones that duckdive itself reads or
 * writes, any others are as good.
 */
export interface RequestContext {
  /** The id of the request: that of its `x-request-id`, say. */
  readonly requestId?: string | undefined;
  /** Who is signed in. */
  readonly userId?: string | undefined;
  /** A language tag, such as `de-CH`. */
  readonly locale?: string | undefined;
  /** W3C Trace Context, as the header of this name has it. */
  readonly traceparent?: string | undefined;
  /** The same for what vendors add. */
  readonly tracestate?: string | undefined;
  readonly [name: string]: string | undefined;
}

const most = { names: 50, nameLength: 100, textLength: 4_000 };
/** A context is written with every run, so it is held shorter than what is said of one run. */
const mostInContext = { names: 20, textLength: 1_000 };

const storageKey = Symbol.for("duckdive.context");

/** The context of the code that runs; it may grow while its request is answered. */
export interface CarriedContext {
  meta: Meta;
}

type Storage = AsyncLocalStorage<CarriedContext>;

const nothing: Meta = Object.freeze({});

function existing(): Storage | undefined {
  const found: unknown = Reflect.get(globalThis, storageKey);
  return found instanceof AsyncLocalStorage ? found : undefined;
}

function storage(): Storage {
  const found = existing();
  if (found !== undefined) return found;
  const made: Storage = new AsyncLocalStorage();
  Object.defineProperty(globalThis, storageKey, { value: made });
  return made;
}

/** The context of the code that runs now, as meta; undefined: there is none. */
export function carriedMeta(): Meta | undefined {
  const meta = existing()?.getStore()?.meta;
  return meta === undefined || meta === nothing ? undefined : meta;
}

/** What a request is recorded with: the context of the code that runs now, and over it what was said of the request. */
export function withCarried<T extends { readonly meta?: Record<string, string> | undefined }>(
  options: T | undefined,
): T | undefined {
  const carried = carriedMeta();
  if (carried === undefined) return options;
  const given = options?.meta;
  // What is no object is refused where metas are judged.
  if (given !== undefined && (typeof given !== "object" || given === null)) return options;
  return { ...options, meta: { ...carried, ...given } } as T;
}

/** Calls the body where this meta is the context, and nothing of any other. */
export function inContextOf<T>(meta: Meta, body: () => T): T {
  for (const _name in meta) return storage().run({ meta }, body);
  const found = existing();
  return found === undefined ? body() : found.run({ meta: nothing }, body);
}

/** Calls the body where this is the context, also when it grows meanwhile. */
export function inCarried<T>(carried: CarriedContext, body: () => T): T {
  return storage().run(carried, body);
}

/**
 * Calls a function with this context around it: every run that is asked for until its promise settles has it in its meta, and
 * `currentContext()` gives it. Contexts nest: what is not named stays, and undefined takes a name away.
 *
 * @param context at most 20 texts, each of at most 1,000 characters, under names of 1 to 100
 * @returns what the function returns
 * @throws InvalidOptionError
 * @example
 * await withContext({ requestId, userId: "7" }, async () => {
 *   await duckdive.enqueue(welcome, { userId: 7 }); // its ctx.meta has requestId and userId
 * });
 */
export function withContext<T>(context: RequestContext, fn: () => T): T {
  return storage().run({ meta: mergedContext(carriedMeta(), context, "withContext()") }, fn);
}

/**
 * The context of the code that runs now: of the request that is answered, or of the run whose handler is called, which is the
 * run's meta. Empty where there is none.
 *
 * @example const { requestId } = currentContext();
 */
export function currentContext(): RequestContext {
  return carriedMeta() ?? nothing;
}

/** A context with another one over it. @throws InvalidOptionError */
export function mergedContext(below: Meta | undefined, context: RequestContext, where: string): Meta {
  if (typeof context !== "object" || context === null || Array.isArray(context)) {
    throw new InvalidOptionError(`${where} was given no context. Use an object of texts: { requestId }.`);
  }
  const given = Object.entries(context).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (
    given.length > mostInContext.names ||
    !given.every((entry) => isEntry(entry, mostInContext.textLength))
  ) {
    throw new InvalidOptionError(
      `The context of ${where} is not acceptable. Use at most ${mostInContext.names} texts, each of at most ` +
        `${mostInContext.textLength} characters, under names of 1 to ${most.nameLength}: it is written with every run.`,
    );
  }
  const merged = { ...below, ...Object.fromEntries(given) };
  for (const name of Object.keys(context)) if (context[name] === undefined) delete merged[name];
  return Object.freeze(merged);
}

/** @throws InvalidOptionError */
export function checkMeta(meta: unknown, where: string): void {
  const entries =
    typeof meta === "object" && meta !== null && !Array.isArray(meta) ? Object.entries(meta) : undefined;
  if (
    entries === undefined ||
    entries.length > most.names ||
    !entries.every((entry) => isEntry(entry, most.textLength))
  ) {
    throw new InvalidOptionError(
      `The meta of ${where} is not acceptable. Use an object of at most ${most.names} texts, each of at most ` +
        `${most.textLength} characters, under names of at most ${most.nameLength}.`,
    );
  }
}

function isEntry([name, value]: [string, unknown], longest: number): boolean {
  const isName = name.length > 0 && name.length <= most.nameLength && isClean(name);
  return isName && typeof value === "string" && value.length <= longest && isClean(value);
}

/** No database keeps NUL or half a surrogate pair in text. */
export function isClean(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text);
}
