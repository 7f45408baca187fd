// From rows to the records of the contract. Nothing here asks the database anything.
import type { StoredRun } from "../contract.js";
import type { Row } from "./driver.js";
import { namesIn } from "./gates.js";
import { numberOf, optionalNumber, optionalText } from "./text.js";

/** A run as it stands, from the columns of `find-runs.sql` and `list-runs.sql`. */
export function storedRunFrom(row: Row): StoredRun {
  const [id, job, version, queue, priority, state, reason, waitReason, waitOn, cancelAsked, ...rest] = row;
  const [route, token, attempt, crashes, worker, requestedAt, runAt, startedAt, finishedAt, ...more] = rest;
  const [
    startBy,
    finishBy,
    expiresAt,
    input,
    output,
    error,
    tags,
    meta,
    release,
    parent,
    batch,
    after,
    ...progress
  ] = more;
  const [done, total, note, ran] = progress;
  return {
    id: id ?? "",
    job: job ?? "",
    version: numberOf(version),
    queue: queue ?? "",
    priority: numberOf(priority),
    state: state as StoredRun["state"],
    reason: optionalText(reason),
    waiting: waitingFrom(waitReason, waitOn),
    cancelAsked: optionalText(cancelAsked),
    route: route === "" ? undefined : optionalText(route),
    token: numberOf(token),
    attempt: numberOf(attempt),
    crashes: numberOf(crashes),
    worker: optionalText(worker),
    requestedAt: numberOf(requestedAt),
    runAt: numberOf(runAt),
    startedAt: optionalNumber(startedAt),
    finishedAt: optionalNumber(finishedAt),
    startBy: optionalNumber(startBy),
    finishBy: optionalNumber(finishBy),
    expiresAt: optionalNumber(expiresAt),
    input: optionalText(input),
    output: optionalText(output),
    error: error === null || error === undefined ? undefined : JSON.parse(error),
    tags: tags === null || tags === undefined ? [] : JSON.parse(tags),
    meta: meta === null || meta === undefined ? {} : JSON.parse(meta),
    release: optionalText(release),
    ...(ran === null || ran === undefined ? {} : { ranRelease: ran }),
    parent: optionalText(parent),
    batch: optionalText(batch),
    ...(after === null || after === undefined ? {} : { after: namesIn(after) }),
    progress:
      done === null || done === undefined
        ? undefined
        : { done: Number(done), total: optionalNumber(total), note: optionalText(note) },
  };
}

function waitingFrom(reason: string | null | undefined, on: string | null | undefined): StoredRun["waiting"] {
  if (reason === null || reason === undefined) return undefined;
  return { reason: reason as NonNullable<StoredRun["waiting"]>["reason"], on: optionalText(on) };
}
