// The errors of the application's hand: asking for runs, waiting for them, and opening the place where they live.
//
// How a run ended is said by the errors of `job/`; these are about what could not be asked.
//
// Before this file comes the kernel's DuckdiveError. After it comes everything in `queue/`, and `open`.
import { DuckdiveError } from "../kernel/index.js";

/** An id is not one: a lower-case UUID of any version. */
export class InvalidIdError extends DuckdiveError {
  static readonly code = "INVALID_ID";
  readonly code: string = InvalidIdError.code;
}

/** An id was given for a request, and a run of another job has it. */
export class IdConflictError extends DuckdiveError {
  static readonly code = "ID_CONFLICT";
  readonly code: string = IdConflictError.code;
  readonly runId: string;

  constructor(conflict: { runId: string; asked: string; found: string }) {
    super(
      `Run ${conflict.runId} exists and is of job "${conflict.found}", not "${conflict.asked}". ` +
        "An id stands for one request: make a new one for another.",
    );
    this.runId = conflict.runId;
  }
}

/** The store does not know a run: it never existed, it is past its keeping, or it was deleted. */
export class RunNotFoundError extends DuckdiveError {
  static readonly code = "RUN_NOT_FOUND";
  readonly code: string = RunNotFoundError.code;
  readonly runId: string;

  constructor(runId: string) {
    super(
      `No run has the id ${runId}. It is past its keeping (the job's \`keep\`), was deleted, or was never recorded in this store.`,
    );
    this.runId = runId;
  }
}

/** A run was recorded in a transaction that is still open, or was rolled back: there is nothing to wait for. */
export class NotCommittedError extends DuckdiveError {
  static readonly code = "NOT_COMMITTED";
  readonly code: string = NotCommittedError.code;
  readonly runId: string;

  constructor(runId: string) {
    super(
      `Run ${runId} was recorded in a transaction that is not committed, so nobody can run it yet. ` +
        "Ask for its result after the transaction; if that was rolled back, the run does not exist.",
    );
    this.runId = runId;
  }
}

/** A middleware around enqueue ended without calling `next()`, so the request was not recorded. */
export class NotEnqueuedError extends DuckdiveError {
  static readonly code = "NOT_ENQUEUED";
  readonly code: string = NotEnqueuedError.code;
}

/** `enqueueSync` met something that takes time: an asynchronous schema or middleware. */
export class NotSynchronousError extends DuckdiveError {
  static readonly code = "NOT_SYNCHRONOUS";
  readonly code: string = NotSynchronousError.code;
}

/** What was given to `open` is no place for runs. */
export class InvalidStoreError extends DuckdiveError {
  static readonly code = "INVALID_STORE";
  readonly code: string = InvalidStoreError.code;
}

/** The client was closed. */
export class ClosedError extends DuckdiveError {
  static readonly code = "CLOSED";
  readonly code: string = ClosedError.code;

  constructor(what: string) {
    super(`${what}: this client was closed by close(). Open another one.`);
  }
}
