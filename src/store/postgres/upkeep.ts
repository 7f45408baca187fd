// Upkeep: what has to happen to runs although nobody asks for it.
//
// Each looks first and writes only when there is something to do, so that an idle database is only read; and each moves a
// bounded number at once, so that no lock is long. Whole days of history go by their partition: detached without
// stopping anybody, then dropped, with a lock timeout and never behind a reader for long.
import type { Death, DepartedWorker, Promotion, Rescued } from "../contract.js";
import { Findings } from "../findings.js";
import type { Errands } from "./errands.js";
import { isConflict, stateOf } from "./errors.js";
import { type Gates, namesIn } from "./gates.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { jsonText, numberOf, optionalNumber, plainList, textList, truthOf } from "./text.js";

type Tell = (found: Findings) => void;

/** What is done behind the end of a run. */
interface Behind {
  readonly gates: Gates;
  readonly errands: Errands;
}

/** Makes ready what is due, fails what has expired, and lets those in for whom a rate has opened. */
export async function promote(
  session: Session,
  limit: number,
  tell: Tell,
  { gates, errands }: Behind,
): Promise<Promotion> {
  await gates.sweep();
  const before = await nextDue(session);
  if (before.next === undefined || before.next > before.now)
    return { moved: 0, next: before.next, expired: [] };
  const attended = await errands.attendToAny();
  const [row] = await session.ask(statements.promote, { limit, now: session.now() });
  const moved = numberOf(row?.[0]);
  const jobs: string[] = JSON.parse(row?.[2] ?? "[]");
  const expired = namesIn(row?.[1]).map((run, index) => ({ run, job: jobs[index] ?? "" }));
  const found = new Findings();
  for (const { run } of expired) found.ended.push(run);
  found.claimable = moved > expired.length || truthOf(row?.[4]);
  tell(found);
  await errands.attend(found.ended);
  const keys = namesIn(row?.[3]);
  const letIn = keys.length === 0 ? 0 : await gates.handOver(keys);
  return { moved: attended + moved + letIn, next: (await nextDue(session)).next, expired };
}

async function nextDue(session: Session): Promise<{ next: number | undefined; now: number }> {
  const [row] = await session.ask(statements.nextDue, { now: session.now() });
  return { next: optionalNumber(row?.[0]), now: numberOf(row?.[1]) };
}

/** Gives the runs of dead workers back, and takes those workers out; of those that left by themselves as `stopped`. */
export async function bury(
  session: Session,
  deaths: readonly Death[],
  how: DepartedWorker["how"],
  tell: Tell,
  { gates, errands }: Behind,
): Promise<Rescued[]> {
  if (deaths.length === 0) return [];
  // Of one worker the first counts.
  const byWorker = new Map(deaths.toReversed().map((death) => [death.worker, death]));
  const told = [...byWorker.values()].map(({ worker, cause, culprits }) => ({ worker, cause, culprits }));
  const values = { deaths: jsonText(told), how, now: session.now() };
  const rows = await gates.aroundWorkers([...byWorker.keys()], () => session.ask(statements.bury, values));
  await writeUndone(session, deaths);
  const workers = textList([...byWorker.keys()]);
  const [had] = await session.ask(statements.forgetSchedulers, { workers, now: session.now() });
  const found = new Findings();
  found.workers = true;
  found.schedules = truthOf(had?.[0]);
  const rescued = rows.map(([run, job, attempt, worker, state, cause, innocent]) => {
    if (state === "ready") found.claimable = true;
    else found.ended.push(run ?? "");
    return {
      run: run ?? "",
      job: job ?? "",
      attempt: numberOf(attempt),
      worker: worker ?? "",
      ...(cause === null || cause === undefined ? {} : { cause }),
      ...(truthOf(innocent) ? { innocent: true as const } : {}),
    };
  });
  tell(found);
  await errands.attend(found.ended);
  return rescued;
}

/**
 * What these workers were executing under claims that a crash of the database had undone, and can write down no more. After
 * their runs were given back: what has a claim until then is lost with its worker, and written by that.
 */
async function writeUndone(session: Session, deaths: readonly Death[]): Promise<void> {
  const seen = deaths.flatMap(({ worker, executing = [] }) =>
    executing.length === 0 ? [] : { worker, executing },
  );
  if (seen.length > 0)
    await session.ask(statements.writeUndone, { deaths: jsonText(seen), now: session.now() });
}

/** Rows of a spent partition whose belongings are removed in one transaction. */
const slice = 1_000;

/** Removes what is past its keeping: run by run what is kept for hours, by the partition what is kept for days. */
export async function prune(session: Session, limit: number): Promise<number> {
  await session.ask(statements.extendHistory, { now: session.now() });
  await rollUpTallies(session, limit);
  await session.ask(statements.pruneTallies, { now: session.now() });
  await session.ask(statements.pruneWindows, { now: session.now() });
  await session.ask(statements.pruneBatches, { limit, now: session.now() });
  await session.ask(statements.pruneSignals, { limit, now: session.now() });
  const [row] = await session.ask(statements.prune, { limit, now: session.now() });
  let removed = numberOf(row?.[0]);
  for (const [parent, name, state] of await session.ask(statements.spentPartitions, { now: session.now() })) {
    removed += await dropPartition(session, parent ?? "", name ?? "", state ?? "");
  }
  return removed;
}

/** Counts of minutes become counts of hours, at most so many hours at once. */
async function rollUpTallies(session: Session, limit: number): Promise<void> {
  for (let hours = 0; hours < limit; hours++) {
    const [row] = await session.ask(statements.rollUpTallies, { now: session.now() });
    if (!truthOf(row?.[0])) return;
  }
}

async function dropPartition(session: Session, parent: string, name: string, state: string): Promise<number> {
  try {
    if (state === "attached") {
      await session.ask(`alter table duckdive.${parent} detach partition duckdive.${name} concurrently`);
    } else if (state === "pending") {
      await session.ask(statements.finishDetach, { parent, name });
    }
    const removed = await forgetAllOf(session, name);
    await session.ask(statements.dropPartition, { name });
    return removed;
  } catch (error) {
    // Somebody reads it, or another worker is at it: the next round finds it where it was left.
    if (isConflict(error) || ["42P01", "55000", "42P16"].includes(stateOf(error) ?? "")) return 0;
    throw error;
  }
}

/** What belongs to the runs of a detached partition, part by part: there may be more of them than memory. */
async function forgetAllOf(session: Session, name: string): Promise<number> {
  let forgotten = 0;
  let last: string | undefined;
  for (;;) {
    const beyond = last === undefined ? "" : "where id > :last::uuid ";
    const rows = await session.ask(`select id from duckdive.${name} ${beyond}order by id limit ${slice}`, {
      last,
    });
    if (rows.length === 0) return forgotten;
    const ids = rows.map((row) => row[0] ?? "");
    await session.ask(statements.forget, { ids: plainList(ids) });
    forgotten += ids.length;
    last = ids.at(-1);
  }
}
