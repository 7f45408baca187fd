// What a job is, as types: the contract that callers import, and the job that workers run.
//
// A contract is a name, an input, an output, the failures it declares and its policy. A job is a contract with its
// handler. `job()` makes either, from one definition, so the two cannot disagree. The types are kept plain on
// purpose: three hundred jobs in one `open` must not be felt in an editor.
//
// Before this file come schemas, policy and requests. After it comes define.ts, which makes the values.

import type { Adapter, TxOf } from "./adapter.js";
import type { Context } from "./context.js";
import type { RunFailedError } from "./errors.js";
import type { InputArgs, Request, RequestOptions } from "./options.js";
import type { Outcome } from "./outcome.js";
import type { Policy } from "./policy-types.js";
import type { RunRecord } from "./record.js";
import type { Errors, InputOf, MustBeStorable, ParsedOf, Schema, Stored } from "./schema.js";

/** What callers need of a job. `I` is what they give, `P` what the handler gets, `O` what they get back. */
export interface Contract<
  N extends string = string,
  I = never,
  P = unknown,
  O = unknown,
  E extends Errors = Errors,
> {
  readonly name: N;
  readonly "~types": { input: I; parsed: P; output: O; errors: E };
  /** The job and its input, for `enqueueMany`, `batch` and `flow`. Checked when it is enqueued. */
  with(...args: InputArgs<I, RequestOptions>): Request<O>;
  /** Whether a run is one of this job; narrows its input and output. */
  is(run: RunRecord): run is RunRecord<I, O> & { job: N };
  /** Whether an error is this job's failure of that code; narrows its data. */
  failedWith<C extends keyof E & string>(
    error: unknown,
    code: C,
  ): error is RunFailedError & { code: C; data: ParsedOf<E[C]> };
}

/** A contract with its handler: what workers run. */
export interface Job<
  N extends string = string,
  I = never,
  P = never,
  O = unknown,
  E extends Errors = never,
  Tx = never,
> extends Contract<N, I, P, O, E> {
  readonly handler: (input: P, ctx: Context<E, Tx>) => unknown;
}

/** A contract whose handler stands in another file. `W` is what that handler must return. */
export interface Unhandled<N extends string, I, P, O, W, E extends Errors, Tx>
  extends Contract<N, I, P, O, E> {
  /** The job: this contract and its handler. Adds code only, never policy. */
  handle(handler: (input: P, ctx: Context<E, Tx>) => MaybePromise<W | Outcome<W>>): Job<N, I, P, O, E, Tx>;
}

/** Any contract at all. */
export type AnyContract = Contract<string, any, any, any, any>;
/** Any job at all. */
export type AnyJob = Job<any, any, any, any, any, any>;

export type MaybePromise<T> = T | Promise<T>;

type Def<N, S, E> = { name: N; input?: S; errors?: E } & Policy<ParsedOf<S>>;

/** Defines a job, or with no `handle` the contract of one. `Tx` is the transaction that `ctx.tx` gives. */
export interface DefineJob<Tx> {
  /** Output declared: the handler must return the schema's input, callers get its output. */
  <
    const N extends string,
    S extends Schema<any, any> | undefined = undefined,
    OS extends Schema<any, any> = Schema,
    E extends Errors = {},
  >(
    def: Def<N, S, E> &
      MustBeStorable<S> & {
        output: OS;
        handle(input: ParsedOf<S>, ctx: Context<E, Tx>): MaybePromise<InputOf<OS> | Outcome<InputOf<OS>>>;
      },
  ): Job<N, InputOf<S>, ParsedOf<S>, ParsedOf<OS>, E, Tx>;
  /** Output inferred: callers get what JSON leaves of it. */
  <
    const N extends string,
    S extends Schema<any, any> | undefined = undefined,
    E extends Errors = {},
    O = void,
  >(
    def: Def<N, S, E> &
      MustBeStorable<S> & {
        output?: never;
        handle(input: ParsedOf<S>, ctx: Context<E, Tx>): MaybePromise<O | Outcome<O>>;
      },
  ): Job<N, InputOf<S>, ParsedOf<S>, Stored<O>, E, Tx>;
  /** A contract: the handler lives in another file; a contract that promises a result declares `output`. */
  <
    const N extends string,
    S extends Schema<any, any> | undefined = undefined,
    OS extends Schema<any, any> | undefined = undefined,
    E extends Errors = {},
  >(
    def: Def<N, S, E> & MustBeStorable<S> & { output?: OS; handle?: never },
  ): Unhandled<N, InputOf<S>, ParsedOf<S>, ParsedOf<OS>, OS extends Schema ? InputOf<OS> : unknown, E, Tx>;
  /** Types `ctx.tx` by the adapter, at no run-time cost: `export const job = base.using<typeof adapter>()`. */
  using<A extends Adapter<any>>(): DefineJob<TxOf<A>>;
}
