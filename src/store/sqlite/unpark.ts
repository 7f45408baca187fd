/**
 * Waking what waits for an event of the store: a worker that registered, a pause that ended.
 *
 * Ten thousand runs may wait for one such event, so they are woken in slices, each a commit that shares the disk with
 * whatever else is written, and the process gets its turns in between. That is safe in the middle: the event itself is
 * committed first, so a run that would start to wait for it meanwhile sees it and does not (see `settle.ts`).
 */
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";

const slice = 1_000;

/** Makes ready whatever waits for this reason on this name. */
export async function unpark(session: Session, reason: "worker" | "paused", on: string): Promise<void> {
  for (let woken = slice; woken === slice; ) {
    woken = await session.write(({ sql, found }) => {
      const rows = sql.all<[number]>(statements.waitingSeqs, { reason, on, limit: slice });
      if (rows.length === 0) return 0;
      const seqs = listing(rows.map((row) => row[0]));
      const detail = JSON.stringify({ reason, on });
      sql.run(statements.appendEvents, { seqs, at: session.clock.now(), kind: "unparked", detail });
      sql.run(statements.unparkRuns, { seqs });
      found.claimable = true;
      return rows.length;
    });
  }
}
