// Settlements that share nothing with the others: of runs with unique keys, and those that runs follow.
//
// A transaction of the application that changes a run has its row locked until it ends, and may take its time. Its run's
// settlement is passed by in the database, comes again, and learns by that transaction's end whose the run is: nobody else
// waits. What follows a settlement is recorded in its commit.
//
// Before this file comes `settle.ts`, which sends here what is like that. After it comes migration 0016.
import { group } from "../../kernel/index.js";
import type { NewRun, Settled, Settlement, Settling } from "../contract.js";
import type { Claims } from "./claim.js";
import type { Row } from "./driver.js";
import { rest, type Session } from "./session.js";
import { columnsOf, settlementItem } from "./shapes.js";
import { statements } from "./statements.js";
import { jsonText, listOf, plainList } from "./text.js";
import { isKeyed, isLockTimeout, unrefused } from "./unique.js";

const largestSettle = 500;
/** How long a settlement rests, in milliseconds, when its run is locked by an application's transaction. */
const pauseForOthers = 50;
const busy = "busy";

export interface ApartParts {
  readonly session: Session;
  readonly claims: Claims;
  readonly makeLanes: (runs: readonly NewRun[]) => Promise<void>;
  /** Sends what may end these runs, and hands over what they had. */
  around<T>(batch: readonly Settlement[], write: () => Promise<T>): Promise<T>;
  /** What the answers of the database mean, and what follows from them. */
  conclude(batch: readonly Settlement[], answers: Settled[]): Promise<Settled[]>;
  readonly answerFrom: (state: string | null) => Settled;
  /** Does what a statement has left behind, as its row says. */
  finish(row: Row): Promise<void>;
}

interface Written {
  readonly answer: Settled | undefined;
  readonly behind: Promise<void>;
}

/** A way to end executions whose run somebody may have locked. */
export function createApart(parts: ApartParts): (settlement: Settling) => Promise<Settled> {
  const { session, claims, makeLanes, around, conclude, answerFrom, finish } = parts;

  /** Undefined: its row is locked. Of two of one run the first is settled by this, and the second looked at again. */
  async function write(batch: readonly Settling[]): Promise<Written[]> {
    const seen = new Set<string>();
    const firsts = batch.filter(({ run }) => seen.size < seen.add(run).size);
    const done = claims.takeDone([]);
    let row: Row;
    try {
      row = await around(firsts, () => settleWith(session, firsts, done));
    } catch (error) {
      claims.giveBackDone(done);
      throw error;
    }
    const behind = finish(row);
    const states = listOf(row[0]);
    const settled = firsts.filter((_, index) => states[index] !== busy);
    const given = states.flatMap((state) => (state === busy ? [] : answerFrom(state)));
    const answers = await conclude(settled, given);
    return batch.map((settlement) => ({ answer: answers[settled.indexOf(settlement)], behind }));
  }

  const together = group({ limit: largestSettle, write });

  return async (settlement) => {
    const { follow = [] } = settlement;
    if (follow.length > 0) await makeLanes(follow);
    for (;;) {
      // What follows with a key may have to wait for somebody as well.
      const isAlone = follow.some(isKeyed);
      const written = isAlone ? (await write([settlement]))[0] : await together(settlement);
      if (written?.answer !== undefined) {
        await written.behind;
        return written.answer;
      }
      await rest(pauseForOthers);
    }
  };
}

/** The state each run is in by that, null for what was refused, or `busy`; then what was left behind. */
async function settleWith(
  session: Session,
  batch: readonly Settling[],
  done: readonly string[],
): Promise<Row> {
  const values = { items: jsonText(batch.map(withFollowers)), done: plainList(done), now: session.now() };
  try {
    const [row = []] = await session.askPatiently(statements.settleWith, [values], [values]);
    return row;
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    return [plainList(batch.map(() => busy)), null, null];
  }
}

/** A settlement as the database takes it: the runs that follow it as the lists that record runs. */
export function withFollowers(settlement: Settling): object {
  const { follow, ...rest } = settlement;
  const own = settlementItem(rest);
  if (follow === undefined || follow.length === 0) return own;
  const { shapes, ...columns } = columnsOf(follow.map(unrefused));
  return { ...own, follow: { ...columns, shapes: JSON.parse(String(shapes)) } };
}
