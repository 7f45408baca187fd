// Signals: what somebody sends to a run, for a wait that it makes.
//
// A signal is kept under its id, so that one that is sent again is the same. It goes to the oldest wait for its name, or it
// stays until there is one; one that was sent to a key which nobody has stays until somebody gets it (`unique.ts`).
//
// Before this file comes the hand. After it come `entries.ts` and the statements.
import type { NewSignal, StoredRun } from "../contract.js";
import { settleEntry } from "./entries.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { holderOf } from "./unique.js";
import type { Transaction } from "./writer.js";

/** How long a signal is kept, in milliseconds: 30 days. */
const keep = 30 * 24 * 60 * 60_000;

/** Delivers signals; answers for each whether there is such a run, alive. */
export async function signal(session: Session, signals: readonly NewSignal[]): Promise<boolean[]> {
  if (signals.length === 0) return [];
  return session.write((transaction) => deliver(transaction, signals, session.clock.now()));
}

/** The same in the transaction that is open. */
export function deliver(transaction: Transaction, signals: readonly NewSignal[], now: number): boolean[] {
  return signals.map((one) => deliverOne(transaction, one, now));
}

function deliverOne(transaction: Transaction, { id, to, name, payload }: NewSignal, now: number): boolean {
  const { sql } = transaction;
  const key = "key" in to ? to.key : null;
  const run = "run" in to ? to.run : holderOf(transaction, to.key, { seq: 0, requestedAt: now })?.id;
  const seq = run === undefined ? undefined : liveRun(transaction, run);
  if (seq === undefined && key === null) return false;
  const isNew = sql.run(statements.insertSignal, {
    id,
    run: seq === undefined ? null : run,
    job: "job" in to ? to.job : null,
    key,
    name,
    payload,
    now,
  });
  if (isNew === 0 || seq === undefined) return seq !== undefined;
  const entry = sql.get<[string]>(statements.waitingEntry, { run: seq, signal: name })?.[0];
  if (entry === undefined) return true;
  sql.run(statements.takeSignalById, { id });
  settleEntry(transaction, seq, { name: entry, state: "done", value: payload }, now);
  return true;
}

function liveRun({ sql }: Transaction, id: string): number | undefined {
  type Row = [seq: number, token: number, state: StoredRun["state"]];
  const row = sql.get<Row>(statements.standing, { id });
  const hasEnded = row?.[2] === "succeeded" || row?.[2] === "failed" || row?.[2] === "cancelled";
  return hasEnded ? undefined : row?.[0];
}

/** Forgets signals that are older than they are kept, at most so many. */
export async function forgetSignals(session: Session, limit: number): Promise<void> {
  const before = session.clock.now() - keep;
  const some = await session.read((sql) => sql.get(statements.oldSignal, { before }));
  if (some !== undefined)
    await session.write(({ sql }) => void sql.run(statements.forgetSignals, { before, limit }));
}
