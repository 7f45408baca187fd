// What happened to a run, written down before the run moves on.
//
// Before this file come whoever moves runs. After it come the statements.
import type { NewEvent } from "../contract.js";
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

/** Appends to the timeline of a run. Called before the move, while the run still says whose attempt it was. */
export function appendEvent(transaction: Transaction, run: number, event: NewEvent, now: number): void {
  transaction.sql.run(statements.appendEvent, {
    run,
    at: now,
    kind: event.kind,
    detail: event.detail === undefined ? null : JSON.stringify(event.detail),
  });
}
