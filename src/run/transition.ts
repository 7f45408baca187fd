// What becomes of a run: from how its execution ended, the job's policy and the attempt, to a Settlement.
//
// Pure: no clock, no store; randomness for the jitter is handed in. Every way an execution can end is one case below,
// and each states the move of `states.ts` it makes.
import { type ResolvedPolicy, retryDelay, type StoredError } from "../job/index.js";
import type { Ended } from "./ended.js";
import type { Fence, Settlement } from "./settlement.js";

/** What transition must know of an execution. */
export interface Execution extends Fence {
  readonly claim?: string | undefined;
  readonly attempt: number;
  readonly crashes: number;
  /** When the claim was made, on the store's clock. */
  readonly startedAt?: number | undefined;
  /** Of the application whose worker executed it. */
  readonly release?: string | undefined;
}

type Retention = Pick<ResolvedPolicy, "keep">;
export type Policy = Pick<ResolvedPolicy, "keep" | "attempts" | "backoff" | "when">;

/** Decides what becomes of a run whose execution ended. `random` gives numbers in [0, 1). */
export function transition(
  execution: Execution,
  ended: Ended,
  policy: Policy,
  random: () => number,
): Settlement {
  const fence = fenceOf(execution);
  switch (ended.how) {
    case "returned": // succeed
      return success(execution, ended.output, policy);
    case "threw": // backOff, or fail
      return again(execution, ended.error, "error", policy, random);
    case "timedOut": // backOff, or fail
      return again(execution, timeoutError(ended.timeout), "timeout", policy, random);
    case "died": // backOff, or fail
      return again(execution, ended.error, ended.reason, policy, random);
    case "failed": // fail
      return finalFailure(execution, ended.error, ended.reason, policy);
    case "cancelled": // cancel
      return {
        ...fence,
        state: "cancelled",
        reason: ended.reason,
        keep: policy.keep.cancelled,
        events: [{ kind: "cancelled", detail: { reason: ended.reason } }],
      };
    case "snoozed": // snooze
      return {
        ...fence,
        state: "scheduled",
        due: { after: ended.milliseconds },
        giveBack: true,
        events: [{ kind: "snoozed", detail: { milliseconds: ended.milliseconds } }],
      };
    case "rateLimited": // snooze, and others are held back too
      return {
        ...fence,
        state: "scheduled",
        due: { after: ended.milliseconds },
        giveBack: true,
        holdBack: ended.milliseconds,
        events: [{ kind: "rateLimited", detail: { milliseconds: ended.milliseconds } }],
      };
    case "suspended": // suspend
      return {
        ...fence,
        state: "waiting",
        waiting: { reason: "entries", on: JSON.stringify(ended.on) },
        giveBack: true,
      };
    case "restarted": // handBack, with nothing on record
      return {
        ...fence,
        state: "ready",
        giveBack: true,
        restart: { input: ended.input, version: ended.version, times: ended.times },
        events: [{ kind: "restarted", detail: { times: ended.times } }],
      };
    case "handedBack": // handBack
      return { ...fence, state: "ready", giveBack: true, events: [{ kind: "handedBack" }] };
    case "parked": // park
      return {
        ...fence,
        state: "waiting",
        waiting: { reason: ended.reason, on: ended.on },
        giveBack: true,
        events: [{ kind: "parked", detail: { reason: ended.reason, on: ended.on } }],
      };
    case "invalidInput": // fail, without having used an attempt
      return { ...finalFailure(execution, ended.error, "invalid-input", policy), giveBack: true };
    case "expired": // fail
      return finalFailure(execution, expiryError(ended.limit), "expired", policy);
    case "exhausted": // fail: the claim that found it out was no attempt
      return { ...finalFailure(execution, lostError(execution.crashes), "lost", policy), giveBack: true };
    case "poisoned": // fail, likewise
      return { ...finalFailure(execution, poisonError(execution.crashes), "poison", policy), giveBack: true };
  }
}

/** True when a claimed run has no attempt left to execute: its earlier ones were lost with their workers. */
export function isExhausted(execution: Execution, policy: Policy): boolean {
  return execution.attempt > policy.attempts;
}

/** True when a claimed run has taken down so many workers that it must not be given another one. */
export function isPoison(
  execution: Pick<Execution, "crashes">,
  policy: Pick<ResolvedPolicy, "crashes">,
): boolean {
  return execution.crashes >= policy.crashes;
}

/** True when a claimed run becomes poison should it take down one more worker. */
export function isLastChance(
  execution: Pick<Execution, "crashes">,
  policy: Pick<ResolvedPolicy, "crashes">,
): boolean {
  return execution.crashes > 0 && execution.crashes === policy.crashes - 1;
}

/** In one piece, since most executions end so. */
function success(
  { run, token, claim }: Execution,
  output: string | undefined,
  { keep }: Retention,
): Settlement {
  if (claim === undefined) return { run, token, state: "succeeded", output, keep: keep.succeeded };
  return { run, token, claim, state: "succeeded", output, keep: keep.succeeded };
}

function again(
  execution: Execution,
  error: StoredError,
  reason: string,
  policy: Policy,
  random: () => number,
): Settlement {
  const mayRetry = execution.attempt < policy.attempts && (policy.when?.(error) ?? true);
  if (!mayRetry) return finalFailure(execution, error, reason, policy);
  return {
    ...fenceOf(execution),
    state: "scheduled",
    due: { after: retryDelay(policy.backoff, execution.attempt, random) },
    error,
    events: [{ kind: "failed", detail: withStart(error, execution) }],
  };
}

/** For the timeline: the run itself has only its last start, and the last release. */
function withStart(error: StoredError, { startedAt, release }: Execution): AttemptError {
  return {
    ...error,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(release === undefined ? {} : { release }),
  };
}

/** What an attempt failed with, when it began, and which release executed it. */
type AttemptError = StoredError & { readonly startedAt?: number; readonly release?: string };

/** Failures that were found out before a handler was called. */
const uncalled: ReadonlySet<string> = new Set(["invalid-input", "expired", "lost", "poison"]);

function finalFailure(
  execution: Execution,
  error: StoredError,
  reason: string,
  policy: Retention,
): Settlement {
  return {
    ...fenceOf(execution),
    state: "failed",
    reason,
    error,
    keep: policy.keep.failed,
    events: [
      {
        kind: reason === "expired" ? "expired" : "failed",
        detail: uncalled.has(reason) ? error : withStart(error, execution),
      },
    ],
  };
}

function fenceOf(execution: Execution): Pick<Settlement, "run" | "token" | "claim"> {
  const { run, token, claim } = execution;
  return claim === undefined ? { run, token } : { run, token, claim };
}

function timeoutError(timeout: number): StoredError {
  return {
    name: "TimeoutError",
    code: "TIMEOUT",
    message: `the handler was still running after its timeout of ${timeout} ms`,
  };
}

function expiryError(limit: "startWithin" | "finishWithin"): StoredError {
  const what = limit === "startWithin" ? "it had not started" : "it had not ended";
  return { name: "ExpiredError", code: "EXPIRED", message: `${what} within its \`${limit}\`` };
}

function lostError(crashes: number): StoredError {
  return {
    name: "WorkerLostError",
    code: "LOST",
    message: `its worker died ${crashes === 1 ? "once" : `${crashes} times`} while executing it, and no attempt is left`,
  };
}

function poisonError(crashes: number): StoredError {
  return {
    name: "PoisonError",
    code: "POISON",
    message:
      `it took down ${crashes === 1 ? "the worker" : `${crashes} workers`} that executed it, so no other is given to it; ` +
      "its events say how each of them died. Mend the job, then retry the run",
  };
}
