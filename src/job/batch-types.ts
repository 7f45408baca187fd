// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a contract here; nothing is inferred as it
// biome-ignore-all lint/complexity/noBannedTypes: `{}` is the record without failures, on which every code is an error
// Handlers that are given many runs at once, as types: for work that costs about the same for one as for a hundred.
//
// Each run stays a run of its own, with its attempts, its end and its result; only the call is shared. The handler
// answers for each by its place in the list, or for all of them by returning nothing.
//
// Before this file come the context and outcomes, as types. After it come the types of jobs.
import type { Duration } from "../kernel/index.js";
import type { Context } from "./context.js";
import type { Contract } from "./contract.js";
import type { Outcome } from "./outcome.js";
import type { By } from "./policy-types.js";
import type { Errors } from "./schema.js";

/** Which runs a handler is given together. */
export interface BatchRule<P> {
  /** How many at most: whole number from 1 to 1,000. */
  size: number;
  /** How long the first waits for others: not at all unless given, so that a batch is what there is at once. */
  wait?: Duration;
  /** Only runs of one key go together. */
  by?: By<P>;
}

/** One run of those that a handler was given. What it makes of outcomes is returned in the place of this run. */
export interface BatchItem<P, E extends Errors = {}>
  extends Pick<
    Context<E>,
    "runId" | "attempt" | "token" | "meta" | "log" | "progress" | "fail" | "cancel" | "snooze" | "rateLimited"
  > {
  readonly input: P;
}

/** What the items of one call share. `signal` aborts when the call is over for all of them. */
export type BatchContext = Pick<Context, "job" | "signal" | "defer">;

/** What becomes of one run: its output, an outcome, or an error, by which this attempt of it failed. */
export type BatchResult<O> = O | Outcome<O> | Error;

/**
 * Nothing: all have succeeded. A list: what becomes of each, in the order of the items. Throwing fails this attempt of all.
 */
export type BatchResults<O> =
  | void
  | readonly BatchResult<O>[]
  | Promise<void>
  | Promise<undefined | readonly BatchResult<O>[]>;

/** A job whose handler is given many runs at once. */
export interface BatchJob<N extends string, I, P, O, E extends Errors> extends Contract<N, I, P, O, E> {
  /** What workers call. */
  readonly handler: (items: readonly BatchItem<P, E>[], ctx: BatchContext) => unknown;
}

/** A contract of such a job. `W` is what its handler must return for each run. */
export interface UnhandledBatch<N extends string, I, P, O, W, E extends Errors>
  extends Contract<N, I, P, O, E> {
  /** The job: this contract and its handler. Adds code only, never policy. */
  handle(
    handler: (items: readonly BatchItem<P, E>[], ctx: BatchContext) => BatchResults<W>,
  ): BatchJob<N, I, P, O, E>;
}
