// Counts by the minute: what workers have seen of the runs of a job in a queue, added up as they tell it.
//
// Nothing that moves a run writes here, so counts cost no settlement anything and cost the same however many runs there
// are. They are removed after thirty days, with the runs that are past their keeping.
import type { Tally } from "../contract.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";

/** How long they are kept, in milliseconds. */
const kept = 30 * 24 * 60 * 60_000;

/** Adds to the counts. */
export async function tally(session: Session, tallies: readonly Tally[]): Promise<void> {
  if (tallies.length === 0) return;
  await session.write(({ sql }) => {
    for (const one of tallies) sql.run(statements.tally, { ...one });
  });
}

/** The counts from a time on, oldest first. */
export async function tallies(session: Session, since: number): Promise<Tally[]> {
  type Row = [number, string, string, number, number, number, number, number, number];
  const rows = await session.read((sql) => sql.all<Row>(statements.tallies, { since }));
  return rows.map(([minute, queue, job, succeeded, failed, cancelled, retried, waited, ran]) => ({
    minute,
    queue,
    job,
    succeeded,
    failed,
    cancelled,
    retried,
    waited,
    ran,
  }));
}

/** Removes the counts that are past their keeping, of at most `limit` minutes; writes nothing when there are none. */
export async function forgetTallies(session: Session, limit: number): Promise<void> {
  const before = session.clock.now() - kept;
  const oldest = await session.read((sql) => sql.get(statements.oldTallies, { before }));
  if (oldest === undefined) return;
  await session.write(({ sql }) => void sql.run(statements.deleteTallies, { before, limit }));
}
