// Waking what waits for an event of the store: a worker that registered, a pause that ended.
//
// It happens in the transaction of the event itself, however many wait: a process that dies in between would leave
// runs asleep for ever, since nobody looks at a parked run again. Ten thousand take about a tenth of a second.
//
// Before this come `register` and `resume`. After it come the claims, which the commit wakes.
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

/** Makes ready, or scheduled if it was given a later time, whatever waits for this reason on this name. */
export function unpark(
  { sql, found }: Transaction,
  reason: "worker" | "paused",
  on: string,
  now: number,
): void {
  sql.run(statements.appendUnparked, { reason, on, now });
  if (sql.run(statements.unparkRuns, { reason, on, now }) === 0) return;
  found.claimable = true;
  found.dueAt(sql.get<[number | null]>(statements.nextScheduled)?.[0] ?? undefined);
}
