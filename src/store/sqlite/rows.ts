// From rows to the records of the contract. Nothing here asks the database anything.
import type { StoredRun, WaitReason } from "../contract.js";

/** The columns of `stored-runs.sql`, in their order. */
export type StoredRow = [
  seq: number,
  id: string,
  job: string,
  version: number,
  queue: string,
  priority: number,
  state: StoredRun["state"],
  reason: string | null,
  waitReason: WaitReason | null,
  waitOn: string | null,
  cancelAsked: string | null,
  route: string,
  token: number,
  attempt: number,
  crashes: number,
  worker: string | null,
  requestedAt: number,
  runAt: number,
  startedAt: number | null,
  finishedAt: number | null,
  startBy: number | null,
  finishBy: number | null,
  expiresAt: number | null,
  input: string | null,
  output: string | null,
  error: string | null,
  tags: string | null,
  meta: string | null,
  release: string | null,
  parent: string | null,
  batch: string | null,
  done: number | null,
  total: number | null,
  note: string | null,
  after: string | null,
  ran: string | null,
];

/** A run as it stands. */
export function storedRunFrom(row: StoredRow): StoredRun {
  const [
    ,
    id,
    job,
    version,
    queue,
    priority,
    state,
    reason,
    waitReason,
    waitOn,
    cancelAsked,
    route,
    ...timing
  ] = row;
  const [token, attempt, crashes, worker, requestedAt, runAt, startedAt, finishedAt, ...rest] = timing;
  const [startBy, finishBy, expiresAt, input, output, error, tags, meta, release, ...last] = rest;
  const [parent, batch, done, total, note, needs, ran] = last;
  const after: string[] = needs === null ? [] : JSON.parse(needs);
  return {
    id,
    job,
    version,
    queue,
    priority,
    state,
    reason: reason ?? undefined,
    waiting:
      waitReason === null ? undefined : { reason: waitReason, on: waitOn ?? awaitedRun(waitReason, after) },
    cancelAsked: cancelAsked ?? undefined,
    route: route === "" ? undefined : route,
    token,
    attempt,
    crashes,
    worker: worker ?? undefined,
    requestedAt,
    runAt,
    startedAt: startedAt ?? undefined,
    finishedAt: finishedAt ?? undefined,
    startBy: startBy ?? undefined,
    finishBy: finishBy ?? undefined,
    expiresAt: expiresAt ?? undefined,
    input: input ?? undefined,
    output: output ?? undefined,
    error: error === null ? undefined : JSON.parse(error),
    tags: tags === null ? [] : JSON.parse(tags),
    meta: meta === null ? {} : JSON.parse(meta),
    release: release ?? undefined,
    ...(ran === null ? {} : { ranRelease: ran }),
    parent: parent ?? undefined,
    batch: batch ?? undefined,
    progress: done === null ? undefined : { done, total: total ?? undefined, note: note ?? undefined },
    ...(after.length === 0 ? {} : { after }),
  };
}

/** Which of those that a run comes after it waits for is read from where that stands, and not written beside it. */
function awaitedRun(reason: WaitReason, after: readonly string[]): string | undefined {
  return reason === "dependency" ? after[0] : undefined;
}
