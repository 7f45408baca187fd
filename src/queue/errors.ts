// The errors of the application's hand: asking for runs, waiting for them, and opening the place where they live.
//
// How a run ended is said by the errors of `job/`; these are about what could not be asked.
//
// Before this file comes the kernel's DuckdiveError. After it comes everything in `queue/`, and `open`.
import { DuckdiveError, didYouMean } from "../kernel/index.js";

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

/** A signal was sent to a run that is not there, or has ended: it would never be taken. */
export class SignalUnheardError extends DuckdiveError {
  static readonly code = "SIGNAL_UNHEARD";
  readonly code: string = SignalUnheardError.code;
  readonly runId: string;

  constructor({ signal, runId }: { readonly signal: string; readonly runId: string }) {
    super(
      `Signal "${signal}" was sent to run ${runId}, which has ended, or is not in this store, so that nobody will take it. ` +
        "Look at it with duckdive.get(id); to send to whichever run is there now, or comes next, name { job, key }.",
    );
    this.runId = runId;
  }
}

/** A run was to be tried again from a step on, and is none that can be tried again. */
export class NotRetryableError extends DuckdiveError {
  static readonly code = "NOT_RETRYABLE";
  readonly code: string = NotRetryableError.code;
  readonly runId: string;

  constructor({ runId, state }: { readonly runId: string; readonly state: string }) {
    super(
      `Run ${runId} is ${state}: only one that has failed, or was cancelled, is tried again. ` +
        "Nothing of its record was forgotten. Cancel one that goes on first, or wait for its end.",
    );
    this.runId = runId;
  }
}

/** A run was to be tried again from a step on that it has not on record. */
export class UnknownStepError extends DuckdiveError {
  static readonly code = "UNKNOWN_STEP";
  readonly code: string = UnknownStepError.code;
  readonly runId: string;

  constructor({ runId, step, known }: { runId: string; step: string; known: readonly string[] }) {
    const shown = known.slice(-mostShown).map((name) => `"${name}"`);
    const more = known.length > shown.length ? `; the last ${shown.length} of ${known.length} are` : ":";
    const what =
      known.length === 0 ? "It has nothing on record" : `It has on record${more} ${shown.join(", ")}`;
    super(
      `Run ${runId} has no step "${step}" on record.${didYouMean(step, known)} ${what}. ` +
        "Tried again without a step it does what is not on record, and what failed.",
    );
    this.runId = runId;
  }
}

const mostShown = 20;

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

/** How many runs of a circle a message names. */
const longestShown = 10;

/** Runs that were asked for together come after each other in a circle, so that none of them could ever start. */
export class CycleError extends DuckdiveError {
  static readonly code = "CYCLE";
  readonly code: string = CycleError.code;
  /** Their ids: each comes after the one that follows it here, and the last after the first. */
  readonly cycle: readonly string[];

  constructor(runs: readonly { readonly id: string; readonly job: string }[]) {
    const shown = runs.slice(0, longestShown).map(({ id, job }) => `"${job}" (${id})`);
    const more = runs.length > longestShown ? `, and so on through ${runs.length - longestShown} more,` : "";
    super(
      `Runs come after each other in a circle: ${shown.join(", which comes after ")}${more}, which comes after the first. ` +
        "None of them could ever start, so nothing was recorded. Take one of them out of the `after` of another.",
    );
    this.cycle = runs.map(({ id }) => id);
  }
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
