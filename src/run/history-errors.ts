// What can go wrong with the durable calls of a handler, each with its name, its stable code and its remedy.
//
// Before this file come the kernel's errors. After it come the history of a run and its transactions.
import type { StoredError } from "../job/index.js";
import { DuckdiveError } from "../kernel/index.js";

/** This execution does not own its run any more: what it would have committed was rolled back. */
export class ClaimLostError extends DuckdiveError {
  static readonly code = "CLAIM_LOST";
  readonly code: string = ClaimLostError.code;
}

/** Two durable calls of one execution have the same name. */
export class StepNameTwiceError extends DuckdiveError {
  static readonly code = "STEP_NAME_TWICE";
  readonly code: string = StepNameTwiceError.code;
}

/** A durable call was made inside of another one. */
export class NestedStepError extends DuckdiveError {
  static readonly code = "NESTED_STEP";
  readonly code: string = NestedStepError.code;
}

/** The handler asks for something else than what an earlier execution of the run recorded under that name. */
export class HistoryMismatchError extends DuckdiveError {
  static readonly code = "HISTORY_MISMATCH";
  readonly code: string = HistoryMismatchError.code;
}

/** A run has made more durable calls than a run may. */
export class HistoryTooLongError extends DuckdiveError {
  static readonly code = "HISTORY_TOO_LONG";
  readonly code: string = HistoryTooLongError.code;
}

/**
 * A step has failed for good: its retries are used up, or its error is worth none. It is given to the handler as data, in the
 * execution in which it failed as in every later one: so no `instanceof` can tell one execution from another.
 */
export class StepFailedError extends DuckdiveError {
  static readonly code = "STEP_FAILED";
  /** That of the error that the step threw, when it had one. */
  readonly code: string;
  readonly step: string;
  /** What the step threw last, as it was recorded. */
  readonly error: StoredError;
  readonly data: unknown;

  constructor(step: string, error: StoredError) {
    super(`Step "${step}" failed: ${error.message}`, { cause: error });
    this.step = step;
    this.error = error;
    this.code = error.code ?? StepFailedError.code;
    this.data = error.data;
  }
}

/** A poll has not got an answer in its time. */
export class PollTimeoutError extends DuckdiveError {
  static readonly code = "POLL_TIMEOUT";
  readonly code: string = PollTimeoutError.code;
}

/** A handler went on although it was suspended: it waited for something that duckdive does not see. */
export class ForeignAwaitError extends DuckdiveError {
  static readonly code = "FOREIGN_AWAIT";
  readonly code: string = ForeignAwaitError.code;
}

const recorded = new WeakSet<Error>();

/** Marks an error as one that is on record: every later execution is given the same. */
export function recordedFailure<E extends Error>(error: E): E {
  recorded.add(error);
  return error;
}

/** Whether another execution would be given this very failure again. */
export function isRecordedFailure(error: unknown): boolean {
  return error instanceof Error && recorded.has(error);
}
