// Intake: how runs get into the file.
//
// `insert` shares a commit with whatever else this process writes. `insertIn` writes through a handle the application
// holds, inside of the application's own transaction, so that a run exists if and only if that transaction commits;
// the handle must lead to the same database, which the word in `duckdive_meta` shows. `prepare` gives runs that were
// recorded without their definition what the definition says.
//
// Recording is idempotent by id: whoever is unsure whether an insert arrived sends it again. A request whose unique key is
// held gets the run that holds it (`unique.ts`). One that must be refused for that throws where it is recorded; `insert`
// then takes back what the call has recorded, and throws outside: an error inside would roll back what others write in
// the same commit.
import {
  BatchFinishedError,
  UniqueConflictError,
  UnknownBatchError,
  UnknownRunError,
} from "../../job/index.js";
import { NotBuiltError } from "../../kernel/index.js";
import type { Inserted, NewBatch, NewRun, Prepared } from "../contract.js";
import { Findings } from "../findings.js";
import { add, recordBatches, reviewBatches } from "./batches.js";
import { admissionOf, jsonUnlessEmpty } from "./columns.js";
import { type Follower, isHeldBack, link, settleLinks } from "./dependencies.js";
import { durableBit } from "./entries.js";
import { endAll, endRun, type Movable } from "./moves.js";
import { noteLimits, recordRun } from "./record.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { bodyBit, isLong } from "./texts.js";
import { appendEvent } from "./timeline.js";
import { giveKey, type Holder, holderOf, meet } from "./unique.js";
import type { Transaction } from "./writer.js";

/** Records runs and batches, all or none. */
export async function insert(
  session: Session,
  runs: readonly NewRun[],
  batches: readonly NewBatch[],
): Promise<Inserted[]> {
  if (runs.length === 0 && batches.length === 0) return [];
  const answer = await session.write((transaction) =>
    insertOrTakeBack(transaction, runs, batches, session.clock.now()),
  );
  if (answer instanceof Error) throw answer;
  return answer;
}

/** What a request is refused with, having been looked at beside what is recorded. */
const refusals = [UniqueConflictError, UnknownRunError, UnknownBatchError, BatchFinishedError] as const;

type Refusal = InstanceType<(typeof refusals)[number]>;

function isRefusal(error: unknown): error is Refusal {
  return refusals.some((refusal) => error instanceof refusal);
}

function insertOrTakeBack(
  transaction: Transaction,
  runs: readonly NewRun[],
  batches: readonly NewBatch[],
  now: number,
): Inserted[] | Refusal {
  if (batches.length === 0 && !runs.some(mayBeRefused)) return insertRuns(transaction, runs, [], now);
  const { sql } = transaction;
  const found = new Findings();
  sql.run("savepoint duckdive_insert");
  try {
    const inserted = insertRuns({ sql, found }, runs, batches, now);
    transaction.found.merge(found);
    return inserted;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    sql.run("rollback to duckdive_insert");
    return error;
  } finally {
    sql.run("release duckdive_insert");
  }
}

function mayBeRefused(run: NewRun): boolean {
  return run.unique?.onConflict.kind === "reject" || hangsTogether(run);
}

/** Whether a run comes after others, or is counted in a batch. */
export function hangsTogether({ after, batch }: Omit<NewRun, "id">): boolean {
  return batch !== undefined || (after !== undefined && after.length > 0);
}

/**
 * Records runs and batches in the transaction that is open on this database.
 *
 * @throws UniqueConflictError, UnknownRunError, UnknownBatchError, BatchFinishedError
 */
export function insertRuns(
  transaction: Transaction,
  runs: readonly NewRun[],
  batches: readonly NewBatch[],
  now: number,
): Inserted[] {
  const created = recordBatches(transaction, batches, now);
  const inserted = runs.map((run) => insertRun(transaction, run, now));
  if (runs.some(hangsTogether)) hangTogether(transaction, runs, inserted, now);
  reviewBatches(transaction, created, now);
  return inserted;
}

/** Counts the runs that were recorded in their batches, and writes down which come after which. */
function hangTogether(
  transaction: Transaction,
  runs: readonly NewRun[],
  inserted: readonly Inserted[],
  now: number,
): void {
  const counted = new Map<string, number>();
  const stands = new Map<string, string>();
  const followers: NewRun[] = [];
  runs.forEach((run, position) => {
    const answer = inserted[position];
    if (answer === undefined) return;
    // Its key is held by another run, which then stands for it.
    if (answer.id !== run.id) stands.set(run.id, answer.id);
    if (!answer.created) return;
    if (run.batch !== undefined) counted.set(run.batch, (counted.get(run.batch) ?? 0) + 1);
    if (run.after !== undefined && run.after.length > 0) followers.push(run);
  });
  for (const [batch, total] of counted) add(transaction.sql, batch, total);
  const linked = followers.map((run): Follower => {
    const needs = (run.after ?? []).map((id) => stands.get(id) ?? id);
    return { seq: link(transaction, run, needs), id: run.id, body: isLong(run.input) ? bodyBit.input : 0 };
  });
  for (const run of linked) {
    const forsaken = settleLinks(transaction, run, now);
    if (forsaken !== undefined) endAll(transaction, [forsaken], now);
  }
}

/** The same where nobody is there to be refused: a run whose key is held is then not recorded. */
export function followWith(transaction: Transaction, runs: readonly NewRun[], now: number): Inserted[] {
  return runs.map((run) => {
    const isRefused = run.unique?.onConflict.kind === "reject";
    const unique = isRefused ? { ...run.unique, onConflict: { kind: "ignore" } as const } : run.unique;
    return insertRun(transaction, { ...run, unique }, now);
  });
}

function insertRun(transaction: Transaction, run: NewRun, now: number): Inserted {
  if (run.unique !== undefined) {
    const { sql } = transaction;
    const isKnown = !run.fresh && sql.get(statements.seqOfId, { id: run.id }) !== undefined;
    if (isKnown) return { id: run.id, created: false };
    const { key, onConflict } = run.unique;
    const holder = holderOf(transaction, key, { seq: 0, requestedAt: now });
    if (holder !== undefined) return meet(transaction, holder, { ...run, onConflict }, now);
  }
  if (!recordRun(transaction, run, now)) return { id: run.id, created: false };
  if (run.unique !== undefined) giveKey(transaction, run.id, run.unique);
  if (run.parent !== undefined) transaction.sql.run(statements.markParent, { id: run.parent.run });
  return { id: run.id, created: true };
}

/** Runs that nobody asks for by themselves come after no others, and are in no batch: refused before anything is written. */
export function refuseHanging(runs: readonly Omit<NewRun, "id">[]): void {
  const run = runs.find(hangsTogether);
  if (run === undefined) return;
  throw new NotBuiltError(
    `A run of "${run.job}" asks to come after others, or for a batch, and is recorded by something else than an insert. ` +
      "Leave it out, or enqueue the run by itself.",
  );
}

/** Ends `waiting(preparation)`. */
export async function prepare(session: Session, prepared: readonly Prepared[]): Promise<void> {
  refuseHanging(prepared.flatMap((item) => ("run" in item ? [item.run] : [])));
  if (prepared.length === 0) return;
  await session.write((transaction) => {
    const now = session.clock.now();
    for (const item of prepared) prepareOne(transaction, item, now);
  });
}

type PreparedRun = Omit<NewRun, "id" | "waiting" | "due">;

function prepareOne(transaction: Transaction, item: Prepared, now: number): void {
  const { sql, found } = transaction;
  type Row = [seq: number, runAt: number, requestedAt: number, body: number, durable: number];
  const row = sql.get<Row>(statements.unprepared, { id: item.id });
  if (row === undefined) return;
  const [seq, runAt, requestedAt, body, durable] = row;
  if ("invalid" in item) {
    appendEvent(transaction, seq, { kind: "failed", detail: item.invalid }, now);
    const ending = {
      state: "failed",
      reason: "invalid-input",
      error: item.invalid,
      keep: item.keep,
    } as const;
    endRun(transaction, { seq, id: item.id, body }, ending, now);
    return;
  }
  const { run } = item;
  if (run.unique !== undefined) {
    const holder = holderOf(transaction, run.unique.key, { seq, requestedAt });
    if (holder !== undefined) {
      giveWay(transaction, { seq, id: item.id, body, runAt }, holder, run, now);
      return;
    }
  }
  const long = isLong(run.input);
  if (long) sql.run(statements.writeBodyInput, { run: seq, input: run.input });
  appendEvent(transaction, seq, { kind: "prepared" }, now);
  const waits = (durable & durableBit.follower) !== 0 && isHeldBack(transaction, seq);
  sql.run(statements.prepareRun, {
    seq,
    job: run.job,
    version: run.version,
    queue: run.queue,
    priority: run.priority,
    state: waits ? "waiting" : runAt > now ? "scheduled" : "ready",
    waitReason: waits ? "dependency" : null,
    input: long ? null : run.input,
    body: long ? bodyBit.input : 0,
    ...admissionOf(run),
    startWithin: run.startWithin,
    finishWithin: run.finishWithin,
    tags: jsonUnlessEmpty(run.tags),
    meta: jsonUnlessEmpty(run.meta),
    release: run.release,
  });
  if (run.unique !== undefined) giveKey(transaction, item.id, run.unique);
  if (runAt > now) found.dueAt(runAt);
  else if (!waits) found.claimable = true;
  noteLimits(run, requestedAt, found);
}

/** Ends a run whose key is held by another, which gets of it what its rule says. */
function giveWay(
  transaction: Transaction,
  run: Movable & { readonly runAt: number },
  holder: Holder,
  { unique, ...requested }: PreparedRun,
  now: number,
): void {
  if (unique !== undefined && unique.onConflict.kind !== "reject") {
    const due = { at: run.runAt };
    meet(transaction, holder, { ...requested, due, onConflict: unique.onConflict }, now);
  }
  const reason = "duplicate";
  appendEvent(transaction, run.seq, { kind: "cancelled", detail: { reason, of: holder.id } }, now);
  endRun(transaction, run, { state: "cancelled", reason }, now);
}
