// Schedules: what ticks when, who has it in code, and what became of its ticks.
//
// A tick and its runs are written in one transaction, which looks first whether the schedule still stands where the
// worker has read it: so of many workers that find it due at once, one records it, and nobody leads. Times are computed
// by whoever calls; here they are compared and kept.
import type {
  DueSchedules,
  NewSchedule,
  PublishedBy,
  ScheduleRow,
  Served,
  TickAnswer,
  TickRow,
  TickWrite,
} from "../contract.js";
import { awayAtMost, digestOf, formerKept, ticksKept } from "../schedules.js";
import type { Sql } from "./driver.js";
import { followWith, refuseHanging } from "./insert.js";
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

interface AtHand {
  readonly origin: ScheduleRow["origin"];
  readonly job: string;
  readonly times: string;
  readonly digest: string;
  readonly former: readonly string[];
  readonly next: number | null;
  readonly ticks: number;
  readonly pausedAt: number | null;
  readonly retiredAt: number | null;
}

function atHand(sql: Sql, name: string): AtHand | undefined {
  type Row = [
    origin: ScheduleRow["origin"],
    job: string,
    times: string,
    digest: string,
    former: string,
    next: number | null,
    ticks: number,
    pausedAt: number | null,
    retiredAt: number | null,
  ];
  const row = sql.get<Row>(statements.scheduleAtHand, { name });
  if (row === undefined) return undefined;
  const [origin, job, times, digest, former, next, ticks, pausedAt, retiredAt] = row;
  return { origin, job, times, digest, former: JSON.parse(former), next, ticks, pausedAt, retiredAt };
}

function tellOthers({ sql, found }: Transaction): void {
  sql.run(statements.schedulesChanged);
  found.schedules = true;
}

// ── Code ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Enters the schedules of a worker's code. */
export async function publish(
  session: Session,
  worker: string,
  schedules: readonly NewSchedule[],
  { release, isAll }: PublishedBy,
): Promise<void> {
  await session.write((transaction) => {
    const { sql } = transaction;
    const now = session.clock.now();
    sql.run(statements.deleteScheduler, { worker });
    for (const schedule of schedules) publishOne(sql, schedule, release, now);
    sql.run(statements.enterScheduler, { name: "", worker, digest: isAll ? "all" : "" });
    for (const schedule of schedules)
      sql.run(statements.enterScheduler, { name: schedule.name, worker, digest: digestOf(schedule) });
    sql.run(statements.retireSchedules, { now });
    tellOthers(transaction);
  });
}

/** The worker's own entries are taken out by now: what is counted are the others. */
function publishOne(sql: Sql, schedule: NewSchedule, release: string | undefined, now: number): void {
  const known = atHand(sql, schedule.name);
  if (known === undefined) {
    insertSchedule(sql, schedule, { origin: "code", release, now });
    return;
  }
  const digest = digestOf(schedule);
  const isOlder = digest !== known.digest && known.former.includes(digest);
  if (isOlder && known.retiredAt === null && isHad(sql, schedule.name, known.digest)) return;
  const wasAway = known.retiredAt !== null && now - known.retiredAt >= awayAtMost;
  change(sql, schedule, known, { origin: "code", release, anew: wasAway || known.origin !== "code" });
}

function isHad(sql: Sql, name: string, digest: string): boolean {
  return (sql.get<[number]>(statements.schedulersOfDigest, { name, digest })?.[0] ?? 0) > 0;
}

function insertSchedule(
  sql: Sql,
  { first, ...schedule }: NewSchedule,
  about: { origin: ScheduleRow["origin"]; release: string | undefined; now: number },
): void {
  sql.run(statements.insertSchedule, { ...schedule, ...about, digest: digestOf(schedule), next: first });
}

function change(
  sql: Sql,
  { first, ...schedule }: NewSchedule,
  known: AtHand,
  { anew, ...about }: { origin: ScheduleRow["origin"]; release: string | undefined; anew: boolean },
): void {
  const digest = digestOf(schedule);
  const others = known.former.filter((one) => one !== digest);
  const former = digest === known.digest ? others : [...others, known.digest].slice(-formerKept);
  const next = anew || schedule.times !== known.times ? first : known.next;
  sql.run(statements.changeSchedule, { ...schedule, ...about, digest, former: listing(former), next });
}

/** A worker is gone, and with it what it had in code. */
export function forgetScheduler(transaction: Transaction, worker: string, now: number): void {
  const { sql } = transaction;
  if (sql.run(statements.deleteScheduler, { worker }) === 0) return;
  sql.run(statements.retireSchedules, { now });
  tellOthers(transaction);
}

// ── Ticks ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a worker finds due. */
export async function due(session: Session, served: Served, limit: number): Promise<DueSchedules> {
  type Row = [
    string,
    ScheduleRow["origin"],
    job: string,
    times: string,
    policy: string,
    string | null,
    next: number,
  ];
  const values = { names: listing(served.names), jobs: listing(served.jobs) };
  return session.read((sql) => {
    const rows = sql.all<Row>(statements.dueSchedules, { ...values, now: session.clock.now(), limit });
    return {
      due: rows.map(([name, origin, job, times, policy, input, next]) => ({
        name,
        origin,
        job,
        times,
        policy,
        input: input ?? undefined,
        next,
      })),
      next: sql.get<[number]>(statements.nextTick, values)?.[0],
      isStale: sql.get(statements.staleSchedules, { worker: served.worker }) !== undefined,
    };
  });
}

/** Records ticks with their runs. */
export async function tick(session: Session, writes: readonly TickWrite[]): Promise<TickAnswer[]> {
  for (const { runs } of writes) refuseHanging(runs);
  if (writes.length === 0) return [];
  return session.write((transaction) => {
    const now = session.clock.now();
    return writes.map((write) => tickOne(transaction, write, now));
  });
}

function tickOne(transaction: Transaction, write: TickWrite, now: number): TickAnswer {
  const { sql } = transaction;
  const { schedule: name, expected, unlessRunning, runs } = write;
  const known = atHand(sql, name);
  if (known === undefined || (expected !== undefined && !standsAt(known, expected))) return { taken: false };
  const skipped =
    unlessRunning && runs.length > 0 && sql.get(statements.scheduleRuns, { name }) !== undefined;
  const recorded = skipped ? [] : followWith(transaction, runs, now);
  // Where a unique key is held it is the run that holds it.
  const ids = new Map(recorded.map(({ id }, index) => [runs[index]?.id, id]));
  let number = known.ticks;
  for (const one of write.ticks) {
    number += 1;
    const { at, until, count = 1, outcome, run, note } = one;
    const isSkipped = skipped && run !== undefined;
    const fate = isSkipped ? { outcome: "skipped", run: null } : { outcome, run: ids.get(run) ?? run };
    sql.run(statements.appendTick, { name, number, at, until, count, ...fate, note, now });
  }
  sql.run(statements.forgetTicks, { name, number: number - ticksKept });
  const next = expected === undefined ? known.next : write.next;
  sql.run(statements.moveScheduleOn, { name, ticks: number, next });
  return { taken: true, skipped };
}

function standsAt({ next, pausedAt, retiredAt }: AtHand, expected: number): boolean {
  return next === expected && pausedAt === null && retiredAt === null;
}

// ── Hand ────────────────────────────────────────────────────────────────────────────────────────────────────────

type TickColumns = [
  at: number,
  until: number | null,
  count: number,
  outcome: TickRow["outcome"],
  run: string | null,
  note: string | null,
  recordedAt: number,
];

function tickFrom([at, until, count, outcome, run, note, recordedAt]: TickColumns): TickRow {
  return {
    at,
    until: until ?? undefined,
    count,
    outcome,
    run: run ?? undefined,
    note: note ?? undefined,
    recordedAt,
  };
}

/** Schedules as they stand, by name. */
export async function schedules(session: Session, names?: readonly string[]): Promise<ScheduleRow[]> {
  type Row = [
    name: string,
    origin: ScheduleRow["origin"],
    job: string,
    times: string,
    policy: string,
    input: string | null,
    release: string | null,
    next: number | null,
    pausedAt: number | null,
    retiredAt: number | null,
    createdAt: number,
    workers: number,
    ...tick: TickColumns,
  ];
  const values = { names: names === undefined ? null : listing(names) };
  const rows = await session.read((sql) => sql.all<Row>(statements.schedules, values));
  return rows.map(
    ([name, origin, job, times, policy, input, release, next, pausedAt, retiredAt, ...rest]) => {
      const [createdAt, workers, ...last] = rest;
      return {
        name,
        origin,
        job,
        times,
        policy,
        input: input ?? undefined,
        release: release ?? undefined,
        next: next ?? undefined,
        pausedAt: pausedAt ?? undefined,
        retiredAt: retiredAt ?? undefined,
        createdAt,
        workers,
        last: last[0] === null ? undefined : tickFrom(last),
      };
    },
  );
}

/** The last ticks of a schedule. */
export async function ticks(session: Session, name: string, limit: number): Promise<TickRow[]> {
  const rows = await session.read((sql) => sql.all<TickColumns>(statements.ticks, { name, limit }));
  return rows.map(tickFrom);
}

/** Makes a schedule at run time, or changes one. */
export async function put(
  session: Session,
  schedule: NewSchedule,
  how: "create" | "update",
  release: string | undefined,
): Promise<"done" | "exists" | "missing" | "code"> {
  return session.write((transaction) => {
    const { sql } = transaction;
    const known = atHand(sql, schedule.name);
    if (how === "create") {
      if (known !== undefined) return "exists";
      insertSchedule(sql, schedule, { origin: "runtime", release, now: session.clock.now() });
    } else {
      if (known === undefined) return "missing";
      if (known.origin === "code") return "code";
      change(sql, schedule, known, { origin: "runtime", release, anew: false });
    }
    tellOthers(transaction);
    return "done";
  });
}

/** Removes one that was made at run time, or is retired. */
export async function remove(session: Session, name: string): Promise<"done" | "missing" | "code"> {
  return session.write((transaction) => {
    const { sql } = transaction;
    const known = atHand(sql, name);
    if (known === undefined) return "missing";
    if (known.origin === "code" && known.retiredAt === null) return "code";
    sql.run(statements.deleteSchedule, { name });
    sql.run(statements.forgetTicks, { name, number: known.ticks });
    tellOthers(transaction);
    return "done";
  });
}

export async function pause(session: Session, name: string): Promise<boolean> {
  return session.write((transaction) => {
    const now = session.clock.now();
    if (transaction.sql.run(statements.pauseSchedule, { name, now }) === 0) return false;
    tellOthers(transaction);
    return true;
  });
}

export async function resume(session: Session, name: string, next: number | undefined): Promise<boolean> {
  return session.write((transaction) => {
    if (transaction.sql.run(statements.resumeSchedule, { name, next }) === 0) return false;
    tellOthers(transaction);
    return true;
  });
}
