// The entries of a run as others settle them: an end of a child, a signal. And the run's wake-up by that.
//
// A position is given in the transaction that settles, and a SQLite file has one writer at a time: so no two are alike. Whoever
// settles an entry wakes the run that waits for it, in the same transaction.
//
// Before this file come `moves.ts`, when a run ends, and `signals.ts`. After it come the statements.
import { RunCancelledError, type StoredError } from "../../job/index.js";
import type { Entry } from "../contract.js";
import type { Sql } from "./driver.js";
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

/** The bits of `duckdive_run.durable`: what a run has to do with durable work, with runs that come after others, and batches. */
export const durableBit = {
  entries: 1,
  children: 2,
  parent: 4,
  followed: 8,
  batch: 16,
  follower: 32,
} as const;

/** Others may have to hear of its end, so that it is ended by itself. */
export function isHeardOf(durable: number): boolean {
  return (durable & ~durableBit.follower) !== 0;
}

/** The last position that was given in a run. */
export function lastPosition(sql: Sql, run: number): number {
  return sql.get<[number | null]>(statements.lastPosition, { run })?.[0] ?? 0;
}

/** A suspension waits on one name, or on a JSON list of names. */
export function awaitedNames(on: string | null | undefined): string[] {
  if (on === undefined || on === null) return [];
  if (!on.startsWith("[")) return [on];
  const names: unknown = JSON.parse(on);
  return Array.isArray(names) ? names.map(String) : [];
}

/** Settles an entry that is pending, and wakes its run if that waits for it. */
export function settleEntry(
  transaction: Transaction,
  run: number,
  entry: Pick<Entry, "name" | "state" | "value" | "error">,
  now: number,
): void {
  const { sql, found } = transaction;
  const { name, state, value, error } = entry;
  sql.run(statements.changeEntry, {
    run,
    name,
    state,
    position: lastPosition(sql, run) + 1,
    value,
    error: error === undefined ? null : JSON.stringify(error),
    dueAt: null,
    attempts: null,
    now,
  });
  const row = sql.get<[waitOn: string | null]>(statements.waitsOn, { seq: run });
  if (row === undefined || !awaitedNames(row[0]).includes(name)) return;
  sql.run(statements.wakeRun, { seq: run, now });
  found.claimable = true;
}

/** How a child ended. */
export interface ChildEnd {
  readonly state: "succeeded" | "failed" | "cancelled";
  readonly reason?: string | undefined;
  readonly output?: string | undefined;
  readonly error?: StoredError | undefined;
}

/** What an entry keeps of the child that it was made for. */
export function resultOf(end: ChildEnd): Pick<Entry, "state" | "value" | "error"> {
  if (end.state === "succeeded") return { state: "done", value: end.output };
  if (end.state === "failed")
    return { state: "failed", error: end.error ?? { name: "Error", message: end.reason ?? "it failed" } };
  const { code } = RunCancelledError;
  return { state: "failed", error: { name: "RunCancelledError", code, message: end.reason ?? "" } };
}

/** Tells the parent of a run that has ended, or is gone. Of many children only the last is told of. */
export function tellParent(
  transaction: Transaction,
  { parent, entry }: { readonly parent: string; readonly entry: string },
  end: ChildEnd,
  now: number,
): void {
  const { sql } = transaction;
  type Row = [seq: number, kind: Entry["kind"]];
  const row = sql.get<Row>(statements.parentEntry, { parent, entry });
  if (row === undefined) return;
  const [run, kind] = row;
  if (kind === "child") settleEntry(transaction, run, { name: entry, ...resultOf(end) }, now);
  else if (sql.get(statements.someLiveChild, { parent, entry }) === undefined)
    settleEntry(transaction, run, { name: entry, state: "done" }, now);
}
