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
import { UniqueConflictError } from "../../job/index.js";
import { NotBuiltError } from "../../kernel/index.js";
import type { Inserted, NewRun, Prepared } from "../contract.js";
import { Findings } from "../findings.js";
import { admissionOf, jsonUnlessEmpty } from "./columns.js";
import { appendEvent, bodyBit, endRun, isLong, type Movable } from "./moves.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { giveKey, type Holder, holderOf, meet } from "./unique.js";
import type { Transaction } from "./writer.js";

/** Records runs, all or none. */
export async function insert(session: Session, runs: readonly NewRun[]): Promise<Inserted[]> {
  refuseUnbuilt(runs);
  if (runs.length === 0) return [];
  const answer = await session.write((transaction) =>
    insertOrTakeBack(transaction, runs, session.clock.now()),
  );
  if (answer instanceof UniqueConflictError) throw answer;
  return answer;
}

function insertOrTakeBack(
  transaction: Transaction,
  runs: readonly NewRun[],
  now: number,
): Inserted[] | UniqueConflictError {
  if (!runs.some(({ unique }) => unique?.onConflict.kind === "reject"))
    return insertRuns(transaction, runs, now);
  const { sql } = transaction;
  const found = new Findings();
  sql.run("savepoint duckdive_insert");
  try {
    const inserted = insertRuns({ sql, found }, runs, now);
    transaction.found.merge(found);
    return inserted;
  } catch (error) {
    if (!(error instanceof UniqueConflictError)) throw error;
    sql.run("rollback to duckdive_insert");
    return error;
  } finally {
    sql.run("release duckdive_insert");
  }
}

/** Records runs in the transaction that is open on this database. @throws UniqueConflictError */
export function insertRuns(transaction: Transaction, runs: readonly NewRun[], now: number): Inserted[] {
  return runs.map((run) => insertRun(transaction, run, now));
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
  const { sql, found } = transaction;
  if (run.unique !== undefined) {
    const isKnown = !run.fresh && sql.get(statements.seqOfId, { id: run.id }) !== undefined;
    if (isKnown) return { id: run.id, created: false };
    const { key, onConflict } = run.unique;
    const holder = holderOf(transaction, key, { seq: 0, requestedAt: now });
    if (holder !== undefined) return meet(transaction, holder, { ...run, onConflict }, now);
  }
  const runAt = run.due === undefined ? now : "at" in run.due ? run.due.at : now + run.due.after;
  const state = run.waiting !== undefined ? "waiting" : runAt > now ? "scheduled" : "ready";
  const long = isLong(run.input);
  const changes = sql.run(statements.insertRun, {
    id: run.id,
    job: run.job,
    version: run.version,
    queue: run.queue,
    priority: run.priority,
    state,
    waitReason: run.waiting,
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
  });
  if (changes === 0) return { id: run.id, created: false };
  if (long) sql.run(statements.insertBody, { id: run.id, input: run.input });
  if (run.unique !== undefined) giveKey(transaction, run.id, run.unique);
  if (run.parent !== undefined) sql.run(statements.markParent, { id: run.parent.run });
  if (state === "ready" || state === "waiting") found.claimable = true;
  if (state === "scheduled") found.dueAt(runAt);
  limitsOf(run, now, found);
  return { id: run.id, created: true };
}

/** Notes when the limits of a run are over. */
function limitsOf(
  run: Pick<NewRun, "startWithin" | "finishWithin">,
  requestedAt: number,
  found: Findings,
): void {
  if (run.startWithin !== undefined) found.dueAt(requestedAt + run.startWithin);
  if (run.finishWithin !== undefined) found.dueAt(requestedAt + run.finishWithin);
}

/** What the contract names and this version does not do is refused, before anything is written. */
export function refuseUnbuilt(runs: readonly Omit<NewRun, "id">[]): void {
  for (const run of runs) {
    const unbuilt = unbuiltPart(run);
    if (unbuilt === undefined) continue;
    throw new NotBuiltError(
      `A run of "${run.job}" asks for ${unbuilt}, which this version of the sqlite store cannot do yet. ` +
        "Leave it out, or use a newer version.",
    );
  }
}

function unbuiltPart(run: Omit<NewRun, "id">): string | undefined {
  if (run.batch !== undefined) return "a batch";
  if (run.after !== undefined && run.after.length > 0) return "other runs to end first (`after`)";
  return undefined;
}

/** Ends `waiting(preparation)`. */
export async function prepare(session: Session, prepared: readonly Prepared[]): Promise<void> {
  refuseUnbuilt(prepared.flatMap((item) => ("run" in item ? [item.run] : [])));
  if (prepared.length === 0) return;
  await session.write((transaction) => {
    const now = session.clock.now();
    for (const item of prepared) prepareOne(transaction, item, now);
  });
}

type PreparedRun = Omit<NewRun, "id" | "waiting" | "due">;

function prepareOne(transaction: Transaction, item: Prepared, now: number): void {
  const { sql, found } = transaction;
  type Row = [seq: number, runAt: number, requestedAt: number, body: number];
  const row = sql.get<Row>(statements.unprepared, { id: item.id });
  if (row === undefined) return;
  const [seq, runAt, requestedAt, body] = row;
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
  sql.run(statements.prepareRun, {
    seq,
    job: run.job,
    version: run.version,
    queue: run.queue,
    priority: run.priority,
    state: runAt > now ? "scheduled" : "ready",
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
  else found.claimable = true;
  limitsOf(run, requestedAt, found);
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
