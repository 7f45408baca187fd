// The errors of schedules: what was asked of one that is not there, is there already, or belongs to code.
//
// How a schedule is written wrongly is said by InvalidOptionError, as for everything that is written.
//
// Before this file comes the kernel's DuckdiveError. After it comes the client's hand.
import { DuckdiveError } from "../kernel/index.js";

/** There is no schedule of that name. */
export class ScheduleNotFoundError extends DuckdiveError {
  static readonly code = "SCHEDULE_NOT_FOUND";
  readonly code: string = ScheduleNotFoundError.code;

  constructor(name: string, suggestion = "") {
    super(
      `No schedule is called "${name}".${suggestion} Those in code are there once a worker that names them has started.`,
    );
  }
}

/** A schedule of that name was made before. */
export class ScheduleExistsError extends DuckdiveError {
  static readonly code = "SCHEDULE_EXISTS";
  readonly code: string = ScheduleExistsError.code;

  constructor(name: string) {
    super(`A schedule is called "${name}" already. Use update() to change it, or another name.`);
  }
}

/** A schedule of code was to be changed or removed by a call. */
export class ScheduleInCodeError extends DuckdiveError {
  static readonly code = "SCHEDULE_IN_CODE";
  readonly code: string = ScheduleInCodeError.code;

  constructor(name: string, what: string) {
    super(
      `Schedule "${name}" is in the code of workers and cannot be ${what} by a call. Change the code; or pause it, which holds ` +
        "whatever is deployed.",
    );
  }
}

/** A schedule was to be triggered whose input only code can compute, and this process does not have that code. */
export class ScheduleNotAtHandError extends DuckdiveError {
  static readonly code = "SCHEDULE_NOT_AT_HAND";
  readonly code: string = ScheduleNotAtHandError.code;

  constructor(name: string) {
    super(
      `The input of schedule "${name}" is computed by code that this process does not have. Give the schedule to open() or to ` +
        "config(), and trigger it there.",
    );
  }
}
