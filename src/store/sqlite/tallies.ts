// Counts by the minute: what workers have seen of the runs of a job in a queue, added up as they tell it.
//
// Nothing that moves a run writes here, so counts cost no settlement anything and cost the same however many runs there
// are. Minutes are rolled up to hours after three hours, and those are removed after thirty days, with the runs that are
// past their keeping: so a job costs some 900 rows at most.
import type { Tally, WaitCount } from "../contract.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";

const hour = 60 * 60_000;
/** How long they are kept, and how long by the minute, in milliseconds. */
const kept = 30 * 24 * hour;
const keptByMinute = 3 * hour;

/** Adds to the counts. */
export async function tally(session: Session, tallies: readonly Tally[]): Promise<void> {
  if (tallies.length === 0) return;
  await session.write(({ sql }) => {
    for (const { waits = {}, ...one } of tallies) {
      sql.run(statements.tally, { ...one });
      const { minute, queue } = one;
      for (const [step, number] of Object.entries(waits))
        sql.run(statements.countWaits, { minute, queue, step: Number(step), number });
    }
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

/** How long executions waited, from a time on, oldest first. */
export async function waits(session: Session, since: number): Promise<WaitCount[]> {
  type Row = [number, string, number, number];
  const rows = await session.read((sql) => sql.all<Row>(statements.waits, { since }));
  return rows.map(([minute, queue, step, number]) => ({ minute, queue, step, number }));
}

/** Rolls minutes up, at most `limit` hours of them; writes nothing when there are none to roll up. */
export async function rollUpTallies(session: Session, limit: number): Promise<void> {
  const before = hourOf(session.clock.now() - keptByMinute);
  for (let hours = 0; hours < limit; hours++) {
    const oldest = await session.read((sql) => sql.get<[number | null]>(statements.oldestTally)?.[0]);
    if (typeof oldest !== "number" || oldest >= before) return;
    await session.write(({ sql }) => {
      const values = { hour: hourOf(oldest), before: hourOf(oldest) + hour };
      sql.run(statements.rollUpTallies, values);
      sql.run(statements.rollUpWaits, values);
      sql.run(statements.deleteTallies, { before: values.before });
      sql.run(statements.deleteWaits, { before: values.before });
    });
  }
}

/** Removes the counts that are past their keeping, of at most `limit` hours; writes nothing when there are none. */
export async function forgetTallies(session: Session, limit: number): Promise<void> {
  const before = session.clock.now() - kept;
  const oldest = await session.read((sql) => sql.get(statements.oldTallies, { before }));
  if (oldest === undefined) return;
  await session.write(({ sql }) => {
    sql.run(statements.deleteOldTallies, { before, limit });
    sql.run(statements.deleteOldWaits, { before, limit });
  });
}

function hourOf(time: number): number {
  return time - (time % hour);
}
