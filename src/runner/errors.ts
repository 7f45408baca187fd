// What a runner fails with.
//
// Before this file comes the kernel. After it come the runner and whoever started it.
import { DuckdiveError } from "../kernel/index.js";

/** The workers could not be kept alive, and the runner has stopped trying. `exit` is the exit code that says why. */
export class RunnerGaveUpError extends DuckdiveError {
  static readonly code = "RUNNER_GAVE_UP";
  readonly code: string = RunnerGaveUpError.code;
  readonly exit: number;

  constructor(message: string, exit: number) {
    super(message);
    this.exit = exit;
  }
}

/** The runner cannot listen where its health is to be asked. */
export class HealthPortError extends DuckdiveError {
  static readonly code = "HEALTH_PORT";
  readonly code: string = HealthPortError.code;
}
