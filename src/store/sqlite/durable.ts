// Durable calls: what an execution records of them, and the runs that it starts by that.
//
// A name is on record once. What it asked for stays, and so does what has settled; what is pending is changed by whoever
// settles it. The children of a call are recorded with it, so that there is no call without them. One that is there
// already is one of an earlier execution, whose record of the call was given up by a retry: it goes on with that.
//
// Before this file come `record` and `recordIn`. After it come `entries.ts`, `insert.ts` and the statements.
import { UniqueConflictError } from "../../job/index.js";
import type { Entry, EntryWrite, NewRun, Recorded } from "../contract.js";
import { count } from "./batches.js";
import { waitsAgain } from "./dependencies.js";
import type { Sql } from "./driver.js";
import { type ChildEnd, lastPosition, resultOf, settleEntry } from "./entries.js";
import { followWith } from "./insert.js";
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";
import { appendEvent } from "./timeline.js";
import { removeRuns } from "./upkeep.js";
import type { Transaction } from "./writer.js";

const refused: Recorded = Object.freeze({ taken: false });

/** Writes entries and children of executions under their fence; answers each. */
export async function record(session: Session, writes: readonly EntryWrite[]): Promise<Recorded[]> {
  if (writes.length === 0) return [];
  return session.write((transaction) => {
    const now = session.clock.now();
    return writes.map((write) => recordOne(transaction, write, now));
  });
}

/** The same in the transaction that is open. */
export function recordOne(transaction: Transaction, write: EntryWrite, now: number): Recorded {
  const { sql } = transaction;
  const row = sql.get<[seq: number]>(statements.running, { id: write.run, token: write.token });
  if (row === undefined) return refused;
  const [run] = row;
  let position = lastPosition(sql, run);
  let hasNew = false;
  for (const entry of write.entries) {
    const written = writeEntry(transaction, { id: write.run, run, position: position + 1 }, entry, now);
    if (written.isSettled) position += 1;
    hasNew ||= written.isNew;
  }
  if (hasNew) sql.run(statements.markProgress, { seq: run });
  if (write.children !== undefined && write.children.length > 0)
    recordChildren(transaction, { id: write.run, run }, write.children, now);
  return { taken: true, settled: settledAfter(sql, run, write.after ?? 0) };
}

interface Place {
  readonly id: string;
  readonly run: number;
  /** That of the entry, if it settles. */
  readonly position: number;
}

/** Answers whether it was unknown, and whether it settled by this. */
function writeEntry(
  { sql }: Transaction,
  { id, run, position }: Place,
  entry: Entry,
  now: number,
): { readonly isNew: boolean; readonly isSettled: boolean } {
  type Row = [kind: Entry["kind"], state: Entry["state"], hasValue: number];
  const known = sql.get<Row>(statements.entryAtHand, { run, name: entry.name });
  if (known !== undefined && known[1] !== "pending") {
    if (entry.value !== undefined)
      sql.run(statements.keepResults, { run, name: entry.name, value: entry.value });
    return { isNew: false, isSettled: false };
  }
  const isNew = known === undefined;
  const written = isNew ? withSignal(sql, id, entry) : entry;
  const { name, kind, hash, state, value, error, due, attempts } = written;
  const isSettled = state !== "pending";
  const values = {
    run,
    name,
    state,
    value,
    position: isSettled ? position : null,
    error: error === undefined ? null : JSON.stringify(error),
    dueAt: due === undefined ? null : "at" in due ? due.at : now + due.after,
    now,
  };
  if (isNew) sql.run(statements.insertEntry, { ...values, kind, hash, attempts: attempts ?? 0 });
  else sql.run(statements.changeEntry, { ...values, attempts });
  return { isNew, isSettled };
}

/** A wait for a signal that has come already is done with that. */
function withSignal(sql: Sql, run: string, entry: Entry): Entry {
  if (entry.kind !== "signal" || entry.state !== "pending") return entry;
  type Row = [seq: number, payload: string | null];
  const row = sql.get<Row>(statements.waitingSignal, { run, name: entry.hash ?? null });
  if (row === undefined) return entry;
  sql.run(statements.takeSignal, { seq: row[0] });
  return { ...entry, state: "done", value: row[1] ?? undefined };
}

function recordChildren(
  transaction: Transaction,
  parent: { readonly id: string; readonly run: number },
  children: readonly NewRun[],
  now: number,
): void {
  const inserted = followWith(transaction, children, now);
  const entries = new Set<string>();
  children.forEach((child, index) => {
    const name = child.parent?.entry;
    if (name === undefined || inserted[index]?.created) return;
    entries.add(name);
    goOn(transaction, parent, child, name, now);
  });
  // Of many that were all there, or could not be, nobody may be left to end.
  for (const name of entries) {
    const [kind, state] =
      transaction.sql.get<[string, string]>(statements.entryAtHand, { run: parent.run, name }) ?? [];
    if (kind !== "children" || state !== "pending") continue;
    if (transaction.sql.get(statements.someLiveChild, { parent: parent.id, entry: name }) === undefined)
      settleEntry(transaction, parent.run, { name, state: "done" }, now);
  }
}

/** A child that was not recorded: it is there from before, and goes on if it did not succeed; or its key is another run's. */
function goOn(
  transaction: Transaction,
  parent: { readonly id: string; readonly run: number },
  child: NewRun,
  name: string,
  now: number,
): void {
  const { sql } = transaction;
  type Row = [seq: number, state: string, reason: string | null, output: string | null, error: string | null];
  const row = sql.get<Row>(statements.childAtHand, { id: child.id, parent: parent.id, entry: name });
  const known = sql.get<[kind: string, state: string]>(statements.entryAtHand, { run: parent.run, name });
  const isAlone = known?.[0] === "child" && known[1] === "pending";
  if (row === undefined) {
    if (isAlone) settleEntry(transaction, parent.run, { name, ...resultOf(refusedChild(child)) }, now);
    return;
  }
  const [seq, state, , output] = row;
  if (state === "failed" || state === "cancelled") retryRun(transaction, { seq, id: child.id }, now);
  else if (state === "succeeded" && isAlone)
    settleEntry(transaction, parent.run, { name, state: "done", value: output ?? undefined }, now);
}

function refusedChild({ job }: NewRun): ChildEnd {
  const message = `Another run of "${job}" has the unique key of this one, or its id, so that it was not recorded.`;
  return { state: "failed", error: { name: "UniqueConflictError", code: UniqueConflictError.code, message } };
}

/** Makes a run that failed or was cancelled ready again. What failed in it is done again, the rest is remembered. */
export function retryRun(
  transaction: Transaction,
  { seq, id }: { readonly seq: number; readonly id: string },
  now: number,
): void {
  const { sql, found } = transaction;
  type Row = [state: string, durable: number, batch: string | null];
  const [state = "", durable = 0, batch = null] = sql.get<Row>(statements.beforeRetry, { seq }) ?? [];
  appendEvent(transaction, seq, { kind: "retried" }, now);
  sql.run(statements.reopenEntries, { run: seq, id });
  const waits = waitsAgain(transaction, seq, durable);
  sql.run(statements.retryRun, { seq, now, waits: waits ? 1 : 0 });
  if (!waits) found.claimable = true;
  if (batch !== null) count(transaction, batch, { [state]: -1 }, now);
}

/** Forgets what a run that has ended recorded from this entry on, and the runs that it started by that. */
export function forget(session: Session, id: string, name: string): Promise<boolean> {
  return session.write((transaction) => {
    const { sql } = transaction;
    const run = sql.get<[number]>(statements.endedAtHand, { id })?.[0];
    if (run === undefined || sql.get(statements.entryAtHand, { run, name }) === undefined) return false;
    const names = listing(sql.all<[string]>(statements.forgotten, { run, name }).map((row) => row[0]));
    const children = sql.all<[number]>(statements.endedChildren, { parent: id, entries: names });
    if (children.length > 0)
      removeRuns(
        transaction,
        children.map((row) => row[0]),
        session.clock.now(),
      );
    sql.run(statements.deleteEntriesNamed, { run, names });
    return true;
  });
}

type EntryRow = [
  name: string,
  kind: Entry["kind"],
  hash: string | null,
  state: Entry["state"],
  position: number | null,
  value: string | null,
  error: string | null,
  dueAt: number | null,
  attempts: number,
  writtenAt: number | null,
];

function settledAfter(sql: Sql, run: number, after: number): Entry[] {
  return sql.all<EntryRow>(statements.settledAfter, { run, after }).map(entryFrom);
}

/** The durable calls of a run, in the order in which they settled, then the pending ones. */
export async function entries(session: Session, run: string): Promise<Entry[]> {
  const rows = await session.read((sql) => sql.all<EntryRow>(statements.entries, { id: run }));
  return rows.map(entryFrom);
}

function entryFrom(row: EntryRow): Entry {
  const [name, kind, hash, state, position, value, error, dueAt, attempts, writtenAt] = row;
  return {
    name,
    kind,
    state,
    hash: hash ?? undefined,
    position: position ?? undefined,
    value: value ?? undefined,
    error: error === null ? undefined : JSON.parse(error),
    due: dueAt === null ? undefined : { at: dueAt },
    attempts,
    at: writtenAt ?? undefined,
  };
}
