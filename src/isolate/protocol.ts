// What a worker and its isolates say to each other: plain data, over the port of a thread or the channel of a process.
//
// An isolate has one execution at a time. It is begun with where its application is found; then it is given executions,
// one after the other, and answers each with how it ended. Whatever an execution writes or reads of the store goes over to
// the worker and comes back as an answer.
//
// Before this file come the executions. After it come both sides.
import type { Committed, IsolatedEnd, Stop } from "../loop/index.js";
import type { Ended, RunEvents } from "../run/index.js";
import type { Claimed, Note } from "../store/contract.js";

/** Stands in the global object of an isolate, for whoever must not do there what it does elsewhere. */
export const isolateMark = Symbol.for("duckdive.isolate");

/** An error on its way: what it is made of again on the other side. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Its own fields that are plain data, such as `code`. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: SentError | undefined;
}

/** Where the application is found. */
export interface Beginning {
  /** The address of a module of duckdive that has `load`, and what that is given. */
  readonly loader: string;
  readonly source: unknown;
  readonly worker: string;
  readonly release: string | undefined;
  readonly grace: number;
  /** What logs do not have, beside what each job says. */
  readonly redact: readonly string[] | undefined;
  /** The worker has middleware: an isolate that finds none would leave out what stands around the handler. */
  readonly hasMiddleware: boolean;
}

export type ToIsolate =
  | { readonly type: "begin"; readonly beginning: Beginning }
  /** `now`: the time on the store's clock. */
  | { readonly type: "execute"; readonly claimed: Claimed; readonly now: number }
  | { readonly type: "abort"; readonly stop: Stop }
  /** The execution is over for the worker: clean up, if you can, before you are ended. */
  | { readonly type: "giveUp" }
  | { readonly type: "answer"; readonly id: number; readonly value?: unknown; readonly error?: SentError }
  | { readonly type: "ping" };

/** The events of an execution that its worker tells its listeners. */
export type SentEvent = Extract<keyof RunEvents, "enqueued" | "progress" | "error">;

export type FromIsolate =
  | { readonly type: "ready" }
  | { readonly type: "unfit"; readonly error: SentError }
  | {
      readonly type: "ended";
      readonly ended: Ended | Committed;
      readonly attempt: IsolatedEnd["attempt"];
      /** It cleans up, and is free only afterwards. */
      readonly isCleaning: boolean;
      /** Milliseconds of processor time, where that can be told. */
      readonly cpu: number | undefined;
    }
  /** It was given up, and cleans up. */
  | { readonly type: "cleaning" }
  /** It has cleaned up. */
  | { readonly type: "free" }
  | { readonly type: "lost" }
  | { readonly type: "pong" }
  | { readonly type: "say"; readonly note: Note }
  | {
      readonly type: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly fields: object | undefined;
    }
  | { readonly type: "event"; readonly name: SentEvent; readonly about: object; readonly error?: SentError }
  | {
      readonly type: "call";
      readonly id: number;
      readonly verb: string;
      readonly given: readonly unknown[];
    }
  /** Something was left uncaught, and it ends. `isInnocent`: not by the code of the execution that it has. */
  | { readonly type: "crashed"; readonly error: SentError; readonly isInnocent: boolean };

const depth = 8;

/** An error as plain data. */
export function sentError(error: unknown, causes = depth): SentError {
  if (!(error instanceof Error))
    return { name: "Error", message: String(error), stack: undefined, fields: {}, cause: undefined };
  const { name, message, stack, cause } = error;
  const own = Object.entries(error).filter(([key, value]) => key !== "cause" && isPlain(value));
  return {
    name,
    message,
    stack,
    fields: Object.fromEntries(own),
    cause: cause === undefined || causes === 0 ? undefined : sentError(cause, causes - 1),
  };
}

/** Fields of a log line that can be sent: errors as what they say, and what is not plain data as text. */
export function sentFields(fields: object | undefined): object | undefined {
  if (fields === undefined) return undefined;
  const own = Object.entries(fields).map(([name, value]): [string, unknown] => {
    if (value instanceof Error) return [name, sentError(value)];
    return [name, isPlain(value) ? value : String(value)];
  });
  return Object.fromEntries(own);
}

/** What can be sent without a thought: everything that JSON knows. */
function isPlain(value: unknown): boolean {
  try {
    if (typeof value === "function" || JSON.stringify(value) === undefined) return false;
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** The error again: its class is lost, by `code` and `name` it is known all the same. */
export function receivedError({ name, message, stack, fields, cause }: SentError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: receivedError(cause) });
  Object.assign(error, { name, ...fields });
  if (stack !== undefined) error.stack = stack;
  return error;
}
