// The jobs of a worker: as it holds them, and as the store is told of them, which it has, and what others must know to
// record runs for them.
//
// Before this file come the jobs. After it come the registration, and the published definitions.
import { type AnyJob, definitionOf, policyOf, redactionOf } from "../job/index.js";
import type { Ability, Definition } from "../store/contract.js";
import type { KnownJob } from "./environment.js";

/**
 * The jobs with their policies, resolved once.
 *
 * @param redact what `open` says besides
 */
export function knownJobs(
  jobs: ReadonlyMap<string, AnyJob>,
  redact?: readonly string[],
): ReadonlyMap<string, KnownJob> {
  return new Map(
    [...jobs].map(([name, job]) => {
      const policy = policyOf(job);
      return [name, { job, policy, redaction: redactionOf(redact, policy.redact) }];
    }),
  );
}

export function abilitiesOf(jobs: ReadonlyMap<string, KnownJob>): Ability[] {
  return [...jobs.values()].map(({ job, policy }) => ({ job: job.name, version: policy.version }));
}

/** @param redact what `open` says besides */
export function definitionsOf(
  jobs: ReadonlyMap<string, KnownJob>,
  redact: readonly string[] = [],
): Definition[] {
  return [...jobs.values()].map((known) => ({
    job: known.job.name,
    version: known.policy.version,
    queue: known.policy.queue,
    priority: known.policy.priority,
    attempts: known.policy.attempts,
    crashes: known.policy.crashes,
    prepared: needsPreparation(known),
    description: known.policy.description,
    events: known.policy.events,
    redact: [...new Set([...redact, ...(known.policy.redact ?? [])])],
  }));
}

/** What a run of the job needs beside what is published: then one that was recorded without JavaScript is prepared. */
function needsPreparation({ job, policy }: KnownJob): boolean {
  const { startWithin, finishWithin, rules } = policy;
  const computed = [startWithin, finishWithin, rules];
  return definitionOf(job).input !== undefined || computed.some((one) => one !== undefined);
}
