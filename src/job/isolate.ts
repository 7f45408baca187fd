// Where the handler of a job runs: with all others in its worker, or in an isolate, a thread or a process of its own.
//
// A function cannot be handed to another thread, so an isolate loads the module that has the job. Which one that is, is
// read off the stack where the job was made, and only for jobs that are isolated; or the policy says it.
//
// Before this file comes a policy as written. After it come the definition, and the isolates.
import { isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Bytes, bytes, checkOptions, didYouMean, InvalidOptionError } from "../kernel/index.js";
import { checkObject } from "./check.js";
import { defaults } from "./defaults.js";
import { show } from "./names.js";

/** Where handlers run that are not to run in the worker itself. */
export interface Isolate {
  /** A thread has its own memory and event loop; a process also survives what kills a process. */
  kind: "thread" | "process";
  /** What one execution may use; `512mb` unless given. Of a thread it is the heap, of a process all it has. */
  memory?: Bytes;
  /** The module that exports the job: `import.meta.url`. Found by itself where `job()` is called in that module. */
  module?: string | URL;
}

export interface ResolvedIsolate {
  readonly kind: "thread" | "process";
  /** In bytes. */
  readonly memory: number;
  /** The address of the module that exports the job, where the policy says it. */
  readonly module?: string;
}

const kinds = ["thread", "process"] as const;

/** @throws InvalidOptionError */
export function resolveIsolate(declared: unknown, where: string): { readonly isolate?: ResolvedIsolate } {
  if (declared === undefined) return {};
  const given = typeof declared === "string" ? { kind: declared } : declared;
  checkObject(given, `${where}: isolate`, '"thread", "process" or an object such as { kind: "thread" }');
  checkOptions(given, ["kind", "memory", "module"], `isolate of ${where}`);
  const { kind, memory = defaults.isolateMemory, module } = given as Partial<Record<keyof Isolate, unknown>>;
  const known = kinds.find((one) => one === kind);
  if (known === undefined) {
    const meant = typeof kind === "string" ? didYouMean(kind, kinds) : "";
    throw new InvalidOptionError(`${where}: isolate is ${show(kind)}.${meant} Use "thread" or "process".`);
  }
  const amount = bytes(memory as Bytes, `${where}: isolate.memory`);
  if (amount < leastMemory)
    throw new InvalidOptionError(
      `${where}: isolate.memory is less than Node itself needs. Use "32mb" or more.`,
    );
  return {
    isolate: {
      kind: known,
      memory: amount,
      ...(module === undefined ? {} : { module: addressOf(module, where) }),
    },
  };
}

const leastMemory = 32 * 1_024 ** 2;

function addressOf(module: unknown, where: string): string {
  const text = module instanceof URL ? module.href : module;
  if (typeof text === "string" && text.startsWith("file:")) return text;
  if (typeof text === "string" && isAbsolute(text)) return pathToFileURL(text).href;
  throw new InvalidOptionError(
    `${where}: isolate.module is ${show(module)}. Use the address of the module that exports the job: import.meta.url.`,
  );
}

/** The address of the module in which a function was called; undefined: it cannot be told. */
export function callerOf(called: (...given: never[]) => unknown): string | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_error, [frame]) => frame?.getFileName();
    Error.captureStackTrace(holder, called);
    const { stack } = holder;
    if (typeof stack !== "string") return undefined;
    return stack.startsWith("file:") ? stack : isAbsolute(stack) ? pathToFileURL(stack).href : undefined;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** A module as people name it. */
export function shownModule(address: string): string {
  return address.startsWith("file:") ? fileURLToPath(address) : address;
}
