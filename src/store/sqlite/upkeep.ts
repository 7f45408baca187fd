// Upkeep: what has to happen to runs although nobody asks for it.
//
// What is due becomes ready, what should have started or ended by now fails, what dead workers held goes back, and
// what is past its keeping is removed. Each looks first, by an index and outside of any transaction, so that an idle
// store is never written to; and each moves a bounded number at once, so that no lock is long.
import type { StoredError } from "../../job/index.js";
import type { Death, DepartedWorker, Promotion, Rescued } from "../contract.js";
import { forgetBatches } from "./batches.js";
import type { Sql } from "./driver.js";
import { durableBit } from "./entries.js";
import { letGo, openRates } from "./gates.js";
import { endRemoved, endRun, forsakeFollowers, type Movable, restRun } from "./moves.js";
import { forgetScheduler } from "./schedules.js";
import { listing, type Session } from "./session.js";
import { forgetSignals } from "./signals.js";
import { statements } from "./statements.js";
import { forgetTallies, rollUpTallies } from "./tallies.js";
import { appendEvent } from "./timeline.js";
import type { Transaction } from "./writer.js";

/** Makes ready what is due, and fails what has expired. */
export async function promote(session: Session, limit: number): Promise<Promotion> {
  const next = await session.read(nextDue);
  if (next === undefined || next > session.clock.now()) return { moved: 0, next, expired: [] };
  return session.write((transaction) => {
    const now = session.clock.now();
    const expired = [
      ...expire(transaction, "startWithin", now, limit),
      ...expire(transaction, "finishWithin", now, limit),
    ];
    const promoted =
      transaction.sql.run(statements.promoteDue, { now, limit }) +
      transaction.sql.run(statements.wakeDue, { now, limit }) +
      openRates(transaction, now, limit);
    const released = transaction.sql.run(statements.releaseQueues, { now });
    if (promoted > 0 || released > 0) transaction.found.claimable = true;
    return { moved: promoted + expired.length, next: nextDue(transaction.sql), expired };
  });
}

/** When something is due next: a run's time or wake-up, the end of its patience, a place at a rate, or a queue that was held back. */
export function nextDue(sql: Sql): number | undefined {
  const { nextScheduled, nextWake, nextStartBy, nextFinishBy, nextOpening, nextRelease } = statements;
  const times = [nextScheduled, nextWake, nextStartBy, nextFinishBy, nextOpening, nextRelease]
    .map((statement) => sql.get<[number | null]>(statement)?.[0])
    .filter((time): time is number => typeof time === "number");
  return times.length === 0 ? undefined : Math.min(...times);
}

function expire(
  transaction: Transaction,
  limitName: "startWithin" | "finishWithin",
  now: number,
  limit: number,
): Promotion["expired"] {
  const statement = limitName === "startWithin" ? statements.expiredStart : statements.expiredFinish;
  const rows = transaction.sql.all<[seq: number, id: string, body: number, job: string]>(statement, {
    now,
    limit,
  });
  const what = limitName === "startWithin" ? "it had not started" : "it had not ended";
  const error: StoredError = {
    name: "ExpiredError",
    code: "EXPIRED",
    message: `${what} within its \`${limitName}\``,
  };
  for (const [seq, id, body] of rows) {
    appendEvent(transaction, seq, { kind: "expired", detail: error }, now);
    endRun(transaction, { seq, id, body }, { state: "failed", reason: "expired", error }, now);
  }
  return rows.map(([, run, , job]) => ({ run, job }));
}

/** Gives the runs of dead workers back, and takes those workers out; of those that left by themselves as `stopped`. */
export async function bury(
  session: Session,
  deaths: readonly Death[],
  how: DepartedWorker["how"],
): Promise<Rescued[]> {
  if (deaths.length === 0) return [];
  return session.write((transaction) => {
    const now = session.clock.now();
    transaction.found.workers = true;
    const rescued = deaths.flatMap((death) => buryOne(transaction, death, how, now));
    transaction.sql.run(statements.forgetDeparted, { now });
    return rescued;
  });
}

function buryOne(transaction: Transaction, death: Death, how: DepartedWorker["how"], now: number): Rescued[] {
  const { sql } = transaction;
  const { worker, cause } = death;
  const rescued = giveUpRuns(transaction, death, now);
  const lost = rescued.length;
  const runs = listing(rescued.slice(0, 100).map(({ run }) => run));
  const fate = lost > 0 || how === "lost" ? { how: "lost", cause } : { how, cause: null };
  sql.run(statements.depart, { worker, now, ...fate, lost, runs });
  sql.run(statements.deleteMessagesOf, { worker });
  sql.run(statements.deleteAbilities, { worker });
  sql.run(statements.deleteWorker, { worker });
  forgetScheduler(transaction, worker, now);
  return rescued;
}

function giveUpRuns(transaction: Transaction, { worker, cause, culprits }: Death, now: number): Rescued[] {
  type Row = [
    seq: number,
    id: string,
    job: string,
    attempt: number,
    runAt: number,
    route: string,
    cancelAsked: string | null,
    body: number,
  ];
  const rows = transaction.sql.all<Row>(statements.runsOfWorker, { worker });
  return rows.map(([seq, id, job, attempt, runAt, route, cancelAsked, body]) => {
    const run: Movable = { seq, id, body };
    const innocent = culprits !== undefined && !culprits.includes(id);
    const blame = { ...(cause === undefined ? {} : { cause }), ...(innocent ? { innocent } : {}) };
    const counted = { crashed: !innocent, giveBack: innocent };
    appendEvent(transaction, seq, { kind: "lost", detail: { worker, ...blame } }, now);
    if (cancelAsked === null) {
      restRun(transaction, run, { state: "ready", runAt, route, ...counted }, now);
    } else {
      appendEvent(transaction, seq, { kind: "cancelled", detail: { reason: cancelAsked } }, now);
      endRun(transaction, run, { state: "cancelled", reason: cancelAsked, ...counted }, now);
    }
    return { run: id, job, attempt, worker, ...blame };
  });
}

/** Removes what is past its keeping. */
export async function prune(session: Session, limit: number): Promise<number> {
  const values = () => ({ now: session.clock.now(), limit });
  await rollUpTallies(session, limit);
  await forgetTallies(session, limit);
  await forgetRates(session, limit);
  await forgetSignals(session, limit);
  await forgetBatches(session, limit);
  const some = await session.read((sql) => sql.get(statements.prunable, { ...values(), limit: 1 }));
  if (some === undefined) return 0;
  return session.write((transaction) => {
    const rows = transaction.sql.all<[number]>(statements.prunable, values());
    const seqs = rows.map((row) => row[0]);
    return seqs.length === 0 ? 0 : removeRuns(transaction, seqs, session.clock.now());
  });
}

/** Forgets rates that have not been used for so long that nothing is left to know of them. */
async function forgetRates(session: Session, limit: number): Promise<void> {
  const now = session.clock.now();
  const some = await session.read((sql) => sql.get(statements.forgettableRate, { now }));
  if (some !== undefined)
    await session.write(({ sql }) => void sql.run(statements.forgetRates, { now, limit }));
}

/**
 * Removes runs and all that hangs on them; they must not be running. Of live ones their relatives hear; those that leave for
 * another store go on there for whoever comes after them, and for their batches.
 */
export function removeRuns(
  transaction: Transaction,
  places: readonly number[],
  now: number,
  how: "removed" | "released" = "removed",
): number {
  const { sql } = transaction;
  const seqs = listing(places);
  type Row = [seq: number, gates: string];
  const gated = sql.all<Row>(statements.gatesOfRuns, { seqs });
  type FamilyRow = [
    seq: number,
    id: string,
    state: string,
    durable: number,
    parent: string | null,
    entry: string | null,
    batch: string | null,
  ];
  const family = sql.all<FamilyRow>(statements.familyOfRuns, { seqs });
  for (const statement of [
    statements.deleteSignals,
    statements.deleteBody,
    statements.deleteEvent,
    statements.deleteLog,
    statements.deleteProgress,
    statements.deleteEntry,
    statements.deleteDependency,
  ]) {
    sql.run(statement, { seqs });
  }
  const removed = sql.run(statements.deleteRuns, { seqs });
  for (const [seq, gates] of gated) letGo(transaction, seq, gates, now);
  for (const [, id, state, bits, parent, entry, batch] of family) {
    const durable = how === "removed" ? bits : bits & ~durableBit.followed;
    const hasEnded = state === "succeeded" || state === "failed" || state === "cancelled";
    if (!hasEnded)
      endRemoved(transaction, { id, durable, parent, entry, batch: how === "removed" ? batch : null }, now);
    else if (durable & durableBit.followed) forsakeFollowers(transaction, id, now);
  }
  return removed;
}
