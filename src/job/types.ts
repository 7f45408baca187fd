// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a constraint here; nothing is inferred as it
// biome-ignore-all lint/complexity/noBannedTypes: `{}` is the record without failures, on which every code is an error
// What a job is, as types: a contract with its handler, and the function that defines either.
//
// `job()` makes both from one definition, so the two cannot disagree. The types are kept plain on purpose: three
// hundred jobs in one `open` must not be felt in an editor.
//
// Before this file come contracts, policy and the context. After it comes define.ts, which makes the values.

import type { Adapter, TxOf } from "./adapter.js";
import type {
  BatchContext,
  BatchItem,
  BatchJob,
  BatchResults,
  BatchRule,
  UnhandledBatch,
} from "./batch-types.js";
import type { Context } from "./context.js";
import type { Contract } from "./contract.js";
import type { Outcome } from "./outcome.js";
import type { Policy } from "./policy-types.js";
import type { Errors, InputOf, MustBeStorable, ParsedOf, Schema, Stored } from "./schema.js";

/** A contract with its handler: what workers run. */
export interface Job<
  N extends string = string,
  I = never,
  P = never,
  O = unknown,
  E extends Errors = never,
  Tx = never,
> extends Contract<N, I, P, O, E> {
  /** What workers call. */
  readonly handler: (input: P, ctx: Context<E, Tx>) => unknown;
}

/** A contract whose handler stands in another file. `W` is what that handler must return. */
export interface Unhandled<N extends string, I, P, O, W, E extends Errors, Tx>
  extends Contract<N, I, P, O, E> {
  /** The job: this contract and its handler. Adds code only, never policy. */
  handle(handler: (input: P, ctx: Context<E, Tx>) => MaybePromise<W | Outcome<W>>): Job<N, I, P, O, E, Tx>;
}

/** Any job at all. */
export type AnyJob = Job<any, any, any, any, any, any>;

/** @inline */
export type MaybePromise<T> = T | Promise<T>;

type Def<N, S, E> = { name: N; input?: S; errors?: E } & Policy<ParsedOf<S>, InputOf<S>>;

// The order of the forms is the order of what the compiler says: it explains the last one, so the fullest is last. Those that
// few jobs use come after those that most do, so that most are found at once.

/** Defines a job, or with no `handle` the contract of one. `Tx` is the transaction that `ctx.tx` gives. */
export interface DefineJob<Tx> {
  /** A contract: the handler lives in another file; a contract that promises a result declares `output`. */
  <
    const N extends string,
    S extends Schema<any, any> | undefined = undefined,
    OS extends Schema<any, any> | undefined = undefined,
    E extends Errors = {},
  >(
    def: Def<N, S, E> & MustBeStorable<S> & { batch?: never; output?: OS; handle?: never },
  ): Unhandled<N, InputOf<S>, ParsedOf<S>, ParsedOf<OS>, OS extends Schema ? InputOf<OS> : unknown, E, Tx>;
  /** Output inferred: callers get what JSON leaves of it. */
  <
    const N extends string,
    S extends Schema<any, any> | undefined = undefined,
    E extends Errors = {},
    O = void,
  >(
    def: Def<N, S, E> &
      MustBeStorable<S> & {
        batch?: never;
        output?: never;
        handle(input: ParsedOf<S>, ctx: Context<E, Tx>): MaybePromise<O | Outcome<O>>;
      },
  ): Job<N, InputOf<S>, ParsedOf<S>, Stored<O>, E, Tx>;
  /** A contract whose handler is given many runs at once. */
  <
    const N extends string,
    S extends Schema<any, any> | undefined = undefined,
    OS extends Schema<any, any> | undefined = undefined,
    E extends Errors = {},
  >(
    def: Def<N, S, E> & MustBeStorable<S> & { batch: BatchRule<ParsedOf<S>>; output?: OS; handle?: never },
  ): UnhandledBatch<N, InputOf<S>, ParsedOf<S>, ParsedOf<OS>, OS extends Schema ? InputOf<OS> : unknown, E>;
  /** Many runs at once, output inferred. */
  <
    const N extends string,
    S extends Schema<any, any> | undefined = undefined,
    E extends Errors = {},
    O = void,
  >(
    def: Def<N, S, E> &
      MustBeStorable<S> & {
        batch: BatchRule<ParsedOf<S>>;
        output?: never;
        handle(items: readonly BatchItem<ParsedOf<S>, E>[], ctx: BatchContext): BatchResults<O>;
      },
  ): BatchJob<N, InputOf<S>, ParsedOf<S>, Stored<Exclude<O, Error>>, E>;
  /** Many runs at once, output declared. */
  <
    const N extends string,
    S extends Schema<any, any> | undefined = undefined,
    OS extends Schema<any, any> = Schema,
    E extends Errors = {},
  >(
    def: Def<N, S, E> &
      MustBeStorable<S> & {
        batch: BatchRule<ParsedOf<S>>;
        output: OS;
        handle(items: readonly BatchItem<ParsedOf<S>, E>[], ctx: BatchContext): BatchResults<InputOf<OS>>;
      },
  ): BatchJob<N, InputOf<S>, ParsedOf<S>, ParsedOf<OS>, E>;
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
  /** Types `ctx.tx` by the adapter, at no run-time cost: `export const job = base.using<typeof adapter>()`. */
  using<A extends Adapter<any, boolean>>(): DefineJob<TxOf<A>>;
}
