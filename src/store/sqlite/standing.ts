// How a run stands at its gates, for people and for `explain`. Read when somebody asks, from the same rows that claims
// go by.
import type { GateStanding, StoredRun } from "../contract.js";
import { desksOf, placesAmong } from "./admission.js";
import type { Sql } from "./driver.js";
import { gateName, gatesFrom } from "./gates.js";
import { opensAt } from "./rate.js";
import type { Session } from "./session.js";
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
  const places = sql.all<HolderRow>(statements.gateHolders, { gate });
  return {
    isHolding: placesAmong(sql, [[gate, seq]]).length > 0,
    isParked,
    used: isRate ? 0 : (desksOf(sql, [gate]).get(gate)?.used ?? 0),
    holders: places.map(([run, job, state, startedAt]) => ({
      run,
      job,
      state,
      since: state === "running" ? (startedAt ?? undefined) : undefined,
    })),
    ahead,
  };
}

/** When one more may start; where only those who were let in and have not started are in the way: now. */
function withOpening(sql: Sql, gate: GateStanding, now: number): GateStanding {
  const desk = desksOf(sql, [gateName(gate)]).get(gateName(gate));
  return desk === undefined ? gate : { ...gate, opensAt: opensAt(gate, desk, desk.used) ?? now };
}
