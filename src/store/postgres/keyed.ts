// Runs with unique keys on their way in over our own connections.
//
// Whoever asks for a key that an application's transaction has just recorded has to wait for that transaction: until it has
// ended, nobody knows. Calls that share a statement therefore wait a moment only. Then each key goes by itself, and those
// that are still waited for do so over a few connections at most, several callers of one key together: so one transaction
// that stays open keeps nobody waiting who does not ask for what it has.
//
// Before this file comes `intake.ts`. After it come the statements.
import { type Group, group } from "../../kernel/index.js";
import type { Inserted, NewRun } from "../contract.js";
import type { Findings } from "../findings.js";
import type { Row } from "./driver.js";
import { type Gates, namesIn } from "./gates.js";
import { type Session, slices } from "./session.js";
import { columnsOf, findingsOf, largestInsert } from "./shapes.js";
import { statements } from "./statements.js";
import {
  allAnswersWith,
  answersWith,
  isLockTimeout,
  keyTrouble,
  type Met,
  patienceTogether,
  patienceWithKeys,
} from "./unique.js";

const writesAtOnce = 2;
/** Connections that may wait for transactions of the application to end. */
const waitersAtOnce = 3;

/** An answer that may come long after those of the calls beside it. */
interface Later {
  readonly answer: Promise<Inserted>;
}

export interface KeyedIntake {
  /** Records one run, sharing a statement with others. */
  insert(run: NewRun): Promise<Inserted>;
  /** Records runs, all or none. */
  insertAll(runs: readonly NewRun[]): Promise<Inserted[]>;
}

export function createKeyedIntake(parts: {
  readonly session: Session;
  readonly tell: (found: Findings) => void;
  readonly notice: (found: Findings, isOwn: boolean) => string | null;
  readonly gates: Gates;
}): KeyedIntake {
  const { session, tell, notice, gates } = parts;

  async function record(runs: readonly NewRun[], all: boolean, patience: number): Promise<Met[]> {
    const found = findingsOf(runs, session.time());
    const values = [...slices(runs, largestInsert)].map((some) => ({
      ...columnsOf(some),
      now: session.now(),
      notice: notice(found, true),
      nonce: null,
      all: String(all),
      patience: `${patience}ms`,
    }));
    // When it is not known whether the first attempt arrived, no id is fresh any more.
    const again = values.map((one) => ({ ...one, known: one.ids }));
    const rows = await session.askPatiently(statements.recordUnique, values, again);
    tell(found);
    const letGo = rows.flatMap((row) => namesIn(row[3]));
    if (letGo.length > 0) await gates.handOver(letGo);
    return rows.map(metIn);
  }

  /** Runs of several callers, each for itself: what refuses one is nothing to the others. */
  async function recordEach(runs: readonly NewRun[], patience: number): Promise<Later[]> {
    const met = await record(runs, false, patience);
    return answersWith(runs, met).map((answer) => ({
      answer: answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer),
    }));
  }

  /** The same, or something else when a key has to be waited for. */
  async function recordAtOnce(
    runs: readonly NewRun[],
    otherwise: (runs: readonly NewRun[]) => Later[],
  ): Promise<Later[]> {
    try {
      return await recordEach(runs, patienceTogether);
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      return otherwise(runs);
    }
  }

  const waiting: Group<readonly NewRun[], Later[]> = group({
    limit: 1,
    atOnce: waitersAtOnce,
    async write([runs = []]) {
      try {
        return [await recordEach(runs, patienceWithKeys)];
      } catch (error) {
        throw keyTrouble(error, runs, session.where);
      }
    },
  });
  const ofOneKey: Group<readonly NewRun[], Later[]> = group({
    limit: 1,
    atOnce: writesAtOnce,
    write: async ([runs = []]) => [await recordAtOnce(runs, (all) => partsOf(all, waiting(all)))],
  });
  const together: Group<NewRun, Later> = group({
    limit: largestInsert,
    atOnce: writesAtOnce,
    write: (runs) => recordAtOnce(runs, eachKeyApart),
  });

  function eachKeyApart(runs: readonly NewRun[]): Later[] {
    const keys = byKey(runs);
    if (keys.size === 1) return partsOf(runs, waiting(runs));
    const answers = new Map([...keys.values()].flatMap((own) => [...zip(own, partsOf(own, ofOneKey(own)))]));
    return runs.flatMap((run) => answers.get(run) ?? []);
  }

  return {
    insert: async (run) => (await together(run)).answer,
    async insertAll(runs) {
      try {
        return allAnswersWith(runs, await record(runs, true, patienceWithKeys));
      } catch (error) {
        throw keyTrouble(error, runs, session.where);
      }
    },
  };
}

function byKey(runs: readonly NewRun[]): Map<string | undefined, NewRun[]> {
  const keys = new Map<string | undefined, NewRun[]>();
  for (const run of runs) {
    const others = keys.get(run.unique?.key);
    if (others === undefined) keys.set(run.unique?.key, [run]);
    else others.push(run);
  }
  return keys;
}

/** Of an answer for several that is on its way, the part of each. */
function partsOf(runs: readonly NewRun[], all: Promise<readonly Later[]>): Later[] {
  return runs.map((_, index) => ({
    answer: all.then((answers) => {
      const later = answers[index];
      if (later === undefined) throw new TypeError("There are fewer answers than runs.");
      return later.answer;
    }),
  }));
}

function* zip<One, Other>(ones: readonly One[], others: readonly Other[]): Generator<[One, Other]> {
  for (const [index, one] of ones.entries()) {
    const other = others[index];
    if (other !== undefined) yield [one, other];
  }
}

function metIn([id, run, answer]: Row): Met {
  return { id: id ?? "", run: run ?? "", answer: answer ?? "" };
}
