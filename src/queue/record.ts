// A row of the store as the application sees it: dates are Dates, input and output are values.
//
// What a record shows is what was stored, unjudged: reading a run must work with a job that has changed since, and
// with no job at hand. Only `run.result()` parses an output by its schema. What a run does not have is left out.
//
// Before this file comes the store's `StoredRun`. After it come `get`, `list`, `watch`, and everything that shows runs.
import type { RunRecord } from "../job/index.js";
import { shownValue } from "../kernel/index.js";
import type { StoredRun } from "../store/contract.js";

export function recordOf(run: StoredRun): RunRecord {
  const record: RunRecord = {
    id: run.id,
    job: run.job,
    queue: run.queue,
    state: run.state,
    input: parsed(run.input),
    attempt: run.attempt,
    requestedAt: new Date(run.requestedAt),
    runAt: new Date(run.runAt),
    tags: [...run.tags],
    meta: { ...run.meta },
    version: run.version,
    priority: run.priority,
    crashes: run.crashes,
  };
  if (run.output !== undefined) record.output = parsed(run.output);
  if (run.error !== undefined) record.error = run.error;
  if (run.startedAt !== undefined) record.startedAt = new Date(run.startedAt);
  if (run.finishedAt !== undefined) record.finishedAt = new Date(run.finishedAt);
  if (run.reason !== undefined) record.reason = run.reason;
  if (run.waiting !== undefined) record.waiting = present(run.waiting);
  if (run.cancelAsked !== undefined) record.cancelAsked = run.cancelAsked;
  if (run.progress !== undefined) record.progress = present(run.progress);
  if (run.worker !== undefined) record.worker = run.worker;
  if (run.parent !== undefined) record.parent = run.parent;
  if (run.after !== undefined) record.after = [...run.after];
  if (run.batch !== undefined) record.batch = run.batch;
  if (run.release !== undefined) record.release = run.release;
  if (run.ranRelease !== undefined) record.ranRelease = run.ranRelease;
  return record;
}

/** What was stored is JSON that the store was given; it was judged on its way in. What is encrypted says so. */
function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : shownValue(text);
}

type Present<Values> = { [Key in keyof Values]: Values[Key] } & {};

/** The same object without what is undefined. */
function present<Values extends object>(values: Values): Present<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Present<Values>;
}
