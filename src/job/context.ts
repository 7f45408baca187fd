// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a contract here; nothing is inferred as it
// biome-ignore-all lint/complexity/noBannedTypes: `{}` is the record without failures, on which every code is an error
// What a handler is given besides its input: the whole of `ctx`, as types.
//
// Work and waiting go through it. Every durable call takes a name first; what takes time outside of one may run any
// number of times. Outcomes are returned. A handler that waits is suspended: it never unwinds, so what must be let go
// at once is registered with `defer` and not in a `finally`.
//
// Before this file come jobs and requests, as types. After it come the loop and the durable runtime, which make it.

import type { Duration } from "../kernel/index.js";
import type { Contract } from "./contract.js";
import type { ChildOptions, InputArgs, Request, RequestOptions } from "./options.js";
import type { Outcome } from "./outcome.js";
import type { Retry } from "./policy-types.js";
import type { Meta, Settled } from "./record.js";
import type { Errors, InputOf, Stored } from "./schema.js";
import type { Signal } from "./signal.js";

/** What the body of a step is given. */
export interface StepInfo {
  /** The same for every attempt of this step of this run: what an outside service wants as idempotency key. */
  readonly key: string;
  /** Which try of this step it is, from 1. */
  readonly attempt: number;
  /** Aborts when the step's own time is over, and when the execution is stopped. */
  readonly signal: AbortSignal;
}

/** A promise that may never settle in this execution. `await`, `Promise.all` and `Promise.race` know what to do with it. */
export interface Wait<T> extends Promise<T> {
  readonly "~wait": true;
}

/** Where a handler, and duckdive itself, write what people should read. Fields are plain data. */
export interface Log {
  /** For whoever looks for a fault. */
  debug(message: string, fields?: object): void;
  /** What happened, as it should. */
  info(message: string, fields?: object): void;
  /** What should be looked at, and went on. */
  warn(message: string, fields?: object): void;
  /** What failed. */
  error(message: string, fields?: object): void;
}

/** What becomes of the parent when children fail: it fails, it gets undefined for them, or it gets how each ended. */
export type OnChildFailure = "fail" | "ignore" | "collect";

/** The batch of a run, as its handler sees it. */
export interface BatchOfRun {
  readonly id: string;
  /**
   * Records runs in the batch, all or none, once however often the handler is replayed. While this run runs the batch cannot
   * finish, so what is added is part of it.
   *
   * @example await ctx.batch?.add("pages", pages.map((number) => page.with({ number })));
   */
  add(name: string, requests: Iterable<Request>): Promise<void>;
}

/** What a handler is given. `E` are the failures its job declares, `Tx` the transactions of its adapter. */
export interface Context<E extends Errors = {}, Tx = unknown> {
  /** The id of the run. */
  readonly runId: string;
  /** From 1, counted when a worker takes the run, so that a crash counts. */
  readonly attempt: number;
  /** The fence: higher at every claim of the run than at the one before. */
  readonly token: number;
  /** The name of its job. */
  readonly job: string;
  /** Aborts at timeout, cancellation, shutdown and a lost claim; never because the run went to sleep. */
  readonly signal: AbortSignal;
  /** What was given with the request, and the context that it was asked for in. */
  readonly meta: Meta;
  /** Writes to the log of the application, and to the record of the run: 1,000 lines of an execution at most. */
  readonly log: Log;
  /** Tells how far it is, for people: shown with the run, and kept until it is told anew. */
  progress(done: number, total?: number, note?: string): void;
  /** Runs, last first, when this execution ends in any way, suspension included. */
  defer(cleanup: () => void | Promise<void>): void;

  /** Work that is done once and remembered. The value given back is always the stored one, also the first time. */
  step<T>(
    name: string,
    fn: (step: StepInfo) => T | Promise<T>,
    options?: { retry?: Retry; timeout?: Duration },
  ): Promise<Stored<T>>;
  /** A step whose writes and whose memory are committed together: exactly once. */
  readonly tx: <T>(name: string, fn: (tx: Tx) => T | Promise<T>) => Promise<Stored<T>>;
  /** Asks for a run that goes its own way, recorded once however often the handler is replayed. */
  enqueue<I, O>(
    name: string,
    job: Contract<string, I, any, O, any>,
    ...args: InputArgs<I, RequestOptions>
  ): Promise<{ id: string }>;

  /** The batch in which this run is counted; undefined where it is in none. */
  readonly batch: BatchOfRun | undefined;

  /** A child run, and its result. Rejects RunFailedError, RunCancelledError. */
  run<I, O>(
    name: string,
    job: Contract<string, I, any, O, any>,
    ...args: InputArgs<I, ChildOptions>
  ): Wait<O>;
  /** A child for each input, at most `atOnce` at a time. */
  runAll<I, O, F extends OnChildFailure = "fail">(
    name: string,
    job: Contract<string, I, any, O, any>,
    inputs: Iterable<NoInfer<I>>,
    options?: ChildOptions & { onFailure?: F; atOnce?: number },
  ): Wait<F extends "fail" ? O[] : F extends "ignore" ? (O | undefined)[] : Settled<O>[]>;
  /** Waits for so long, without a worker. */
  sleep(name: string, duration: Duration): Wait<void>;
  /** Waits until then, without a worker. A text is a date in ISO 8601. */
  until(name: string, date: Date | string): Wait<void>;
  /** Asks `fn` again and again until it gives something back. */
  poll<T>(
    name: string,
    options: { every: Duration; timeout: Duration },
    fn: (step: StepInfo) => T | undefined | Promise<T | undefined>,
  ): Wait<Stored<T>>;
  /** Waits for a signal, for as long as it takes, and gives what was sent with it. */
  waitFor<P>(name: string, signal: Signal<string, any, P>): Wait<P>;
  /** The same for a limited time; undefined when it has passed. */
  waitFor<P>(
    name: string,
    signal: Signal<string, any, P>,
    options: { timeout: Duration },
  ): Wait<P | undefined>;
  /** Whether this run began with the code that has this patch: how a handler with runs under way is changed. */
  patched(name: string): boolean;
  /** The same context with every name prefixed: for the body of a loop, and for a helper. */
  scope(prefix: string): Context<E, Tx>;

  // Outcomes: returned, never thrown. Making one and not returning it is an error.
  /** Commits these writes and the run's success together: exactly once. */
  readonly succeed: <T>(fn: (tx: Tx) => T | Promise<T>) => Outcome<T>;
  /** Ends the run as failed, whatever attempts are left, with data that callers can read by its declared type. */
  fail<C extends keyof E & string>(code: C, data: InputOf<E[C]>): Outcome<never>;
  /** Ends the run as failed, whatever attempts are left. The reason is for people. */
  fail(reason: string): Outcome<never>;
  /** Ends the run as cancelled. The reason is for people. */
  cancel(reason: string): Outcome<never>;
  /** Comes back later; costs no attempt. */
  snooze(duration: Duration): Outcome<never>;
  /**
   * Returned: the run begins anew with this input, all its attempts and an empty record. For work without an end, whose record
   * would grow for ever. It stays the same run: who waits for it, its locks and the signals sent to it stay.
   *
   * @example return ctx.restart({ cursor: next });
   */
  restart(input?: unknown): Outcome<never>;
  /**
   * Comes back later; costs no attempt. Until then nobody else starts under the keys of this run's rates either; of a job
   * without a rate, nobody of its queue.
   *
   * @example if (response.status === 429) return ctx.rateLimited("30s");
   */
  rateLimited(duration: Duration): Outcome<never>;
}
