// A claimed run as middleware sees it: the public record of a run that is about to be executed.
//
// Made only when there is middleware, since most workers have none and there are many runs.
//
// Before this file comes the claim. After it comes `composeExecute`.
import type { RunRecord } from "../job/index.js";
import { decode } from "../kernel/index.js";
import type { RunEvents } from "../run/index.js";
import type { Claimed } from "../store/contract.js";

/** What listeners hear when its handler is called. */
export function startOf(claimed: Claimed, worker: string): RunEvents["started"] {
  const { run, job, queue, attempt, tags, startedAt, runAt } = claimed;
  return { run, job, queue, attempt, worker, tags, waited: Math.max(0, startedAt - runAt) };
}

export function recordOf(claimed: Claimed): RunRecord {
  const { run, job, queue, attempt, requestedAt, runAt, startedAt, input, tags, meta } = claimed;
  return {
    id: run,
    job,
    queue,
    state: "running",
    input: input === undefined ? undefined : decode(input),
    attempt,
    requestedAt: new Date(requestedAt),
    runAt: new Date(runAt),
    startedAt: new Date(startedAt),
    tags: [...tags],
    meta,
    version: claimed.version,
    priority: claimed.priority,
    crashes: claimed.crashes,
  };
}
