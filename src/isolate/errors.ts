// What can go wrong with an isolate, and what the run that it executed is told of it.
//
// None of these is thrown at an application: they stand as the error of a run, by name and code, where `retry.when` and
// `duckdive show` find them.
//
// Before this file comes the kernel. After it come the isolates.
import { DuckdiveError } from "../kernel/index.js";

/** An execution used more memory than its isolate may have. */
export class IsolateOutOfMemoryError extends DuckdiveError {
  static readonly code = "ISOLATE_OUT_OF_MEMORY";
  readonly code: string = IsolateOutOfMemoryError.code;
}

/** An execution called `process.exit`. */
export class IsolateExitedError extends DuckdiveError {
  static readonly code = "ISOLATE_EXITED";
  readonly code: string = IsolateExitedError.code;
}

/** An execution left something uncaught, or its isolate was ended from outside. */
export class IsolateCrashedError extends DuckdiveError {
  static readonly code = "ISOLATE_CRASHED";
  readonly code: string = IsolateCrashedError.code;
}

/** An isolate could not be started, or does not have the job. */
export class IsolateNotStartedError extends DuckdiveError {
  static readonly code = "ISOLATE_NOT_STARTED";
  readonly code: string = IsolateNotStartedError.code;
}
