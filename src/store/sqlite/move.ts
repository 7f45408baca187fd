// Moving: how runs leave for another store, and how they come from one. Each slice is one transaction.
import type { MovedRun, StoredRun } from "../contract.js";
import { checkMoved, highestToken, limitsOf } from "../moved.js";
import { adoptBatch, readMoved, releaseBatches } from "./batches.js";
import { letGoIfFree, tellFollowers } from "./dependencies.js";
import type { Sql } from "./driver.js";
import { entries } from "./durable.js";
import { awaitedNames, durableBit } from "./entries.js";
import { gatesFrom } from "./gates.js";
import { find, timeline } from "./hand.js";
import { listing, type Session, slices } from "./session.js";
import { statements } from "./statements.js";
import { bodyBit, isLong } from "./texts.js";
import { removeRuns } from "./upkeep.js";
import type { Transaction } from "./writer.js";

const slice = 500;

/** Runs with all that belongs to them. */
export async function read(session: Session, ids: readonly string[]): Promise<MovedRun[]> {
  const found: MovedRun[] = [];
  for (const run of await find(session, ids)) {
    if (run === undefined) continue;
    const { events, logs } = await timeline(session, run.id);
    const admission = await session.read((sql) =>
      admissionFrom(sql.get(statements.admissionOfRun, { id: run.id })),
    );
    const { onParentFailure, ...others } = await session.read((sql) => othersOf(sql, run));
    found.push({
      run: { ...run, ...others.after },
      ...(onParentFailure === undefined ? {} : { onParentFailure }),
      ...others.batches,
      ...admission,
      events,
      logs,
      entries: await entries(session, run.id),
      ...(await session.read((sql) => signalsOf(sql, run.id))),
    });
  }
  return found;
}

function signalsOf(sql: Sql, run: string): Pick<MovedRun, "signals"> {
  type Row = [id: string, name: string, payload: string | null];
  const rows = sql.all<Row>(statements.signalsOfRun, { run });
  if (rows.length === 0) return {};
  return { signals: rows.map(([id, name, payload]) => ({ id, name, payload: payload ?? undefined })) };
}

/** What a run has to do with others: those that it still comes after, all of them, and its batches. */
function othersOf(
  sql: Sql,
  run: StoredRun,
): {
  readonly after: Pick<StoredRun, "after">;
  readonly onParentFailure: MovedRun["onParentFailure"];
  readonly batches: Pick<MovedRun, "batches">;
} {
  type Row = [policy: NonNullable<MovedRun["onParentFailure"]> | null, needs: string];
  const row = run.after === undefined ? undefined : sql.get<Row>(statements.needsOfRun, { id: run.id });
  return {
    after: row === undefined ? {} : { after: JSON.parse(row[1]) },
    onParentFailure: row?.[0] ?? undefined,
    batches: run.batch === undefined ? {} : { batches: readMoved(sql, run.batch) },
  };
}

function admissionFrom(
  row: [gates: string | null, fair: string | null] | undefined,
): Pick<MovedRun, "gates" | "fair"> {
  const [gates = null, fair = null] = row ?? [];
  return { ...(gates === null ? {} : { gates: gatesFrom(gates) }), ...(fair === null ? {} : { fair }) };
}

/** Removes runs that still are what somebody has read. */
export async function release(
  session: Session,
  runs: readonly Pick<StoredRun, "id" | "token" | "state">[],
): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (const some of slices(runs, slice)) {
    const released = await session.write((transaction) => {
      const batches = new Set<string>();
      const answer = some.map(({ id, token, state }) => {
        type Row = [seq: number, token: number, state: StoredRun["state"], batch: string | null];
        const row = transaction.sql.get<Row>(statements.standing, { id });
        if (row === undefined || row[1] !== token || row[2] !== state || state === "running") return false;
        removeRuns(transaction, [row[0]], session.clock.now(), "released");
        if (row[3] !== null) batches.add(row[3]);
        transaction.found.ended.push(id);
        return true;
      });
      releaseBatches(transaction, batches);
      return answer;
    });
    answers.push(...released);
  }
  return answers;
}

/** Records runs as they stood in another store. */
export async function adopt(session: Session, runs: readonly MovedRun[]): Promise<boolean[]> {
  checkMoved(runs, "with batches");
  const answers: boolean[] = [];
  for (const some of slices(runs, slice)) {
    const adopted = await session.write((transaction) => {
      transaction.sql.run(statements.raiseClaims, { token: highestToken(some) });
      return some.map((moved) => adoptOne(transaction, moved, session.clock.now()));
    });
    answers.push(...adopted);
  }
  return answers;
}

function adoptOne(transaction: Transaction, moved: MovedRun, now: number): boolean {
  const { sql, found } = transaction;
  const { run } = moved;
  const error = run.error === undefined ? undefined : JSON.stringify(run.error);
  const texts = { input: run.input, output: run.output, error };
  if (sql.run(statements.adoptRun, { ...columnsOf(moved), ...inlineOf(texts) }) === 0) return false;
  const seq = sql.get<[number]>(statements.seqOfId, { id: run.id })?.[0] ?? 0;
  adoptBelongings(transaction, seq, moved, now);
  // The outer ones first, since an inner one may have finished by now.
  for (const batch of [...(moved.batches ?? [])].reverse()) adoptBatch(transaction, batch, now);
  const long = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, isLong(text) ? text : null]),
  );
  if (Object.values(long).some((text) => text !== null)) sql.run(statements.adoptBody, { run: seq, ...long });
  meetOthers(transaction, seq, moved, now);
  if (run.finishedAt !== undefined) return true;
  if (run.state === "scheduled") found.dueAt(run.runAt);
  else found.claimable = true;
  found.dueAt(wakeOf(moved));
  found.dueAt(run.startBy);
  found.dueAt(run.finishBy);
  return true;
}

/**
 * Whoever waits for it here is let go if it has succeeded, and so is this one. Nobody ends by what another store has seen: who
 * waits for a run that failed was tried again there.
 */
function meetOthers(transaction: Transaction, seq: number, { run }: MovedRun, now: number): void {
  if (run.state === "succeeded") tellFollowers(transaction, run.id, run.state, now);
  if (run.waiting?.reason === "dependency") letGoIfFree(transaction, seq, now);
}

/** The lines of the other store are not here: who stood in one asks anew. */
function outOfLine(run: StoredRun): StoredRun {
  return run.waiting?.reason === "admission" ? { ...run, state: "ready", waiting: undefined } : run;
}

interface Texts {
  readonly input: string | undefined;
  readonly output: string | undefined;
  readonly error: string | undefined;
}

function inlineOf({ input, output, error }: Texts): Readonly<Record<string, string | number | undefined>> {
  return {
    input: isLong(input) ? undefined : input,
    output: isLong(output) ? undefined : output,
    error: isLong(error) ? undefined : error,
    body:
      (isLong(input) ? bodyBit.input : 0) |
      (isLong(output) ? bodyBit.output : 0) |
      (isLong(error) ? bodyBit.error : 0),
  };
}

function columnsOf(moved: MovedRun): Readonly<Record<string, string | number | undefined>> {
  const { gates = [], fair } = moved;
  const run = outOfLine(moved.run);
  return {
    ...limitsOf(moved),
    gates: gates.length === 0 ? undefined : JSON.stringify(gates),
    fair,
    id: run.id,
    job: run.job,
    version: run.version,
    queue: run.queue,
    priority: run.priority,
    route: run.route ?? "",
    state: run.state,
    runAt: run.runAt,
    attempt: run.attempt,
    token: run.token,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    expiresAt: run.expiresAt,
    crashes: run.crashes,
    reason: run.reason,
    waitReason: run.waiting?.reason,
    waitOn: run.waiting?.reason === "dependency" ? undefined : run.waiting?.on,
    requestedAt: run.requestedAt,
    startBy: run.startBy,
    finishBy: run.finishBy,
    tags: run.tags.length === 0 ? undefined : JSON.stringify(run.tags),
    meta: Object.keys(run.meta).length === 0 ? undefined : JSON.stringify(run.meta),
    release: run.release,
    ran: run.ranRelease,
    durable:
      (moved.entries.length === 0 ? 0 : durableBit.entries) |
      (run.batch === undefined ? 0 : durableBit.batch) |
      (run.after === undefined ? 0 : durableBit.follower),
    batch: run.batch,
    onParentFailure: moved.onParentFailure,
    wakeAt: wakeOf(moved),
  };
}

/** When the first of what it waits for is due. */
function wakeOf({ run, entries: all }: MovedRun): number | undefined {
  if (run.waiting?.reason !== "entries") return undefined;
  const names = awaitedNames(run.waiting.on);
  const times = all.flatMap(({ name, due }) =>
    due !== undefined && "at" in due && names.includes(name) ? due.at : [],
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

function adoptBelongings({ sql }: Transaction, run: number, moved: MovedRun, now: number): void {
  const { events, logs, entries, signals = [] } = moved;
  const { progress } = moved.run;
  if (events.length > 0) sql.run(statements.adoptEvents, { run, events: JSON.stringify(events) });
  if (logs.length > 0) sql.run(statements.adoptLogs, { run, logs: JSON.stringify(logs) });
  for (const { due, error, name, kind, hash, state, position, value, attempts = 0, at } of entries) {
    sql.run(statements.insertEntry, {
      run,
      ...{ name, kind, hash, state, position, value, attempts },
      error: error === undefined ? undefined : JSON.stringify(error),
      dueAt: due !== undefined && "at" in due ? due.at : undefined,
      now: at,
    });
  }
  for (const { id, name, payload } of signals)
    sql.run(statements.insertSignal, { id, run: moved.run.id, job: null, key: null, name, payload, now });
  const { id, after = [] } = moved.run;
  if (after.length > 0) {
    const ids = listing(after);
    sql.run(statements.adoptDependencies, { run, ids });
    sql.run(statements.markFollowed, { ids });
  }
  if (sql.get(statements.isNeeded, { id }) !== undefined)
    sql.run(statements.markFollowed, { ids: listing([id]) });
  if (progress !== undefined) sql.run(statements.adoptProgress, { run, now, ...progress });
}
