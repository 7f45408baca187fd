// Why an execution is told to stop, and what that makes of a handler that then throws.
//
// A handler learns of it through `ctx.signal`: its reason is one of the errors below. Whether the handler obeys, is
// slow, or ignores it, the run's fate is the same, so it is decided here once.
import { DuckdiveError } from "../kernel/index.js";
import type { Ended } from "../run/index.js";
import type { Claimed } from "../store/contract.js";

export type Stop =
  | { readonly why: "timeout"; readonly timeout: number }
  | { readonly why: "expired" }
  | { readonly why: "cancelled"; readonly reason: string }
  /** The worker stops: the run goes back without losing the attempt. */
  | { readonly why: "shutdown" }
  /** Somebody told the worker to kill what it runs: a failed attempt. */
  | { readonly why: "killed" }
  /** The claim was lost, or may be: what this execution does next is likely to be refused. */
  | { readonly why: "lost" };

/** The reason of `ctx.signal` when an execution is stopped. */
export class ExecutionStoppedError extends DuckdiveError {
  static readonly code = "EXECUTION_STOPPED";
  readonly code = ExecutionStoppedError.code;
  /** "timeout", "expired", "cancelled", "shutdown", "killed" or "lost". */
  readonly why: Stop["why"];

  constructor(run: string, stop: Stop) {
    super(
      `The execution of run ${run} was stopped: ${sentences[stop.why]}. Pass \`ctx.signal\` on to what takes time, and let it end.`,
    );
    this.why = stop.why;
  }
}

const sentences: Record<Stop["why"], string> = {
  timeout: "it ran past the job's `timeout`",
  expired: "the run's `finishWithin` is over",
  cancelled: "somebody cancelled the run",
  shutdown: "its worker is shutting down; the run goes back to the queue without losing the attempt",
  killed: "somebody told its worker to kill what it runs; the attempt counts as failed",
  lost: "another worker owns the run now, or may soon",
};

const killedError = {
  name: "KilledError",
  code: "KILLED",
  message: "somebody told the worker to kill what it was running",
} as const;

/** What becomes of an execution that was stopped and did not return a value. */
export function endedBy(stop: Stop): Ended {
  switch (stop.why) {
    case "timeout":
      return { how: "timedOut", timeout: stop.timeout };
    case "expired":
      return { how: "expired", limit: "finishWithin" };
    case "cancelled":
      return { how: "cancelled", reason: stop.reason };
    case "killed":
      return { how: "threw", error: killedError };
    // A lost claim may turn out not to be lost, when only the store was away: then the attempt is not lost either.
    case "shutdown":
    case "lost":
      return { how: "handedBack" };
  }
}

/** What ends the execution first: the job's timeout, or the run's `finishWithin`. */
export function limitOf(
  claimed: Claimed,
  timeout: number,
  now: number,
): { milliseconds: number; stop: Stop } {
  const left = claimed.finishBy === undefined ? Number.POSITIVE_INFINITY : claimed.finishBy - now;
  return left < timeout
    ? { milliseconds: left, stop: { why: "expired" } }
    : { milliseconds: timeout, stop: { why: "timeout", timeout } };
}
