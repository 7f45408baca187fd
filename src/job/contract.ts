// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a contract here; nothing is inferred as it
// A contract, as a type: what callers need of a job, and all that a web process has to import.
//
// A name, an input, an output and the failures it declares; the handler may stand in another file. The types of all
// four hang on one property that no value has, so that they can be read off without running anything.
//
// Before this file come schemas, requests and records. After it come jobs, and everything that takes one.

import type { RunFailedError } from "./errors.js";
import type { InputArgs, Request, RequestOptions } from "./options.js";
import type { RunRecord } from "./record.js";
import type { Errors, ParsedOf } from "./schema.js";

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
  /** What it takes: nothing that takes more is refused where this is asked for. No value has it. */
  readonly "~takes"?: (input: I) => void;
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

/** Any job that takes this as its input, or takes more than that. */
export interface Taking<T> {
  readonly name: string;
  readonly "~types": unknown;
  readonly "~takes"?: (input: T) => void;
}

/** Any contract at all. */
export type AnyContract = Contract<string, any, any, any, any>;
