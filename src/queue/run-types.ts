// The handle of one run, as a type: what every call that asks for a run gives back.
//
// Before this file come records, as types. After it come the client's types, and `handle.ts`, which makes the value.
import type { RunRecord, Settled } from "../job/index.js";
import type { Duration } from "../kernel/index.js";

/** How long to wait, and what ends the waiting before. */
export interface WaitOptions {
  /** After this long the wait rejects with ResultTimeoutError; the run goes on. Without it: no limit. */
  timeout?: Duration;
  /** Aborting it rejects the wait with its reason; the run goes on. */
  signal?: AbortSignal;
}

/** The handle of one run: it holds the id, and asks the store when it is asked. */
export interface Run<O = unknown> {
  /** A UUID, of version 7 unless the caller gave it. */
  readonly id: string;
  /** False: the same id, or a unique key, gave back a run that was there before. */
  readonly created: boolean;
  /**
   * The output of the run, when it has succeeded, parsed by the job's `output` schema.
   *
   * @throws RunFailedError, RunCancelledError: how it ended
   * @throws ResultTimeoutError, or the signal's reason: it has not ended
   * @throws RunNotFoundError, NotCommittedError: there is no such run, or not yet
   * @throws InvalidOutputError: the job's schema does not accept what was stored
   */
  result(options?: WaitOptions): Promise<O>;
  /** How the run ended, as a value; never rejects for the run's own end. Otherwise as `result`. */
  outcome(options?: WaitOptions): Promise<Settled<O>>;
  /** The run as it is now; its output parsed by the job. @throws RunNotFoundError, NotCommittedError */
  get(): Promise<RunRecord<unknown, O>>;
  /** Ends it, or asks a running one to end. False: it had ended before, or there is none. */
  cancel(reason?: string): Promise<boolean>;
  /** Makes a failed or cancelled run ready again, with all attempts. False: it is neither, or there is none. */
  retry(): Promise<boolean>;
  /**
   * The run each time that it has changed, from now to its end. Changes that follow each other fast are one.
   *
   * @example for await (const { state, progress } of run.watch()) console.log(state, progress?.done);
   */
  watch(options?: { signal?: AbortSignal }): AsyncIterable<RunRecord>;
}
