// From how a handler ended to the settlement that says so: what it returned or threw, or why it was stopped.
//
// Used by the execution of one run and by the call for many, so that a run ends in the same way in both.
//
// Before this file come handlers. After it come `run/transition`, and the settlement on its way to the store.

import {
  InvalidInputError,
  isOutcome,
  isPromise,
  type MaybePromise,
  type OutcomeValue,
  prepareInput,
  resolveRetry,
  storeFailure,
  storeOutput,
  UpgradeError,
} from "../job/index.js";
import type { Timer } from "../kernel/index.js";
import {
  type Ended,
  isRecordedFailure,
  type Settlement,
  StepFailedError,
  storedError,
  storedText,
  transition,
} from "../run/index.js";
import type { Claimed, Settling } from "../store/contract.js";
import type { Committed } from "./conclusion.js";
import { type RunContext, runCleanup } from "./context.js";
import type { Environment, KnownJob } from "./environment.js";
import { endedBy, type Stop } from "./stop.js";
import { OutputRefused } from "./transactions.js";

/** What a handler gives as a reason is for people, and stored with the run. */
const longestReason = 4_000;

/** A handler that was stopped and threw has ended by that stop; one that returned all the same has done its work. */
export function observed(end: Ended | "abandoned", stopped: Stop | undefined): Ended {
  if (end === "abandoned") return endedBy(stopped ?? { why: "lost" });
  if ((end.how === "threw" || end.how === "died") && stopped !== undefined) return endedBy(stopped);
  return end;
}

/** What the handler's returned value means. Throws what makes the attempt fail. */
export function endOf(
  returned: unknown,
  known: KnownJob,
  context: RunContext,
): MaybePromise<Ended | Committed> {
  context.checkOutcomes(returned);
  return isOutcome(returned) ? endOfMade(returned, known, context) : endOfOutput(returned, known);
}

async function endOfMade(
  returned: OutcomeValue,
  known: KnownJob,
  context: RunContext,
): Promise<Ended | Committed> {
  if (returned.kind === "restart") {
    const { text } = await prepareInput(known.job, returned.input);
    const { version } = known.policy;
    return { how: "restarted", input: text, version, times: context.restarts + 1 };
  }
  if (returned.kind !== "succeed") return endOfOutcome(returned, known);
  const end = await context.transactions.succeed(returned.fn, known);
  return end instanceof OutputRefused
    ? { how: "failed", reason: "invalid-output", error: storedError(end.error) }
    : { how: "committed", settlement: end };
}

export function endOfOutput(returned: unknown, known: KnownJob): MaybePromise<Ended> {
  try {
    const output = storeOutput(known.job, returned);
    if (isPromise(output)) return output.then((text) => ({ how: "returned", output: text }), refusedOutput);
    return { how: "returned", output };
  } catch (error) {
    return refusedOutput(error);
  }
}

function refusedOutput(error: unknown): Ended {
  return { how: "failed", reason: "invalid-output", error: storedError(error) };
}

/** What a handler threw. */
export function endOfError(error: unknown): Ended {
  const stored = storedError(error);
  // Another attempt would be given the same.
  if (isRecordedFailure(error)) {
    return { how: "failed", reason: error instanceof StepFailedError ? "step" : "child", error: stored };
  }
  return { how: "threw", error: stored };
}

/** An input that could not be read. */
export function endOfInput(error: unknown): Ended {
  const stored = storedError(error);
  return error instanceof InvalidInputError || error instanceof UpgradeError
    ? { how: "invalidInput", error: stored }
    : { how: "threw", error: stored };
}

/** Of what was told to stop before it began: its stop says what becomes of it. */
export const notBegun: Ended = { how: "threw", error: { name: "Error", message: "stopped before it began" } };

/** The outcomes that only say what becomes of the run. */
export async function endOfOutcome(
  outcome: Exclude<OutcomeValue, { kind: "succeed" | "restart" }>,
  known: KnownJob,
): Promise<Ended> {
  switch (outcome.kind) {
    case "fail":
      return failedBy(outcome, known);
    case "cancel":
      return { how: "cancelled", reason: storedText(outcome.reason, longestReason) };
    case "snooze":
      return { how: "snoozed", milliseconds: outcome.milliseconds };
    case "rateLimited":
      return { how: "rateLimited", milliseconds: outcome.milliseconds };
  }
}

async function failedBy(outcome: Extract<OutcomeValue, { kind: "fail" }>, known: KnownJob): Promise<Ended> {
  if (outcome.code === undefined) {
    const message = storedText(outcome.reason, longestReason);
    return { how: "failed", reason: "failed", error: { name: "RunFailed", message } };
  }
  const code = storedText(outcome.code, longestReason);
  const data = await storeFailure(known.job, code, outcome.data);
  const message = storedText(outcome.reason ?? `the handler failed it with "${code}"`, longestReason);
  return { how: "failed", reason: code, error: { name: "RunFailed", message, code, data } };
}

/** What becomes of the run. A job's own `retry.when` or `backoff` may throw: the run is then retried by the default rule. */
export function decide(
  claimed: Claimed,
  ended: Ended,
  known: KnownJob,
  environment: Environment,
): Settlement {
  const { policy } = known;
  const { release } = environment;
  // Of a success the store knows the release by its worker.
  const execution = release === undefined || ended.how === "returned" ? claimed : { ...claimed, release };
  try {
    return transition(execution, ended, policy, environment.random);
  } catch (error) {
    const { run, job } = claimed;
    environment.events.emit("error", { error, where: `the retry policy of job "${job}"`, run, job });
    const { backoff } = resolveRetry(undefined, "the default");
    return transition(execution, ended, { ...policy, backoff, when: () => true }, environment.random);
  }
}

/** A settlement with the runs that are recorded with it: a failure may have a job that is told of it. */
export function followed(
  claimed: Claimed,
  settlement: Settlement,
  { hooks }: Environment,
): MaybePromise<Settling> {
  const following = hooks?.follow(claimed, settlement);
  if (following === undefined) return settlement;
  return following.then((follow) => (follow.length === 0 ? settlement : { ...settlement, follow }));
}

/**
 * Runs what was deferred, last first; undefined: nothing was. One that never ends is left alone after the grace: a hang must
 * end.
 */
export function cleanUp(
  context: Pick<RunContext, "takeDeferred">,
  environment: Environment,
  claimed: Claimed,
): Promise<void> | undefined {
  const deferred = context.takeDeferred();
  return deferred.length === 0 ? undefined : runDeferred(deferred, environment, claimed);
}

async function runDeferred(
  deferred: ReturnType<RunContext["takeDeferred"]>,
  environment: Environment,
  claimed: Claimed,
): Promise<void> {
  let limit: Timer | undefined;
  const tooLong = new Promise<void>((resolve) => {
    limit = environment.clock.after(environment.grace, resolve);
  });
  const all = async (): Promise<void> => {
    for (const cleanup of deferred) await runCleanup(cleanup, environment, claimed);
  };
  await Promise.race([all(), tooLong]);
  limit?.cancel();
}
