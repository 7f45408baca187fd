// Dependencies: who comes after whom, and what an end does to those who waited for it.
//
// Of each pair there is a row, open until the run that is needed has succeeded, or until its failure is fine with the one
// that needs it. Nothing is counted: a run is let go when none of its rows is open. A run that others come after says so by
// a bit, so that the end of any other looks for nobody.
//
// Before this file come `insert.ts`, `moves.ts` when a run ends, and a retry. After it come the statements.
import { UnknownRunError } from "../../job/index.js";
import type { NewEvent, NewRun } from "../contract.js";
import { forsakenBy } from "../flow.js";
import { durableBit } from "./entries.js";
import { listing } from "./session.js";
import { statements } from "./statements.js";
import { appendEvent } from "./timeline.js";
import type { Transaction } from "./writer.js";

/** A run that comes after others. */
export interface Follower {
  readonly seq: number;
  readonly id: string;
  readonly body: number;
}

/** It has to end, because a run that it came after did not succeed. */
export interface Forsaken {
  readonly run: Follower;
  readonly ending: {
    readonly state: "failed" | "cancelled";
    readonly reason: "dependency";
    readonly error: ReturnType<typeof forsakenBy>;
  };
  readonly event: NewEvent;
}

type Policy = NonNullable<NewRun["onParentFailure"]>;

function forsaken(
  run: Follower,
  policy: Policy | null,
  cause: string,
  how: "failed" | "cancelled" | "removed",
): Forsaken {
  const error = forsakenBy(cause, how);
  const reason = "dependency";
  return policy === "cancel"
    ? {
        run,
        ending: { state: "cancelled", reason, error },
        event: { kind: "cancelled", detail: { reason, run: cause } },
      }
    : { run, ending: { state: "failed", reason, error }, event: { kind: "failed", detail: error } };
}

/**
 * Writes down what a run that was just recorded comes after; answers its place.
 *
 * @throws UnknownRunError
 */
export function link({ sql }: Transaction, run: NewRun, needs: readonly string[]): number {
  const ids = listing(needs);
  const missing = sql.get<[id: string]>(statements.missingRun, { ids });
  if (missing !== undefined) throw new UnknownRunError({ job: run.job, runId: missing[0] });
  const seq = sql.get<[number]>(statements.seqOfId, { id: run.id })?.[0] ?? 0;
  sql.run(statements.insertDependencies, { run: seq, ids, letsGo: run.onParentFailure === "run" ? 1 : 0 });
  sql.run(statements.markFollowed, { ids });
  return seq;
}

/** Looks at a run once all that it was recorded with is linked: it goes on waiting, is let go, or has to end. */
export function settleLinks(transaction: Transaction, run: Follower, now: number): Forsaken | undefined {
  const { sql } = transaction;
  type Row = [cause: string, state: "failed" | "cancelled", policy: Policy | null];
  const failed = sql.get<Row>(statements.failedNeed, { run: run.seq });
  if (failed !== undefined) return forsaken(run, failed[2], failed[0], failed[1]);
  letGoIfFree(transaction, run.seq, now);
  return undefined;
}

/** Whether it comes after a run that is not fine by now. */
export function isHeldBack({ sql }: Pick<Transaction, "sql">, run: number): boolean {
  return sql.get(statements.someNeed, { run }) !== undefined;
}

/** Makes a run ready, or scheduled, that waits for others, if it waits for none any more. Answers whether it did. */
export function letGoIfFree(transaction: Transaction, run: number, now: number): boolean {
  const { sql, found } = transaction;
  if (isHeldBack(transaction, run)) return false;
  const row = sql.get<[runAt: number]>(statements.letGoRun, { seq: run, now });
  if (row === undefined) return false;
  if (row[0] > now) found.dueAt(row[0]);
  else found.claimable = true;
  return true;
}

/** Tells those that come after a run how it ended; answers those that have to end by that. */
export function tellFollowers(
  transaction: Transaction,
  cause: string,
  how: "succeeded" | "failed" | "cancelled" | "removed",
  now: number,
): Forsaken[] {
  const { sql } = transaction;
  type Row = [seq: number, id: string, body: number, isWaiting: number, policy: Policy | null];
  const rows = sql.all<Row>(statements.followers, { needs: cause });
  const ending: Forsaken[] = [];
  for (const [seq, id, body, isWaiting, policy] of rows) {
    if (how !== "succeeded" && policy !== "run") {
      if (isWaiting === 1) ending.push(forsaken({ seq, id, body }, policy, cause, how));
      continue;
    }
    sql.run(statements.closeDependency, { run: seq, needs: cause });
    if (isWaiting === 0 || isHeldBack(transaction, seq)) continue;
    appendEvent(transaction, seq, { kind: "unparked", detail: { reason: "dependency", on: cause } }, now);
    letGoIfFree(transaction, seq, now);
  }
  return ending;
}

/** Somebody tries a run again: whether it has to wait for those that are there and have not succeeded. */
export function waitsAgain(transaction: Transaction, run: number, durable: number): boolean {
  if ((durable & durableBit.follower) === 0) return false;
  const { sql } = transaction;
  sql.run(statements.closeGone, { run });
  if (!isHeldBack(transaction, run)) return false;
  sql.run(statements.markNeeded, { run });
  return true;
}
