// Gates: who has a place, and who is handed the place of another.
//
// A place at a lock or limit is a row for the run that has it: one that runs, or was handed it and waits for its claim, or
// keeps its lock to its end. Nothing is counted beside the rows, so nothing can drift. Whoever lets a place go looks in the
// same transaction who is first in line, and hands it on with a place at each other lock and limit of that run; who finds
// one of those closed waits there from then on, so that nobody holds one for want of another. What was handed something is
// ready, and its claim asks for its rates. Of a rate only those have a row who were let in: a run that has started has paid.
//
// Before this file come `moves.ts` and whoever else takes runs from where they were, and `admission.ts`, which puts them
// in line. After it come the claims, which the commit wakes.
import type { Gate } from "../contract.js";
import type { Sql } from "./driver.js";
import { mayStart, opensAt } from "./rate.js";
import { listing } from "./session.js";
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

/** The name of a gate in the tables, and what a run says that it waits on. */
export function gateName({ kind, key }: Gate): string {
  return `${kind} ${key}`;
}

/** The gates of a run, from its row. */
export function gatesFrom(text: string): Gate[] {
  return JSON.parse(text);
}

export function isRate(name: string): boolean {
  return name.startsWith("rate ");
}

/** A place, as statements take it. */
export type Place = readonly [gate: string, run: number];

/** Takes places from runs that have ended, many at once. */
export function letGoOfEnded(transaction: Transaction, places: readonly Place[], now: number): void {
  if (places.length === 0) return;
  transaction.sql.run(statements.letGoPlaces, { places: JSON.stringify(places) });
  handOver(transaction, namesIn(places), now);
}

function placesOf(run: number, gates: string): Place[] {
  return gatesFrom(gates).map((gate): Place => [gateName(gate), run]);
}

/** Takes every place from a run that ends or goes, and from its line the run itself, which stands in none any more. */
export function letGo(transaction: Transaction, run: number, gates: string | null, now: number): void {
  if (gates !== null) letGoOfEnded(transaction, placesOf(run, gates), now);
}

/** Takes from a run that rests the places that it does not keep; from one that has not started also those. */
export function letGoAtRest(
  transaction: Transaction,
  run: number,
  gates: string | null,
  hasStarted: boolean,
  now: number,
): void {
  if (gates === null) return;
  if (!hasStarted) {
    letGo(transaction, run, gates, now);
    return;
  }
  const places = placesOf(run, gates);
  transaction.sql.run(statements.letGoUnkept, { places: JSON.stringify(places) });
  handOver(transaction, namesIn(places), now);
}

/**
 * Somebody's hand gave a run that does not run another time, priority or queue: it may be first in its line by that, or
 * scheduled with a place that it was handed.
 */
export function lookAgain(transaction: Transaction, run: number, now: number): void {
  type Row = [seq: number, gates: string, state: string];
  const [row] = transaction.sql.all<Row>(statements.gatesOfRuns, { seqs: listing([run]) });
  if (row === undefined) return;
  if (row[2] === "scheduled") letGoAtRest(transaction, run, row[1], true, now);
  else handOver(transaction, namesIn(placesOf(run, row[1])), now);
}

type FirstRow = [
  gate: string,
  seq: number,
  gates: string,
  runAt: number,
  used: number,
  arrival: number,
  heldUntil: number,
];

/**
 * Hands the places that are free at these gates to those in line there: to the first as long as its own limit allows it, at
 * most `most` in all. Answers how many were handed one.
 */
export function handOver(
  transaction: Transaction,
  names: readonly string[],
  now: number,
  most = Number.POSITIVE_INFINITY,
): number {
  const { sql } = transaction;
  const gates = listing([...new Set(names)]);
  if (names.some(isRate)) sql.run(statements.forgetOpenings, { gates });
  if (!isSomebodyInLine(sql)) return 0;
  let handed = 0;
  for (const [gate] of sql.all<FirstRow>(statements.firstInLines, { gates })) {
    // Asked for anew: who was handed a place at a gate before this one may have been given one here as well.
    const row = sql.get<FirstRow>(statements.firstInLines, { gates: listing([gate]) });
    if (row !== undefined) handed += handOverAt(transaction, row, now, most - handed);
  }
  if (handed > 0) transaction.found.claimable = true;
  return handed;
}

/** Spares those who have gates the looking, as long as nobody is turned away at any. */
export function isSomebodyInLine(sql: Sql): boolean {
  return sql.get(statements.someLine) !== undefined;
}

function handOverAt(transaction: Transaction, row: FirstRow, now: number, most: number): number {
  const { sql, found } = transaction;
  const [gate, , , , used, arrival, heldUntil] = row;
  let first: [seq: number, gates: string, runAt: number] | undefined = [row[1], row[2], row[3]];
  let handed = 0;
  let moved = 0;
  while (first !== undefined) {
    const [seq, gates, runAt] = first;
    const all = gatesFrom(gates);
    const own = all.find((one) => gateName(one) === gate);
    if (own === undefined) return handed;
    const standing = { used: used + handed, arrival, heldUntil };
    if (handed >= most || !isOpen(own, standing, now)) {
      if (own.kind === "rate") planOpening(transaction, own, standing);
      return handed;
    }
    const others = own.kind === "rate" ? noOthers : othersOf(sql, seq, all, gate);
    if (others.closed !== undefined && runAt <= now) {
      // A long line that has to move does so part by part, and lets others write in between.
      if (moved === mostMoved) {
        sql.run(statements.planRate, { gate, opensAt: now });
        found.dueAt(now);
        return handed;
      }
      sql.run(statements.parkRuns, { lines: JSON.stringify([[seq, others.closed]]) });
      moved++;
    } else {
      sql.run(statements.leaveLine, { seq, now });
      // One that was given a later time while it was in line has nothing to do with a place now.
      if (runAt > now) found.dueAt(runAt);
      else {
        const places = [gate, ...others.open].map((name) => [name, seq, 0]);
        sql.run(statements.takePlaces, { places: JSON.stringify(places) });
        handed++;
      }
    }
    first = sql.get(statements.nextInLine, { gate });
  }
  return handed;
}

/** How many of a line go to another one in one transaction, since the other is closed to them as well. */
const mostMoved = 200;

interface Others {
  /** Those of which a place is free for it, and is not its own yet. */
  readonly open: readonly string[];
  /** The first at which it would have to wait. */
  readonly closed: string | undefined;
}

const noOthers: Others = { open: [], closed: undefined };

/** The other locks and limits of a run that is first in line at one of them. */
function othersOf(sql: Sql, seq: number, gates: readonly Gate[], gate: string): Others {
  const limits = new Map(
    gates.filter((one) => one.kind !== "rate").map((one): [string, number] => [gateName(one), one.limit]),
  );
  limits.delete(gate);
  if (limits.size === 0) return noOthers;
  type Row = [gate: string, used: number, isOwn: number, hasBefore: number];
  const rows = sql.all<Row>(statements.othersOfFirst, { seq, gates: listing([...limits.keys()]) });
  const wanted = rows.filter(([, , isOwn]) => isOwn === 0);
  const closed = wanted.find(
    ([name, used, , hasBefore]) => hasBefore === 1 || used >= (limits.get(name) ?? 0),
  );
  return { open: wanted.map(([name]) => name), closed: closed?.[0] };
}

/** How a gate stands: of a rate, `used` are those that were let in and have not started. */
export interface Standing {
  readonly used: number;
  readonly arrival: number;
  readonly heldUntil: number;
}

/** Whether one more is let in. */
export function isOpen(gate: Gate, standing: Standing, now: number): boolean {
  const places = gate.kind === "rate" ? mayStart(gate, standing, now) : gate.limit;
  return standing.used < places;
}

function planOpening({ sql, found }: Transaction, gate: Gate, standing: Standing): void {
  const time = opensAt(gate, standing, standing.used);
  sql.run(statements.planRate, { gate: gateName(gate), opensAt: time });
  found.dueAt(time);
}

function namesIn(rows: readonly (readonly [gate: string, ...others: unknown[]])[]): string[] {
  return rows.map((row) => row[0]);
}

/** Nobody else is to start for a while, where this execution was rate limited: at its rates, or else in its queue. */
export function holdBack(transaction: Transaction, id: string, milliseconds: number, now: number): void {
  const { sql, found } = transaction;
  const row = sql.get<[queue: string, gates: string | null]>(statements.ratesOfRun, { id });
  if (row === undefined) return;
  const until = now + milliseconds;
  const names = gatesFrom(row[1] ?? "[]")
    .map(gateName)
    .filter(isRate);
  if (names.length === 0) {
    sql.run(statements.holdQueue, { queue: row[0], until });
    found.dueAt(until);
    return;
  }
  sql.run(statements.holdRates, { gates: listing(names), until });
  handOver(transaction, names, now);
}

/** Lets in who waits at rates that have opened, at most so many, and goes on with lines that were left in the middle. */
export function openRates(transaction: Transaction, now: number, limit: number): number {
  const rows = transaction.sql.all<[gate: string]>(statements.openedRates, { now, limit });
  if (rows.length === 0) return 0;
  transaction.sql.run(statements.forgetOpenings, { gates: listing(namesIn(rows)) });
  return handOver(transaction, namesIn(rows), now, limit);
}
