// Transactional work: what a handler's own transaction carries of duckdive, a remembered call or the run's end.
//
// Both go through the handle that the application holds, like a run that is enqueued in a transaction, and stand or fall
// with its writes. A SQLite file has one writer at a time: from the transaction's first write on nobody else can take
// the run away, and what a commit answered is what became of it.
//
// Before this file come `ctx.tx` and `ctx.succeed`, by the loop. After it come the statements of settling.
import { InvalidOptionError, NotBuiltError } from "../../kernel/index.js";
import type { EntryWrite, Fence, Note, Recorded, Settled, Settling } from "../contract.js";
import { Findings } from "../findings.js";
import type { Sql } from "./driver.js";
import { recordOne } from "./durable.js";
import { refuseHanging } from "./insert.js";
import type { Session } from "./session.js";
import { settleOne, writeNotes } from "./settle.js";
import { statements } from "./statements.js";

/** Writes settled entries in the transaction that is open on this database, if the fence still owns the run. */
export function recordThrough(sql: Sql, write: EntryWrite, now: number): Recorded {
  refuseSettled(sql, write);
  return recordOne({ sql, found: new Findings() }, write, now);
}

/** Whatever else is in the transaction was done for a call that is done: it must not be done twice. */
function refuseSettled(sql: Sql, { run, token, entries }: EntryWrite): void {
  const seq = runningRow(sql, { run, token })?.[0];
  if (seq === undefined) return;
  type Row = [kind: string, state: string];
  const settled = entries.find(({ name }) => {
    const known = sql.get<Row>(statements.entryAtHand, { run: seq, name });
    return known !== undefined && known[1] !== "pending";
  });
  if (settled === undefined) return;
  throw new InvalidOptionError(
    `Call "${settled.name}" of run ${run} has settled already. Give this transaction up, and read its result from the record.`,
  );
}

/** Ends an execution in the transaction that is open on this database, having written what it said. */
export function settleThrough(sql: Sql, settlement: Settling, notes: readonly Note[], now: number): Settled {
  refuseHanging(settlement.follow ?? []);
  writeNotes(sql, notes, now);
  return settleOne({ sql, found: new Findings() }, settlement, now);
}

/** Whether an execution still owns its run: asked as a writer, so that a transaction that is open has ended before. */
export function owns(session: Session, fence: Fence): Promise<boolean> {
  return session.write(({ sql }) => runningRow(sql, fence) !== undefined);
}

/** Only what has settled can be written in a transaction: nothing outside of it could see what is pending. */
export function refuseUnsettled({ entries, children = [] }: EntryWrite): void {
  if (children.length === 0 && entries.every(({ state }) => state !== "pending")) return;
  throw new NotBuiltError(
    "This version of the sqlite store records nothing but settled calls in a transaction. Use a newer version.",
  );
}

function runningRow(sql: Sql, { run, token }: Fence): [seq: number] | undefined {
  return sql.get<[number]>(statements.running, { id: run, token });
}
