// The two ways a run leaves where it was: to its end, or to rest.
//
// Settling, rescuing, cancelling, expiring and preparing all come down to these, so that what has to happen with a
// move (its long texts, its retention, the places it lets go, what listeners hear) happens at one place. Both are called inside of a
// transaction that has made sure the run is where the caller believes it is.
import type { StoredError } from "../../job/index.js";
import type { NewEvent, WaitReason } from "../contract.js";
import { durableBit, tellParent } from "./entries.js";
import { letGo, letGoAtRest } from "./gates.js";
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

/** Texts up to this length stand in the run itself. */
const longestInline = 512;

/** The bits of `duckdive_run.body`: which texts of a run stand in `duckdive_body`. */
export const bodyBit = { input: 1, output: 2, error: 4 } as const;

/** How long a run is kept when nobody said: the longest of the documented defaults, 90 days. */
export const keepUnlessSaid = 90 * 24 * 60 * 60_000;

export function isLong(text: string | undefined): boolean {
  return text !== undefined && text.length > longestInline;
}

/** What must be known of a run to move it. */
export interface Movable {
  readonly seq: number;
  readonly id: string;
  /** Its `body` as it stands. */
  readonly body: number;
}

export interface Ending {
  readonly state: "succeeded" | "failed" | "cancelled";
  readonly reason?: string | undefined;
  readonly output?: string | undefined;
  readonly error?: StoredError | undefined;
  readonly keep?: number | undefined;
  readonly giveBack?: boolean | undefined;
  /** It was lost with its worker once more. */
  readonly crashed?: boolean | undefined;
  /** Claimed only to be parked: that was no start. */
  readonly isParked?: boolean | undefined;
}

/** Ends a run. */
export function endRun(transaction: Transaction, run: Movable, ending: Ending, now: number): void {
  const { sql, found } = transaction;
  const error = ending.error === undefined ? undefined : JSON.stringify(ending.error);
  let body = run.body & bodyBit.input;
  if (isLong(ending.output)) {
    body |= bodyBit.output;
    sql.run(statements.writeBodyOutput, { run: run.seq, output: ending.output });
  }
  if (isLong(error)) {
    body |= bodyBit.error;
    sql.run(statements.writeBodyError, { run: run.seq, error });
  }
  type Row = [gates: string | null, durable: number, parent: string | null, entry: string | null];
  const [gates = null, durable = 0, parent = null, entry = null] = sql.get<Row>(statements.endRun, {
    seq: run.seq,
    state: ending.state,
    reason: ending.reason,
    now,
    expiresAt: now + (ending.keep ?? keepUnlessSaid),
    giveBack: ending.giveBack ? 1 : 0,
    output: body & bodyBit.output ? null : ending.output,
    error: body & bodyBit.error ? null : error,
    body,
    crashes: ending.crashed ? 1 : 0,
  }) ?? [];
  found.ended.push(run.id);
  letGo(transaction, run.seq, gates, now);
  if (parent !== null && entry !== null) tellParent(transaction, { parent, entry }, ending, now);
  if (durable & durableBit.children) endChildren(transaction, run.id, now);
}

/** Takes along the children of a run that has ended, or is gone, unless they are to be left, and theirs. */
export function endChildren(transaction: Transaction, parent: string, now: number): void {
  const reason = "its parent has ended";
  type Row = [seq: number, id: string, state: string, cancelAsked: string | null, body: number];
  for (const [seq, id, state, asked, body] of transaction.sql.all<Row>(statements.liveChildren, { parent })) {
    if (state !== "running") {
      appendEvent(transaction, seq, { kind: "cancelled", detail: { reason } }, now);
      endRun(transaction, { seq, id, body }, { state: "cancelled", reason }, now);
    } else if (asked === null) askToEnd(transaction, seq, reason, now);
  }
}

/** Asks for the end of a run that is running. */
export function askToEnd({ sql, found }: Transaction, seq: number, reason: string, now: number): void {
  appendEvent({ sql, found }, seq, { kind: "cancelAsked", detail: { reason } }, now);
  sql.run(statements.askCancel, { seq, reason });
  found.asked = true;
}

export interface Rest {
  readonly state: "ready" | "scheduled" | "waiting";
  readonly runAt: number;
  readonly route?: string | undefined;
  readonly waiting?: { readonly reason: WaitReason; readonly on?: string | undefined } | undefined;
  /** When it is woken although nothing has happened. */
  readonly wakeAt?: number | undefined;
  /** Absent: the last error stays. */
  readonly error?: StoredError | undefined;
  readonly giveBack?: boolean | undefined;
  readonly crashed?: boolean | undefined;
  /** Claimed only to be parked: that was no start. */
  readonly isParked?: boolean | undefined;
}

/** Takes a run from its worker and puts it to rest. */
export function restRun(transaction: Transaction, run: Movable, rest: Rest, now: number): void {
  const { sql, found } = transaction;
  const error = rest.error === undefined ? undefined : JSON.stringify(rest.error);
  let { body } = run;
  if (error !== undefined) body &= ~bodyBit.error;
  if (isLong(error)) {
    body |= bodyBit.error;
    sql.run(statements.writeBodyError, { run: run.seq, error });
  }
  type Row = [gates: string | null, startedAt: number | null];
  const [gates = null, startedAt = null] =
    sql.get<Row>(statements.restRun, {
      seq: run.seq,
      state: rest.state,
      runAt: rest.runAt,
      giveBack: rest.giveBack ? 1 : 0,
      route: rest.route ?? "",
      waitReason: rest.waiting?.reason,
      waitOn: rest.waiting?.on,
      wakeAt: rest.wakeAt,
      hasError: error === undefined ? 0 : 1,
      error: body & bodyBit.error ? null : error,
      body,
      crashes: rest.crashed ? 1 : 0,
      isParked: rest.isParked ? 1 : 0,
    }) ?? [];
  if (rest.state === "ready") found.claimable = true;
  if (rest.state === "scheduled") found.dueAt(rest.runAt);
  found.dueAt(rest.wakeAt);
  letGoAtRest(transaction, run.seq, gates, startedAt !== null, now);
}

/** Appends to the timeline of a run. Called before the move, while the run still says whose attempt it was. */
export function appendEvent(transaction: Transaction, run: number, event: NewEvent, now: number): void {
  transaction.sql.run(statements.appendEvent, {
    run,
    at: now,
    kind: event.kind,
    detail: event.detail === undefined ? null : JSON.stringify(event.detail),
  });
}
