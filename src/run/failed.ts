// A run that has failed for good, as its job's `onFailed` is told of it.
//
// It is made of what the store had when the failure was decided, so it is the same whoever makes it: the worker whose
// execution failed, or one that learns of a run whose time was over.
//
// Before this file comes the failure. After it comes `loop/hooks.ts`, which tells.
import type { RunFailure, StoredError } from "../job/index.js";
import { decode, isSealed, shownValue } from "../kernel/index.js";

/** What has to be known of the run. `requestedAt` in milliseconds since 1970. */
export interface FailedRun {
  readonly id: string;
  readonly job: string;
  readonly queue: string;
  readonly input: string | undefined;
  readonly error: StoredError | undefined;
  readonly reason: string | undefined;
  readonly attempt: number;
  readonly crashes: number;
  readonly requestedAt: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
}

export function failureOf(run: FailedRun): RunFailure {
  const { id, job, queue, input, error, reason, attempt, crashes, requestedAt, tags, meta } = run;
  return {
    runId: id,
    job,
    queue,
    input: input === undefined ? undefined : shownInput(input),
    error: error ?? { name: "Error", message: reason ?? "the run does not say why" },
    reason: reason ?? "error",
    attempts: attempt,
    crashes,
    requestedAt: new Date(requestedAt).toISOString(),
    tags: [...tags],
    meta: { ...meta },
  };
}

/** One that could not be opened may be just why the run has failed: it says that it is encrypted. */
function shownInput(input: string): unknown {
  return isSealed(input) ? shownValue(input) : decode(input);
}
