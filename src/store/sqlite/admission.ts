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
import { gateName, gatesFrom, handOver, isOpen, isRate } from "./gates.js";
import { afterStart } from "./rate.js";
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
  readonly started: number[];
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
  const visit: Visit = {
    desks: readDesks(transaction.sql, gates),
    own: readPlaces(transaction.sql, [...gates.keys()]),
    taken: [],
    parked: [],
    started: [],
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
  type Row = [gate: string, used: number, hasLine: number, arrival: number, heldUntil: number];
  const names = new Set<string>();
  for (const some of gates.values()) for (const gate of some) names.add(gateName(gate));
  const desks = new Map<string, Desk>();
  for (const [name, used, hasLine, arrival, heldUntil] of sql.all<Row>(statements.gatesAtHand, {
    gates: listing([...names]),
  })) {
    desks.set(name, { used, hasLine: hasLine === 1, arrival, heldUntil, hasPaid: false });
  }
  return desks;
}

function readPlaces(sql: Sql, runs: readonly number[]): Map<number, Map<string, boolean>> {
  type Row = [run: number, gate: string, kept: number];
  const places = new Map<number, Map<string, boolean>>();
  for (const [run, gate, kept] of sql.all<Row>(statements.placesOfRuns, { runs: listing(runs) })) {
    const own = places.get(run) ?? new Map<string, boolean>();
    own.set(gate, kept === 1);
    places.set(run, own);
  }
  return places;
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
  { desks, taken, started, touched }: Visit,
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
      if (own.has(name)) desk.used--;
      if (desk.hasLine) touched.add(name);
      continue;
    }
    const isKept = gate.kind === "lock" && gate.hold !== "attempt";
    if (!own.has(name)) desk.used++;
    if (own.get(name) !== isKept) taken.push([name, seq, isKept ? 1 : 0]);
  }
  if (own.size > 0) started.push(seq);
}

function park(
  { desks, parked, touched }: Visit,
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
    const handed = desks.get(name);
    if (handed !== undefined) handed.used--;
  }
}

function write(transaction: Transaction, visit: Visit, now: number): number {
  const { sql } = transaction;
  const { desks, own, taken, parked, started, touched } = visit;
  const turnedAway = parked.map(([run]) => run).filter((run) => own.has(run));
  if (turnedAway.length > 0) sql.run(statements.letGoUnkept, { runs: listing(turnedAway) });
  if (started.length > 0) sql.run(statements.letGoPromises, { runs: listing(started) });
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
