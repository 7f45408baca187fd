// What may be said about one request for a job: what is not policy.
//
// The job decides queue, retries, timeouts and keys. Whoever asks may say when, how urgently, after what, and what
// should travel along; nothing here can change how the job behaves once it runs.
//
// Before this file come durations. After it come `enqueue`, `.with` and `ctx.enqueue`.

import type { Duration } from "../kernel/index.js";

/** @inline */
type When = { delay?: Duration; runAt?: never } | { runAt?: Date; delay?: never };

/** What may be said about one request. */
export type RequestOptions = When & {
  /** Whole number from -10 to 10, bigger is sooner; the job's own unless given. */
  priority?: number;
  /** Runs that must have ended before this one may start. */
  after?: readonly (string | { id: string })[];
  /** What becomes of this run when one of `after` does not succeed: `fail` unless given. */
  onParentFailure?: "fail" | "cancel" | "run";
  /** Words to find it by: at most 50, of 1 to 100 characters each. */
  tags?: string[];
  /** Texts under names, beside those of the context that it is asked for in: for people, for logs, and to find it by. */
  meta?: Record<string, string>;
  /** A lower-case UUID made by the caller: asking twice with the same one is asking once. */
  id?: string;
};

/** What may be said about a child. */
export interface ChildOptions {
  /** What becomes of it when its parent ends first: `cancel` unless given. */
  onParentEnd?: "cancel" | "leave";
  /** Whole number from -10 to 10, bigger is sooner; its job's own unless given. */
  priority?: number;
  /** Words to find it by: at most 50, of 1 to 100 characters each. */
  tags?: string[];
}

/** Input and options as arguments: a job without input is called without any. */
export type InputArgs<I, Opt> = undefined extends I ? [input?: I, options?: Opt] : [input: I, options?: Opt];

/** A job and its input, put together with `.with` and not asked for yet. */
export interface Request<O = unknown> {
  readonly job: string;
  readonly "~output"?: O;
}
