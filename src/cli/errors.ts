// The errors of the command line: what was asked wrongly, what does not match, and files that cannot be used.
//
// Before this file comes the kernel's DuckdiveError. After it come the commands, and `main`, which prints them.
import { DuckdiveError } from "../kernel/index.js";

/** A command was used in a way that it cannot be. */
export class UsageError extends DuckdiveError {
  static readonly code = "USAGE";
  readonly code: string = UsageError.code;
}

/** Nothing fits what was asked for. */
export class NothingMatchedError extends DuckdiveError {
  static readonly code = "NOTHING_MATCHED";
  readonly code: string = NothingMatchedError.code;
}

/** Several runs, or workers, begin with what was given as an id. */
export class AmbiguousIdError extends DuckdiveError {
  static readonly code = "AMBIGUOUS_ID";
  readonly code: string = AmbiguousIdError.code;
}

/** None of the jobs that are known has this name. */
export class UnknownJobError extends DuckdiveError {
  static readonly code = "UNKNOWN_JOB";
  readonly code: string = UnknownJobError.code;
}

/** No signal that is known has this name. */
export class UnknownSignalError extends DuckdiveError {
  static readonly code = "UNKNOWN_SIGNAL";
  readonly code: string = UnknownSignalError.code;
}

/** No queue has this name. */
export class UnknownQueueError extends DuckdiveError {
  static readonly code = "UNKNOWN_QUEUE";
  readonly code: string = UnknownQueueError.code;
}

/** No worker that is registered has this id. */
export class UnknownWorkerError extends DuckdiveError {
  static readonly code = "UNKNOWN_WORKER";
  readonly code: string = UnknownWorkerError.code;
}

/** A file of jobs, or the configuration, cannot be loaded, or what it exports cannot be used. */
export class JobFileError extends DuckdiveError {
  static readonly code = "JOB_FILE";
  readonly code: string = JobFileError.code;
}

/** The folder for a new project has files of its own, or cannot be written. */
export class ProjectFolderError extends DuckdiveError {
  static readonly code = "PROJECT_FOLDER";
  readonly code: string = ProjectFolderError.code;
}

/** The API cannot listen where it is to be asked. */
export class WebPortError extends DuckdiveError {
  static readonly code = "WEB_PORT";
  readonly code: string = WebPortError.code;
}

/** There is no database where one was expected. */
export class StoreMissingError extends DuckdiveError {
  static readonly code = "STORE_MISSING";
  readonly code: string = StoreMissingError.code;
}

/** A worker is registered where none may be. */
export class WorkersRunningError extends DuckdiveError {
  static readonly code = "WORKERS_RUNNING";
  readonly code: string = WorkersRunningError.code;
}

/** A run is not what it was before it was moved. */
export class MoveMismatchError extends DuckdiveError {
  static readonly code = "MOVE_MISMATCH";
  readonly code: string = MoveMismatchError.code;
}
