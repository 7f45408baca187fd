// The jobs that there are: those that workers have published, and those whose definitions are at hand.
//
// A worker publishes each version of a job that it has; people are shown the newest. A definition that is only here has no
// worker yet, and is there all the same.
//
// Pure. Before this file comes the store. After it comes the client.
import { policyOf } from "../job/index.js";
import type { Definition } from "../store/contract.js";
import type { JobState } from "./types.js";

/** By name. */
export function jobStates(published: readonly Definition[], here: ReadonlyMap<string, object>): JobState[] {
  const states = new Map<string, JobState>();
  for (const [name, job] of here) states.set(name, ofPolicy(name, policyOf(job)));
  for (const definition of published) {
    const before = states.get(definition.job);
    if (before === undefined || before.version <= definition.version)
      states.set(definition.job, ofDefinition(definition, here.has(definition.job)));
  }
  return [...states.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function ofPolicy(name: string, policy: ReturnType<typeof policyOf>): JobState {
  const { version, queue, priority, attempts, description, events = [] } = policy;
  return { name, version, queue, priority, attempts, description, events, isHere: true };
}

function ofDefinition(definition: Definition, isHere: boolean): JobState {
  const { job: name, version, queue, priority, attempts, description, events = [] } = definition;
  return { name, version, queue, priority, attempts, description, events, isHere };
}
