// Transactional work: what a handler's own transaction carries of duckdive, a remembered call or the run's end.
//
// The statement is the last of that transaction. It takes hold of the run's row under the fence: from then on a rescue
// passes the run by and a settlement of it waits, until the commit, or its failure, has decided. Whoever lost the answer
// to a commit can ask `owns`, which waits in the same way.
//
// Before this file come `ctx.tx` and `ctx.succeed`, by the loop. After it comes the adapter's connection.
import { NotBuiltError } from "../../kernel/index.js";
import type { EntryWrite, NewRun, Note, Recorded, Settled, Settlement, Settling } from "../contract.js";
import { Findings } from "../findings.js";
import { withFollowers } from "./apart.js";
import { type AskThrough, otherDatabase } from "./application.js";
import type { Claims } from "./claim.js";
import type { Row } from "./driver.js";
import { entryFrom } from "./durable.js";
import type { Errands } from "./errands.js";
import { isPartitionMissing } from "./errors.js";
import type { Gates } from "./gates.js";
import type { Session } from "./session.js";
import { itemsOf } from "./settle.js";
import { refuseChildren, refuseHanging } from "./shapes.js";
import { statements } from "./statements.js";
import { jsonText, truthOf } from "./text.js";

type Execution = Pick<EntryWrite, "run" | "token" | "claim">;

export interface Transactional {
  recordIn(connection: unknown, write: EntryWrite): Promise<Recorded>;
  settleIn(connection: unknown, settlement: Settling, notes: readonly Note[]): Promise<Settled>;
  committed(settlement: Settlement): void;
  owns(execution: Execution): Promise<boolean>;
}

const refused: Settled = Object.freeze({ taken: false });

export function createTransactional(parts: {
  readonly session: Session;
  readonly claims: Claims;
  readonly gates: Gates;
  readonly errands: Errands;
  readonly ask: AskThrough;
  readonly tell: (found: Findings) => void;
  /** The text that wakes other processes; null when they shall not be woken. */
  readonly notice: (found: Findings) => string | null;
  /** Sees to the lanes of the runs that follow. */
  readonly makeLanes: (runs: readonly NewRun[]) => Promise<void>;
}): Transactional {
  const { session, claims, gates, errands, ask, tell, notice, makeLanes } = parts;

  /** Those whose end means something to others, which is to be done when their transaction has committed. */
  const unfinished = new WeakSet<Settlement>();

  return {
    async recordIn(connection, write) {
      refuseUnsettled(write);
      const [row] = await ask(connection, statements.recordIn, {
        ...fenceOf(write),
        entries: jsonText(write.entries),
        after: write.after ?? 0,
        now: session.now(),
      });
      const answer: string | Row[] = JSON.parse(String(row?.answer));
      if (answer === "elsewhere") throw otherDatabase(session);
      if (typeof answer === "string") return { taken: false };
      claims.markDurable(write);
      return { taken: true, settled: answer.map(entryFrom) };
    },
    async settleIn(connection, settlement, notes) {
      const { follow = [] } = settlement;
      refuseHanging(follow);
      refuseChildren(follow);
      if (follow.length > 0) await makeLanes(follow);
      const values = {
        ...fenceOf(settlement),
        item: jsonText(withFollowers(settlement)),
        notes: jsonText(itemsOf(notes)),
        now: session.now(),
        notice: notice(
          claims.isDurable(settlement) ? endInFamily(settlement, session.time()) : endOf(settlement),
        ),
      };
      try {
        claims.entrust(settlement);
        const [row] = await ask(connection, statements.settleIn, values);
        const state = String(row?.answer);
        if (state === "elsewhere") throw otherDatabase(session);
        if (String(row?.left) === "true") unfinished.add(settlement);
        return state === "refused" ? refused : { taken: true, state: state as Settlement["state"] };
      } catch (error) {
        // This transaction is given up; the next one shall find the partition.
        if (isPartitionMissing(error)) await session.ask(statements.extendHistory, { now: session.now() });
        throw error;
      }
    },
    committed(settlement) {
      const own = claims.gatesOf(settlement);
      const isUnfinished = unfinished.delete(settlement);
      if (isUnfinished || claims.isDurable(settlement)) void errands.attend([settlement.run]);
      claims.answered(settlement);
      tell(endOf(settlement));
      if (own !== undefined) void gates.handOver(own.keys);
    },
    async owns(execution) {
      const [row] = await session.ask(statements.owns, fenceOf(execution));
      return truthOf(row?.[0]);
    },
  };
}

function fenceOf({ run, token, claim }: Execution): {
  run: string;
  token: number;
  claim: string | undefined;
} {
  return { run, token, claim };
}

function endOf({ run }: Settlement): Findings {
  const found = new Findings();
  found.ended.push(run);
  return found;
}

/** Others may come first to tell its parent, or to end its children. */
function endInFamily(settlement: Settlement, now: number): Findings {
  const found = endOf(settlement);
  found.dueAt(now);
  return found;
}

/** Only what has settled can be written in a transaction: nothing outside of it could see what is pending. */
function refuseUnsettled({ entries, children = [] }: EntryWrite): void {
  if (children.length === 0 && entries.every(({ state }) => state !== "pending")) return;
  throw new NotBuiltError(
    "This version of the postgres store records nothing but settled calls in a transaction. Use a newer version.",
  );
}
