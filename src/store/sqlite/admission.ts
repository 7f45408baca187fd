// Admission: which of the runs that a claim looks at may start, and which have to stand in line.
//
// They are asked in the order in which they would start. A run takes all of its gates or none: locks and limits first,
// rates last. At the first that is closed it is put in line, and what it had been handed goes to the next there. A gate
// with somebody in line is closed to whoever was not handed a place at it. How the gates stand is read once for all, and
// written once for all.
//
// Before this file comes the claim. After it comes `gates.ts`, which hands on what was let go.
import type { Gate } from "../contract.js";
import type { Sql } from "./driver.js";
import { gateName, gatesFrom, handOver, isOpen, isRate, isSomebodyInLine, type Place } from "./gates.js";
import { type Arrival, afterStart } from "./rate.js";
import { listing } from "./session.js";
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

/** A run that a claim would take, with its gates as they are stored. */
export interface Candidate {
  readonly seq: number;
  readonly gates: string | null;
}

/** How a gate stands while runs are asked, one after another. */
interface Desk {
  used: number;
  hasLine: boolean;
  arrival: number;
  readonly heldUntil: number;
  hasPaid: boolean;
}

/** What one visit of a claim changes. */
interface Visit {
  readonly desks: ReadonlyMap<string, Desk>;
  /** The places that runs came with, each with whether it is kept. */
  readonly own: ReadonlyMap<number, ReadonlyMap<string, boolean>>;
  readonly taken: [gate: string, run: number, kept: number][];
  readonly parked: [run: number, gate: string][];
  /** What runs were handed, and have let go of or paid. */
  readonly givenUp: Place[];
  /** Gates at which somebody has let go, or has come to stand in line. */
  readonly touched: Set<string>;
}

/** Asks candidates in their order. */
export interface Admission {
  /** Whether this one may start; otherwise it is in line by `close`. */
  admit(candidate: Candidate): boolean;
  /** Writes what came of it; answers how many were put in line. */
  close(): number;
}

const open: Admission = { admit: () => true, close: () => 0 };

/** Begins to ask these candidates. */
export function beginAdmission(
  transaction: Transaction,
  candidates: readonly Candidate[],
  now: number,
): Admission {
  const gates = new Map<number, Gate[]>();
  for (const { seq, gates: text } of candidates) if (text !== null) gates.set(seq, inOrder(gatesFrom(text)));
  if (gates.size === 0) return open;
  const desks = readDesks(transaction.sql, gates);
  const visit: Visit = {
    desks,
    own: readPlaces(transaction.sql, gates, desks),
    taken: [],
    parked: [],
    givenUp: [],
    touched: new Set(),
  };
  return {
    admit({ seq }) {
      const own = gates.get(seq);
      return own === undefined || ask(visit, seq, own, now);
    },
    close: () => write(transaction, visit, now),
  };
}

/** Rates last: nobody pays who is then turned away. */
function inOrder(gates: readonly Gate[]): Gate[] {
  return [...gates.filter(({ kind }) => kind !== "rate"), ...gates.filter(({ kind }) => kind === "rate")];
}

function readDesks(sql: Sql, gates: ReadonlyMap<number, readonly Gate[]>): Map<string, Desk> {
  const names = new Set<string>();
  for (const some of gates.values()) for (const gate of some) names.add(gateName(gate));
  return desksOf(sql, [...names]);
}

/** How some gates stand. */
export function desksOf(sql: Sql, names: readonly string[]): Map<string, Desk> {
  const all = { gates: listing(names) };
  const [taken = "[]"] = sql.get<[string]>(statements.gatesTaken, all) ?? [];
  const used = new Map<string, number>(JSON.parse(taken));
  const lines = isSomebodyInLine(sql) ? sql.all<[string]>(statements.gatesInLine, all) : [];
  const inLine = new Set(lines.map((row) => row[0]));
  const rates = readRates(sql, names.filter(isRate));
  return new Map(
    names.map((name): [string, Desk] => {
      const { arrival, heldUntil } = rates.get(name) ?? fresh;
      return [
        name,
        { used: used.get(name) ?? 0, hasLine: inLine.has(name), arrival, heldUntil, hasPaid: false },
      ];
    }),
  );
}

/** A rate at which nobody has started yet. */
const fresh: Arrival = { arrival: 0, heldUntil: 0 };

function readRates(sql: Sql, names: readonly string[]): Map<string, Arrival> {
  type Row = [gate: string, arrival: number, heldUntil: number];
  if (names.length === 0) return new Map();
  const rows = sql.all<Row>(statements.ratesAtHand, { gates: listing(names) });
  return new Map(rows.map(([gate, arrival, heldUntil]) => [gate, { arrival, heldUntil }]));
}

/** The places that runs came with: only where some are taken can one be theirs. */
function readPlaces(
  sql: Sql,
  gates: ReadonlyMap<number, readonly Gate[]>,
  desks: ReadonlyMap<string, Desk>,
): Map<number, Map<string, boolean>> {
  const asked: Place[] = [];
  for (const [run, some] of gates) {
    for (const name of some.map(gateName)) if ((desks.get(name)?.used ?? 0) > 0) asked.push([name, run]);
  }
  const places = new Map<number, Map<string, boolean>>();
  for (const [gate, run, isKept] of placesAmong(sql, asked)) {
    const own = places.get(run) ?? new Map<string, boolean>();
    own.set(gate, isKept === 1);
    places.set(run, own);
  }
  return places;
}

/** Which of these places runs have, and whether they keep them. */
export function placesAmong(
  sql: Sql,
  asked: readonly Place[],
): readonly [gate: string, run: number, isKept: number][] {
  return asked.length === 0 ? [] : sql.all(statements.placesAtHand, { places: JSON.stringify(asked) });
}

const none: ReadonlyMap<string, boolean> = new Map();

function ask(visit: Visit, seq: number, gates: readonly Gate[], now: number): boolean {
  const own = visit.own.get(seq) ?? none;
  const closed = gates.find((gate) => !isOpenTo(visit, gate, own, now));
  if (closed === undefined) start(visit, seq, gates, own, now);
  else park(visit, seq, gateName(closed), own);
  return closed === undefined;
}

function isOpenTo({ desks }: Visit, gate: Gate, own: ReadonlyMap<string, boolean>, now: number): boolean {
  const name = gateName(gate);
  const desk = desks.get(name);
  if (desk === undefined) return false;
  if (!own.has(name)) return !desk.hasLine && isOpen(gate, desk, now);
  // Who was let in at a rate may find that it was held back since.
  return gate.kind !== "rate" || isOpen(gate, { ...desk, used: 0 }, now);
}

function start(
  { desks, taken, givenUp, touched }: Visit,
  seq: number,
  gates: readonly Gate[],
  own: ReadonlyMap<string, boolean>,
  now: number,
): void {
  for (const gate of gates) {
    const name = gateName(gate);
    const desk = desks.get(name);
    if (desk === undefined) continue;
    if (gate.kind === "rate") {
      desk.arrival = afterStart(gate, desk, now);
      desk.hasPaid = true;
      if (own.has(name)) {
        desk.used--;
        givenUp.push([name, seq]);
      }
      if (desk.hasLine) touched.add(name);
      continue;
    }
    const isKept = gate.kind === "lock" && gate.hold !== "attempt";
    if (!own.has(name)) desk.used++;
    if (own.get(name) !== isKept) taken.push([name, seq, isKept ? 1 : 0]);
  }
}

function park(
  { desks, parked, givenUp, touched }: Visit,
  seq: number,
  at: string,
  own: ReadonlyMap<string, boolean>,
): void {
  parked.push([seq, at]);
  touched.add(at);
  const desk = desks.get(at);
  if (desk !== undefined) desk.hasLine = true;
  for (const [name, isKept] of own) {
    if (isKept) continue;
    touched.add(name);
    givenUp.push([name, seq]);
    const handed = desks.get(name);
    if (handed !== undefined) handed.used--;
  }
}

function write(transaction: Transaction, visit: Visit, now: number): number {
  const { sql } = transaction;
  const { desks, taken, parked, givenUp, touched } = visit;
  if (givenUp.length > 0) sql.run(statements.letGoPlaces, { places: JSON.stringify(givenUp) });
  if (taken.length > 0) sql.run(statements.takePlaces, { places: JSON.stringify(taken) });
  const paid = [...desks].filter(([name, desk]) => isRate(name) && desk.hasPaid);
  if (paid.length > 0) {
    const rates = paid.map(([name, { arrival }]) => [name, arrival, Math.ceil(arrival)]);
    sql.run(statements.payRates, { rates: JSON.stringify(rates) });
  }
  if (parked.length > 0) sql.run(statements.parkRuns, { lines: JSON.stringify(parked) });
  if (touched.size > 0) handOver(transaction, [...touched], now);
  return parked.length;
}
