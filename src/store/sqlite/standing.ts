// How a run stands at its gates, for people and for `explain`. Read when somebody asks, from the same rows that claims
// go by.
import type { GateStanding, StoredRun } from "../contract.js";
import type { Sql } from "./driver.js";
import { gateName, gatesFrom } from "./gates.js";
import { opensAt } from "./rate.js";
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";

interface Asking {
  readonly seq: number;
  readonly parkedOn: string | null;
  readonly priority: number;
  readonly runAt: number;
}

/** How a run stands at each of its gates, in their order. */
export async function standing(session: Session, id: string): Promise<GateStanding[]> {
  type Row = [seq: number, gates: string | null, parkedOn: string | null, priority: number, runAt: number];
  return session.read((sql) => {
    const row = sql.get<Row>(statements.standsAt, { id });
    if (row === undefined || row[1] === null) return [];
    const [seq, gates, parkedOn, priority, runAt] = row;
    const asking = { seq, parkedOn, priority, runAt };
    return gatesFrom(gates)
      .map((gate) => ({ ...gate, ...standingAt(sql, gateName(gate), asking), opensAt: undefined }))
      .map((one) => (one.kind === "rate" ? withOpening(sql, one, session.clock.now()) : one));
  });
}

type Place = Omit<GateStanding, "kind" | "key" | "limit" | "opensAt">;

function standingAt(sql: Sql, gate: string, { seq, parkedOn, priority, runAt }: Asking): Place {
  type HolderRow = [run: string, job: string, state: StoredRun["state"], startedAt: number | null];
  const isParked = parkedOn === gate;
  const isRate = gate.startsWith("rate ");
  const [ahead = 0] =
    sql.get<[number]>(statements.gateLine, { gate, seq: isParked ? seq : null, priority, runAt }) ?? [];
  const places = isRate ? [] : sql.all<HolderRow>(statements.gateHolders, { gate });
  const own = sql.all<[run: number, gate: string]>(statements.placesOfRuns, { runs: listing([seq]) });
  return {
    isHolding: !isRate && own.some((row) => row[1] === gate),
    isParked,
    used: isRate ? 0 : usedOf(sql, gate),
    holders: places.map(([run, job, state, startedAt]) => ({
      run,
      job,
      state,
      since: state === "running" ? (startedAt ?? undefined) : undefined,
    })),
    ahead,
  };
}

type DeskRow = [gate: string, used: number, hasLine: number, arrival: number, heldUntil: number];

function deskOf(sql: Sql, gate: string): DeskRow {
  return sql.get<DeskRow>(statements.gatesAtHand, { gates: listing([gate]) }) ?? [gate, 0, 0, 0, 0];
}

function usedOf(sql: Sql, gate: string): number {
  return deskOf(sql, gate)[1];
}

/** When one more may start; where only those who were let in and have not started are in the way: now. */
function withOpening(sql: Sql, gate: GateStanding, now: number): GateStanding {
  const [, promised, , arrival, heldUntil] = deskOf(sql, gateName(gate));
  return { ...gate, opensAt: opensAt(gate, { arrival, heldUntil }, promised) ?? Math.max(now, heldUntil) };
}
