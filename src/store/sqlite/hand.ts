// The hand: what people and applications do to runs that are not executing for them, and what they ask about them.
//
// Everything that changes runs works by id, one run after another inside of one transaction, and answers for each
// whether it did something. Long lists are cut into slices, each a transaction of its own.
import type { LogLine, PauseTarget, RunChange, StoredRun, TimelineEvent } from "../contract.js";
import type { Sql } from "./driver.js";
import { retryRun } from "./durable.js";
import { lookAgain } from "./gates.js";
import { askToEnd, endRun, type Movable } from "./moves.js";
import { type StoredRow, storedRunFrom } from "./rows.js";
import { listing, type Session, slices } from "./session.js";
import { statements } from "./statements.js";
import { appendEvent } from "./timeline.js";
import { holderOf } from "./unique.js";
import { unpark } from "./unpark.js";
import { removeRuns } from "./upkeep.js";
import type { Transaction } from "./writer.js";

const slice = 1_000;

/** Runs by id, in the order asked for; undefined where there is none. */
export async function find(session: Session, ids: readonly string[]): Promise<(StoredRun | undefined)[]> {
  const found = new Map<string, StoredRun>();
  for (const some of slices(ids, slice)) {
    const runs = await session.read((sql) => {
      const rows = sql.all<[number, string]>(statements.seqsOfIds, { ids: listing(some) });
      return readRuns(
        sql,
        rows.map((row) => row[0]),
      );
    });
    for (const run of runs) found.set(run.id, run);
  }
  return ids.map((id) => found.get(id));
}

/** The runs at these places, in their order. */
export function readRuns(sql: Sql, seqs: readonly number[]): StoredRun[] {
  if (seqs.length === 0) return [];
  const rows = sql.all<StoredRow>(statements.storedRuns, { seqs: listing(seqs) });
  const runs = new Map(rows.map((row) => [row[0], storedRunFrom(row)]));
  return seqs.flatMap((seq) => runs.get(seq) ?? []);
}

interface AtHand extends Movable {
  readonly state: StoredRun["state"];
  readonly cancelAsked: string | null;
}

/** Does something to each run that there is; answers for each id whether it did. */
async function each(
  session: Session,
  ids: readonly string[],
  act: (transaction: Transaction, run: AtHand, now: number) => boolean,
): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (const some of slices(ids, slice)) {
    const done = await session.write((transaction) => {
      const now = session.clock.now();
      return some.map((id) => {
        type Row = [seq: number, state: StoredRun["state"], cancelAsked: string | null, body: number];
        const row = transaction.sql.get<Row>(statements.runAtHand, { id });
        if (row === undefined) return false;
        const [seq, state, cancelAsked, body] = row;
        return act(transaction, { seq, id, state, cancelAsked, body }, now);
      });
    });
    answers.push(...done);
  }
  return answers;
}

/** Ends runs that are not running; asks for the end of those that are. */
export function cancel(session: Session, ids: readonly string[], reason: string): Promise<boolean[]> {
  return each(session, ids, (transaction, run, now) => {
    if (hasEnded(run.state) || run.cancelAsked !== null) return false;
    if (run.state === "running") {
      askToEnd(transaction, run.seq, reason, now);
      return true;
    }
    appendEvent(transaction, run.seq, { kind: "cancelled", detail: { reason } }, now);
    endRun(transaction, run, { state: "cancelled", reason }, now);
    return true;
  });
}

function hasEnded(state: StoredRun["state"]): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

/** Makes failed and cancelled runs ready again, with all attempts, unless another run holds their key by now. */
export function retry(session: Session, ids: readonly string[]): Promise<boolean[]> {
  return each(session, ids, (transaction, run, now) => {
    if (run.state !== "failed" && run.state !== "cancelled") return false;
    if (isKeyTaken(transaction, run.seq)) return false;
    retryRun(transaction, run, now);
    return true;
  });
}

function isKeyTaken(transaction: Transaction, seq: number): boolean {
  const row = transaction.sql.get<[key: string, requestedAt: number]>(statements.keyOfRun, { seq });
  return row !== undefined && holderOf(transaction, row[0], { seq, requestedAt: row[1] }) !== undefined;
}

/** Changes runs that are not running and have not ended. */
export function change(session: Session, ids: readonly string[], asked: RunChange): Promise<boolean[]> {
  const { queue, priority, due } = asked;
  return each(session, ids, (transaction, run, now) => {
    if (run.state === "running" || hasEnded(run.state)) return false;
    const runAt = due === undefined ? undefined : "at" in due ? due.at : now + due.after;
    appendEvent(transaction, run.seq, { kind: "changed", detail: { queue, priority, runAt } }, now);
    transaction.sql.run(statements.changeRun, { seq: run.seq, queue, priority, runAt, now });
    lookAgain(transaction, run.seq, now);
    if (run.state !== "waiting") {
      if (runAt !== undefined && runAt > now) transaction.found.dueAt(runAt);
      else transaction.found.claimable = true;
    }
    return true;
  });
}

/** Removes runs that are not running. */
export function remove(session: Session, ids: readonly string[]): Promise<boolean[]> {
  return each(session, ids, (transaction, run, now) => {
    if (run.state === "running") return false;
    removeRuns(transaction, [run.seq], now);
    if (!hasEnded(run.state)) transaction.found.ended.push(run.id);
    return true;
  });
}

/** What happened to a run, and what it logged. */
export async function timeline(
  session: Session,
  run: string,
): Promise<{ events: TimelineEvent[]; logs: LogLine[] }> {
  type EventRow = [number, TimelineEvent["kind"], number, number, string | null, string | null];
  type LogRow = [number, number, LogLine["level"], string, string | null];
  return session.read((sql) => ({
    events: sql
      .all<EventRow>(statements.timeline, { id: run })
      .map(([at, kind, attempt, token, worker, detail]) => ({
        at,
        kind,
        attempt,
        token,
        worker: worker ?? undefined,
        detail: detail === null ? undefined : JSON.parse(detail),
      })),
    logs: sql.all<LogRow>(statements.logs, { id: run }).map(([at, attempt, level, message, fields]) => ({
      at,
      attempt,
      level,
      message,
      fields: fields === null ? undefined : JSON.parse(fields),
    })),
  }));
}

function pauseValues(target: PauseTarget): { kind: "queue" | "job"; name: string } {
  return "queue" in target ? { kind: "queue", name: target.queue } : { kind: "job", name: target.job };
}

/** Pauses a queue, which claims then pass over, or a job, whose runs are then parked. */
export async function pause(session: Session, target: PauseTarget): Promise<void> {
  await session.write(({ sql }) => {
    sql.run(statements.pause, { ...pauseValues(target), now: session.clock.now() });
  });
}

/** Ends a pause, and wakes what waited for that. */
export async function resume(session: Session, target: PauseTarget): Promise<void> {
  const { kind, name } = pauseValues(target);
  await session.write((transaction) => {
    transaction.sql.run(statements.resume, { kind, name });
    transaction.found.claimable = true;
    if (kind === "job") unpark(transaction, "paused", name, session.clock.now());
  });
}

/** Everything that is paused. */
export async function paused(session: Session): Promise<PauseTarget[]> {
  const rows = await session.read((sql) => sql.all<["queue" | "job", string]>(statements.pauses));
  return rows.map(([kind, name]) => (kind === "queue" ? { queue: name } : { job: name }));
}
