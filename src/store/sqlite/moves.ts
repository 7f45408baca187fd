// The two ways a run leaves where it was: to its end, or to rest.
//
// Settling, rescuing, cancelling, expiring and preparing all come down to these, so that what has to happen with a
// move (its long texts, its retention, the places it lets go, what listeners hear) happens at one place. Both are called inside of a
// transaction that has made sure the run is where the caller believes it is.
import type { StoredError } from "../../job/index.js";
import type { NewEvent, WaitReason } from "../contract.js";
import { count } from "./batches.js";
import { tellFollowers } from "./dependencies.js";
import { durableBit, isHeardOf, tellParent } from "./entries.js";
import { letGo, letGoAtRest } from "./gates.js";
import { statements } from "./statements.js";
import { bodyBit, isLong } from "./texts.js";
import { appendEvent } from "./timeline.js";
import type { Transaction } from "./writer.js";

/** How long a run is kept when nobody said: the longest of the documented defaults, 90 days. */
export const keepUnlessSaid = 90 * 24 * 60 * 60_000;

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

/** A run that has to end because of another one, and what its timeline says of that. */
export interface Consequence {
  readonly run: Movable;
  readonly ending: Ending;
  readonly event: NewEvent;
}

/** Ends a run, and whatever has to end because of that. */
export function endRun(transaction: Transaction, run: Movable, ending: Ending, now: number): void {
  endAll(transaction, endOne(transaction, run, ending, now), now);
}

/** Ends runs that have to end because of others, and so on: one after another, so that no depth is too deep. */
export function endAll(transaction: Transaction, consequences: readonly Consequence[], now: number): void {
  const left = [...consequences];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { run, ending, event } = next;
    // It may have been on the list twice.
    if (transaction.sql.get(statements.isAtRest, { seq: run.seq }) === undefined) continue;
    appendEvent(transaction, run.seq, event, now);
    for (const one of endOne(transaction, run, ending, now)) left.push(one);
  }
}

/** Ends a run; answers those that have to end because of it. */
function endOne(transaction: Transaction, run: Movable, ending: Ending, now: number): Consequence[] {
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
  type Row = [
    gates: string | null,
    durable: number,
    parent: string | null,
    entry: string | null,
    batch: string | null,
  ];
  const [gates = null, durable = 0, parent = null, entry = null, batch = null] =
    sql.get<Row>(statements.endRun, {
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
  return isHeardOf(durable)
    ? consequencesOf(transaction, { id: run.id, durable, parent, entry, batch }, ending, now)
    : [];
}

/** What others know of a run. */
export interface Relative {
  readonly id: string;
  readonly durable: number;
  readonly parent: string | null;
  readonly entry: string | null;
  readonly batch: string | null;
}

/** Tells others of the end of a run: its parent, its batch, whoever comes after it. Answers those that have to end as well. */
function consequencesOf(
  transaction: Transaction,
  { id, durable, parent, entry, batch }: Relative,
  ending: Ending,
  now: number,
): Consequence[] {
  const { state } = ending;
  if (parent !== null && entry !== null) tellParent(transaction, { parent, entry }, ending, now);
  if (batch !== null) count(transaction, batch, { [state]: 1 }, now);
  return [
    ...(durable & durableBit.children ? childrenOf(transaction, id, now) : []),
    ...(durable & durableBit.followed ? tellFollowers(transaction, id, state, now) : []),
  ];
}

/** What has to be done because a live run is gone, as if it had been cancelled. */
export function endRemoved(transaction: Transaction, run: Relative, now: number): void {
  const { id, durable, parent, entry, batch } = run;
  const ending = { state: "cancelled", reason: "it was removed" } as const;
  if (parent !== null && entry !== null) tellParent(transaction, { parent, entry }, ending, now);
  if (batch !== null) count(transaction, batch, { cancelled: 1 }, now);
  if (durable & durableBit.children) endChildren(transaction, id, now);
  if (durable & durableBit.followed) forsakeFollowers(transaction, id, now);
}

/** Nobody who comes after this run need go on waiting for it: it is gone. */
export function forsakeFollowers(transaction: Transaction, id: string, now: number): void {
  endAll(transaction, tellFollowers(transaction, id, "removed", now), now);
}

/** Ends the children of a run that go with it. */
export function endChildren(transaction: Transaction, parent: string, now: number): void {
  endAll(transaction, childrenOf(transaction, parent, now), now);
}

/** The children of a run that has ended, or is gone, unless they are to be left; who of them runs is asked to end. */
function childrenOf(transaction: Transaction, parent: string, now: number): Consequence[] {
  const reason = "its parent has ended";
  type Row = [seq: number, id: string, state: string, cancelAsked: string | null, body: number];
  const ending: Consequence[] = [];
  for (const [seq, id, state, asked, body] of transaction.sql.all<Row>(statements.liveChildren, { parent })) {
    if (state !== "running") {
      ending.push({
        run: { seq, id, body },
        ending: { state: "cancelled", reason },
        event: { kind: "cancelled", detail: { reason } },
      });
    } else if (asked === null) askToEnd(transaction, seq, reason, now);
  }
  return ending;
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
