// One run, put into its row: what every way of recording comes down to.
//
// It knows nothing of unique keys, of dependencies and of batches, which are seen to by whoever records.
//
// Before this file come `insert.ts` and the callbacks of batches. After it come the statements.
import type { NewRun } from "../contract.js";
import type { Findings } from "../findings.js";
import { admissionOf, jsonUnlessEmpty } from "./columns.js";
import { durableBit } from "./entries.js";
import { statements } from "./statements.js";
import { bodyBit, isLong } from "./texts.js";
import type { Transaction } from "./writer.js";

/** Records a run unless its id is known; answers whether it did. One that comes after others waits for them. */
export function recordRun({ sql, found }: Transaction, run: NewRun, now: number): boolean {
  const runAt = run.due === undefined ? now : "at" in run.due ? run.due.at : now + run.due.after;
  const isFollower = run.after !== undefined && run.after.length > 0;
  const waitReason = run.waiting ?? (isFollower ? "dependency" : undefined);
  const state = waitReason !== undefined ? "waiting" : runAt > now ? "scheduled" : "ready";
  const long = isLong(run.input);
  const changes = sql.run(statements.insertRun, {
    id: run.id,
    job: run.job,
    version: run.version,
    queue: run.queue,
    priority: run.priority,
    state,
    waitReason,
    requestedAt: now,
    ...admissionOf(run),
    runAt,
    startWithin: run.startWithin,
    finishWithin: run.finishWithin,
    input: long ? null : run.input,
    body: long ? bodyBit.input : 0,
    tags: jsonUnlessEmpty(run.tags),
    meta: jsonUnlessEmpty(run.meta),
    release: run.release,
    parent: run.parent?.run,
    parentEntry: run.parent?.entry,
    onParentEnd: run.parent?.onEnd,
    batch: run.batch,
    onParentFailure: isFollower ? run.onParentFailure : null,
    durable:
      (run.parent === undefined ? 0 : durableBit.parent) |
      (run.batch === undefined ? 0 : durableBit.batch) |
      (isFollower ? durableBit.follower : 0),
  });
  if (changes === 0) return false;
  if (long) sql.run(statements.insertBody, { id: run.id, input: run.input });
  if (state === "ready" || run.waiting !== undefined) found.claimable = true;
  if (state === "scheduled") found.dueAt(runAt);
  noteLimits(run, now, found);
  return true;
}

/** Notes when the limits of a run are over. */
export function noteLimits(
  run: Pick<NewRun, "startWithin" | "finishWithin">,
  requestedAt: number,
  found: Findings,
): void {
  if (run.startWithin !== undefined) found.dueAt(requestedAt + run.startWithin);
  if (run.finishWithin !== undefined) found.dueAt(requestedAt + run.finishWithin);
}
