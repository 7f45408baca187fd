// The jobs of a worker as the store is told of them: which it has, and what others must know to record runs for them.
//
// Before this file come the jobs. After it come the registration, and the published definitions.
import { definitionOf } from "../job/index.js";
import type { Ability, Definition } from "../store/contract.js";
import type { KnownJob } from "./environment.js";

export function abilitiesOf(jobs: ReadonlyMap<string, KnownJob>): Ability[] {
  return [...jobs.values()].map(({ job, policy }) => ({ job: job.name, version: policy.version }));
}

export function definitionsOf(jobs: ReadonlyMap<string, KnownJob>): Definition[] {
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
  }));
}

/** What a run of the job needs beside what is published: then one that was recorded without JavaScript is prepared. */
function needsPreparation({ job, policy }: KnownJob): boolean {
  const { startWithin, finishWithin, rules } = policy;
  const computed = [startWithin, finishWithin, rules];
  return definitionOf(job).input !== undefined || computed.some((one) => one !== undefined);
}
