// The errors that jobs and their callers meet.
//
// Two kinds: a definition or an input that is wrong, said where it is made; and the end of a run, said to whoever
// waits for its result. The second kind carries data, because programs decide by it.
//
// Before this file come the kernel's errors and the words for runs. After it come definitions, and `result()`.

import { DuckdiveError, formatDuration } from "../kernel/index.js";
import type { StoredError } from "./record.js";

/** One complaint of a schema. `path` is in the notation of JSONPath: `$.items[3].at`. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** An input that its job's schema does not accept, when it is enqueued or when it is about to run. */
export class InvalidInputError extends DuckdiveError {
  static readonly code = "INVALID_INPUT";
  readonly code: string = InvalidInputError.code;
  readonly job: string;
  readonly issues: readonly Issue[];

  constructor(message: string, options: { job: string; issues: readonly Issue[]; cause?: unknown }) {
    super(message, options);
    this.job = options.job;
    this.issues = options.issues;
  }
}

/** An output, or the data of a declared failure, that the job's own schema does not accept. */
export class InvalidOutputError extends DuckdiveError {
  static readonly code = "INVALID_OUTPUT";
  readonly code: string = InvalidOutputError.code;
  readonly job: string;
  readonly issues: readonly Issue[];

  constructor(message: string, options: { job: string; issues: readonly Issue[]; cause?: unknown }) {
    super(message, options);
    this.job = options.job;
    this.issues = options.issues;
  }
}

/** Two different jobs have the same name, and a run could go to either. */
export class DuplicateJobError extends DuckdiveError {
  static readonly code = "DUPLICATE_JOB";
  readonly code: string = DuplicateJobError.code;
  readonly job: string;

  constructor(job: string) {
    super(
      `Two jobs are named "${job}". Rename one of them: a run is brought to its handler by the job's name.`,
    );
    this.job = job;
  }
}

/** A contract stands where a job is needed: it has no handler. */
export class ContractNotHandledError extends DuckdiveError {
  static readonly code = "CONTRACT_NOT_HANDLED";
  readonly code: string = ContractNotHandledError.code;
  readonly job: string;

  constructor(job: string) {
    super(
      `"${job}" is a contract without a handler, and cannot be worked. Pass what contract.handle(fn) gives back.`,
    );
    this.job = job;
  }
}

/** A run has failed for good. `code` and `data` are those of the failure, when the handler gave them. */
export class RunFailedError extends DuckdiveError {
  static readonly code = "RUN_FAILED";
  /** What the handler gave to `ctx.fail`, or the code of the error that it threw; else `RUN_FAILED`. */
  readonly code: string;
  readonly runId: string;
  readonly job: string;
  /** As the schema that the job declares for this code reads it; for an undeclared one, as stored. */
  readonly data: unknown;
  /** The last error of the run, as it was recorded. */
  readonly error: StoredError;

  constructor(failure: { runId: string; job: string; error: StoredError; data?: unknown; cause?: unknown }) {
    const { runId, job, error } = failure;
    super(`Run ${runId} of job "${job}" failed: ${error.message}`, { cause: failure.cause ?? error });
    this.runId = runId;
    this.job = job;
    this.error = error;
    this.code = error.code ?? RunFailedError.code;
    this.data = "data" in failure ? failure.data : error.data;
  }
}

/** A run was cancelled before it succeeded. */
export class RunCancelledError extends DuckdiveError {
  static readonly code = "RUN_CANCELLED";
  readonly code: string = RunCancelledError.code;
  readonly runId: string;
  readonly reason: string;

  constructor(end: { runId: string; reason: string }) {
    super(`Run ${end.runId} was cancelled: ${end.reason}`);
    this.runId = end.runId;
    this.reason = end.reason;
  }
}

/** The time given to `result()` or `outcome()` is over. The run goes on. */
export class ResultTimeoutError extends DuckdiveError {
  static readonly code = "RESULT_TIMEOUT";
  readonly code: string = ResultTimeoutError.code;
  readonly runId: string;

  /** `timeout` in milliseconds. */
  constructor(wait: { runId: string; timeout: number }) {
    super(
      `Run ${wait.runId} has not ended within ${formatDuration(wait.timeout)}. It goes on: ask again later, by its id.`,
    );
    this.runId = wait.runId;
  }
}

/** The unique key of a request is taken, and its job says `onConflict: "reject"`. */
export class UniqueConflictError extends DuckdiveError {
  static readonly code = "UNIQUE_CONFLICT";
  readonly code: string = UniqueConflictError.code;
  /** The run that has the key. */
  readonly existing: string;

  constructor(conflict: { job: string; existing: string }) {
    super(
      `Run ${conflict.existing} of job "${conflict.job}" has the same unique key. ` +
        `Use that run, or a job whose onConflict is "ignore", which gives it back.`,
    );
    this.existing = conflict.existing;
  }
}

/** A rule of a job's policy cannot make a key of an input: its function threw, or gave neither a text nor null. */
export class InvalidKeyError extends DuckdiveError {
  static readonly code = "INVALID_KEY";
  readonly code: string = InvalidKeyError.code;
  readonly job: string;
  /** Where the rule stands in the policy: `concurrency[1].by`. */
  readonly option: string;

  constructor(
    what: string,
    options: {
      readonly job: string;
      readonly option: string;
      readonly remedy: string;
      readonly cause?: unknown;
    },
  ) {
    super(
      `job "${options.job}": ${options.option} ${what}. ${options.remedy}. Nothing was recorded.`,
      options,
    );
    this.job = options.job;
    this.option = options.option;
  }
}

/** What was given as `tx` is no transaction of the adapter that `open({ with })` was given. */
export class InvalidTransactionError extends DuckdiveError {
  static readonly code = "INVALID_TRANSACTION";
  readonly code: string = InvalidTransactionError.code;
}

/** A run was to come after one that the store does not know: to start it now could be too early, and to wait be for ever. */
export class UnknownRunError extends DuckdiveError {
  static readonly code = "UNKNOWN_RUN";
  readonly code: string = UnknownRunError.code;
  /** The run that is not there. */
  readonly runId: string;

  constructor({ job, runId }: { readonly job: string; readonly runId: string }) {
    super(
      `A run of job "${job}" was to come after run ${runId}, and no run has that id: it was never recorded, it was ` +
        "deleted, or it has ended so long ago that it is past its keeping (the `keep` of its job). Nothing was recorded. " +
        "Correct the id, leave it out if that run is known to be over, or record both together with duckdive.flow().",
    );
    this.runId = runId;
  }
}

/** A run was to be counted in a batch that the store does not know. */
export class UnknownBatchError extends DuckdiveError {
  static readonly code = "UNKNOWN_BATCH";
  readonly code: string = UnknownBatchError.code;
  readonly batchId: string;

  constructor(batchId: string) {
    super(
      `No batch has the id ${batchId}. It was never recorded in this store, or it is past its keeping: a batch is kept as ` +
        "long as one of its runs, and for 90 days from its end. Make a new one with duckdive.batch().",
    );
    this.batchId = batchId;
  }
}

/** A batch has finished, and its callbacks have been told so: there is nothing that could be added to it. */
export class BatchFinishedError extends DuckdiveError {
  static readonly code = "BATCH_FINISHED";
  readonly code: string = BatchFinishedError.code;
  readonly batchId: string;

  constructor({ name, batchId }: { readonly name: string; readonly batchId: string }) {
    super(
      `Batch "${name}" (${batchId}) has finished, so nothing can be added to it. Add from inside a run of the batch, with ` +
        "ctx.batch.add(): while that runs the batch cannot finish. Or make a new batch.",
    );
    this.batchId = batchId;
  }
}
