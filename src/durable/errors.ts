// What a handler, and whoever reads why its run failed, may meet of durable calls.
//
// A failed step is given to the handler as data, in the execution in which it failed as in every later one: so no
// `instanceof` can tell one execution from another.
import type { StoredError } from "../job/index.js";
import { DuckdiveError } from "../kernel/index.js";

/** A step has failed for good: its retries are used up, or its error is worth none. */
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
