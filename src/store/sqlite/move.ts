// Moving: how runs leave for another store, and how they come from one. Each slice is one transaction.
import type { MovedRun, StoredRun } from "../contract.js";
import { checkMoved, highestToken, limitsOf } from "../moved.js";
import { entries } from "./durable.js";
import { awaitedNames, durableBit } from "./entries.js";
import { gatesFrom } from "./gates.js";
import { find, timeline } from "./hand.js";
import { bodyBit, isLong } from "./moves.js";
import { type Session, slices } from "./session.js";
import { statements } from "./statements.js";
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
    found.push({ run, ...admission, events, logs, entries: await entries(session, run.id) });
  }
  return found;
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
    const released = await session.write((transaction) =>
      some.map(({ id, token, state }) => {
        type Row = [seq: number, token: number, state: StoredRun["state"]];
        const row = transaction.sql.get<Row>(statements.standing, { id });
        if (row === undefined || row[1] !== token || row[2] !== state || state === "running") return false;
        removeRuns(transaction, [row[0]], session.clock.now());
        transaction.found.ended.push(id);
        return true;
      }),
    );
    answers.push(...released);
  }
  return answers;
}

/** Records runs as they stood in another store. */
export async function adopt(session: Session, runs: readonly MovedRun[]): Promise<boolean[]> {
  checkMoved(runs);
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
  const long = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, isLong(text) ? text : null]),
  );
  if (Object.values(long).some((text) => text !== null)) sql.run(statements.adoptBody, { run: seq, ...long });
  if (run.finishedAt !== undefined) return true;
  if (run.state === "scheduled") found.dueAt(run.runAt);
  else found.claimable = true;
  found.dueAt(wakeOf(moved));
  found.dueAt(run.startBy);
  found.dueAt(run.finishBy);
  return true;
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
    waitOn: run.waiting?.on,
    requestedAt: run.requestedAt,
    startBy: run.startBy,
    finishBy: run.finishBy,
    tags: run.tags.length === 0 ? undefined : JSON.stringify(run.tags),
    meta: Object.keys(run.meta).length === 0 ? undefined : JSON.stringify(run.meta),
    release: run.release,
    durable: moved.entries.length === 0 ? 0 : durableBit.entries,
    wakeAt: wakeOf(moved),
  };
}

/** When the first of what it waits for is due. */
function wakeOf({ run, entries: all }: MovedRun): number | undefined {
  if (run.waiting?.reason !== "entries") return undefined;
  const names = awaitedNames(run.waiting.on);
  const times = all.flatMap(({ name, due }) => (due !== undefined && "at" in due && names.includes(name) ? due.at : []));
  return times.length === 0 ? undefined : Math.min(...times);
}

function adoptBelongings({ sql }: Transaction, run: number, moved: MovedRun, now: number): void {
  const { events, logs, entries } = moved;
  const { progress } = moved.run;
  if (events.length > 0) sql.run(statements.adoptEvents, { run, events: JSON.stringify(events) });
  if (logs.length > 0) sql.run(statements.adoptLogs, { run, logs: JSON.stringify(logs) });
  for (const { due, error, name, kind, hash, state, position, value, attempts = 0 } of entries) {
    sql.run(statements.insertEntry, {
      run,
      ...{ name, kind, hash, state, position, value, attempts },
      error: error === undefined ? undefined : JSON.stringify(error),
      dueAt: due !== undefined && "at" in due ? due.at : undefined,
    });
  }
  if (progress !== undefined) sql.run(statements.adoptProgress, { run, now, ...progress });
}
