// The error that a caller gets for a run that failed: the stored error, with its data read by the job's own schema.
//
// It is made in one place, so that `result()` and `ctx.run` reject with the same error and `job.failedWith` narrows
// both.
//
// Before this file come the stored error and the schemas of declared failures. After it come results and children.

import { RunFailedError } from "./errors.js";
import { parseFailure } from "./input.js";
import { isPromise } from "./judge.js";
import type { StoredError } from "./record.js";
import type { MaybePromise } from "./types.js";

/**
 * The error of a failed run. A promise only when the schema declared for its code is asynchronous.
 *
 * @param contract the job of the run, when the caller has it; without, the data stays as it was stored
 */
export function runFailure(
  contract: unknown,
  run: { runId: string; job: string; error: StoredError },
): MaybePromise<RunFailedError> {
  const { runId, job, error } = run;
  const data = contract === undefined ? error.data : parseFailure(contract, error.code, error.data);
  const make = (parsed: unknown) => new RunFailedError({ runId, job, error, data: parsed });
  return isPromise(data) ? data.then(make) : make(data);
}
