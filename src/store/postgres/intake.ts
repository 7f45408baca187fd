// Intake: how runs get into the database.
//
// Calls made side by side share a statement and its commit, two such statements being under way at most: a sync of the
// disk costs the same for one row as for a thousand. `insertIn` writes over a connection of the application, inside of
// its own transaction.
//
// Recording is idempotent by id: whoever is unsure whether an insert arrived sends it again. Runs with unique keys go their
// own way (`keyed.ts`): they may have to wait for a transaction of the application, and the others need not.

import { type Group, group } from "../../kernel/index.js";
import type { Inserted, NewRun, Prepared } from "../contract.js";
import { Findings } from "../findings.js";
import { type AskThrough, otherDatabase } from "./application.js";
import type { Errands } from "./errands.js";
import type { Gates } from "./gates.js";
import { createKeyedIntake } from "./keyed.js";
import { type Session, slices } from "./session.js";
import { columnsOf, findingsOf, largestInsert, refuseChildren, refuseHanging, shapeOf } from "./shapes.js";
import { statements } from "./statements.js";
import { jsonText } from "./text.js";
import { allAnswersWith, hashOf, isKeyed } from "./unique.js";

/** Two: while one waits for the disk, the next is being parsed. */
const insertsAtOnce = 2;

/** What stands for a lane that is there. */
const made: Promise<unknown> = Promise.resolve();

/** What decides in which lane a run stands. */
type Placed = Pick<NewRun, "queue" | "priority" | "gates" | "fair">;

export interface Intake {
  insert(runs: readonly NewRun[]): Promise<Inserted[]>;
  insertIn(connection: unknown, runs: readonly NewRun[]): Promise<Inserted[]>;
  prepare(prepared: readonly Prepared[]): Promise<void>;
  /** Sees to the lanes of runs that are about to be written. */
  makeLanes(runs: readonly Placed[]): Promise<void>;
  /** What was known of lanes is forgotten: the database was away, and may be another one. */
  forget(): void;
}

export function createIntake(parts: {
  readonly session: Session;
  readonly tell: (found: Findings) => void;
  /** The text that wakes other processes; null when they shall not be woken. */
  readonly notice: (found: Findings, isOwn: boolean) => string | null;
  readonly ask: AskThrough;
  readonly gates: Gates;
  readonly errands: Errands;
}): Intake {
  const { session, tell, notice, ask, gates, errands } = parts;
  const knownLanes = new Map<string, Promise<unknown>>();
  const keyed = createKeyedIntake({ session, tell, notice, gates });

  /** All or none: what is too long for one statement shares a transaction. */
  async function write(runs: readonly NewRun[]): Promise<Inserted[]> {
    const found = findingsOf(runs, session.time());
    const common = { now: session.now(), notice: notice(found, true), nonce: null };
    const parts = [...slices(runs, largestInsert)].map((some) => ({ ...columnsOf(some), ...common }));
    // When it is not known whether the first attempt arrived, no id is fresh any more.
    const again = parts.map((values) => ({ ...values, known: values.ids }));
    const [first = common, ...others] = parts;
    const rows =
      others.length === 0
        ? await session.ask(statements.insertRuns, first, again[0])
        : await session.askForAll(statements.insertRuns, parts, again);
    tell(found);
    return answersTo(
      runs,
      rows.map((row) => row[0] ?? ""),
    );
  }

  const inserts: Group<NewRun[], Inserted[]> = group({
    limit: largestInsert,
    atOnce: insertsAtOnce,
    async write(batches) {
      const answers = await write(batches.flat());
      let end = 0;
      return batches.map((batch) => {
        const start = end;
        end += batch.length;
        return answers.slice(start, end);
      });
    },
  });

  async function insert(runs: readonly NewRun[]): Promise<Inserted[]> {
    refuseChildren(runs);
    const [first] = runs;
    if (first === undefined) return [];
    await makeLanes(runs);
    if (runs.some(isKeyed)) return runs.length === 1 ? [await keyed.insert(first)] : keyed.insertAll(runs);
    return runs.length === 1 ? inserts([...runs]) : write(runs);
  }

  /** A lane is made over a connection of our own, before it is needed: making it takes a lock. */
  async function makeLanes(runs: readonly Placed[]): Promise<void> {
    const missing = new Map<string, object>();
    const underWay = new Set<Promise<unknown>>();
    let before: Placed | undefined;
    for (const run of runs) {
      const { queue, priority, gates = [], fair } = run;
      // Most of a batch go where the one before them went.
      const isAsBefore =
        before?.queue === queue && before.priority === priority && before.gates === run.gates;
      if (isAsBefore && before?.fair === fair) continue;
      before = run;
      const kind = { gated: gates.length > 0, fair: fair !== undefined };
      const lane = `${priority} ${kind.gated} ${kind.fair} ${queue}`;
      const known = knownLanes.get(lane);
      if (known === undefined) missing.set(lane, { queue, priority, ...kind });
      else if (known !== made) underWay.add(known);
    }
    if (missing.size > 0) underWay.add(makeMissing(missing));
    if (underWay.size > 0) await Promise.all(underWay);
  }

  /** Others that need the same meanwhile wait for it. */
  function makeMissing(missing: ReadonlyMap<string, object>): Promise<unknown> {
    const making = session.ask(statements.makeLanes, { lanes: jsonText([...missing.values()]) }).then(
      () => {
        for (const lane of missing.keys()) knownLanes.set(lane, made);
      },
      (error: unknown) => {
        for (const lane of missing.keys()) knownLanes.delete(lane);
        throw error;
      },
    );
    for (const lane of missing.keys()) knownLanes.set(lane, making);
    return making;
  }

  async function insertIn(connection: unknown, runs: readonly NewRun[]): Promise<Inserted[]> {
    refuseChildren(runs);
    if (runs.length === 0) return [];
    await makeLanes(runs);
    const values = {
      ...columnsOf(runs),
      now: session.now(),
      notice: notice(findingsOf(runs, session.time()), false),
    };
    const rows = runs.some(isKeyed)
      ? await ask(connection, statements.recordUnique, { ...values, all: "true", patience: null })
      : await ask(connection, statements.insertRuns, values);
    if (rows.some((row) => row.id === null)) throw otherDatabase(session);
    if (runs.some(isKeyed)) {
      const met = rows.map(({ id, run, answer }) => ({
        id: String(id),
        run: String(run),
        answer: String(answer),
      }));
      return allAnswersWith(runs, met);
    }
    return answersTo(
      runs,
      rows.map((row) => String(row.id)),
    );
  }

  return {
    insert,
    insertIn,
    makeLanes,
    prepare: (prepared) => prepare(session, prepared, makeLanes, tell, errands),
    forget: () => knownLanes.clear(),
  };
}

/**
 * Ids that were there before come back; each other one is created by its first mention. A fresh one that was there came
 * with an attempt of this very call whose answer was lost.
 */
function answersTo(runs: readonly NewRun[], present: readonly string[]): Inserted[] {
  const known = new Set(present);
  return runs.map(({ id, fresh }) => {
    const created = fresh === true || !known.has(id);
    known.add(id);
    return { id, created };
  });
}

/** Ends `waiting(preparation)`. */
async function prepare(
  session: Session,
  prepared: readonly Prepared[],
  makeLanes: (runs: readonly Placed[]) => Promise<void>,
  tell: (found: Findings) => void,
  errands: Errands,
): Promise<void> {
  const valid = prepared.flatMap((item) => ("run" in item ? [item.run] : []));
  refuseHanging(valid);
  await makeLanes(valid);
  for (const some of slices(prepared, largestInsert)) {
    const rows = await session.ask(statements.prepareRuns, {
      items: jsonText(
        some.map((item) =>
          "run" in item
            ? {
                ...shapeOf(item.run),
                input: item.run.input,
                id: item.id,
                unique_key: item.run.unique === undefined ? undefined : hashOf(item.run.unique),
              }
            : { id: item.id, invalid: item.invalid, keep: item.keep },
        ),
      ),
      now: session.now(),
    });
    const found = new Findings();
    found.claimable = valid.length > 0;
    for (const row of rows) found.ended.push(row[0] ?? "");
    found.dueAt(valid.length > 0 ? session.time() : undefined);
    tell(found);
    await errands.attend(found.ended);
  }
}
