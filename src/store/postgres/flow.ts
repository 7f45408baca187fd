// Flow: runs that come after others, and runs that are counted together, on their way into the database.
//
// A call with such runs has a statement to itself, whose function looks whether what they name is there, and records all or
// nothing. No row of another run is locked by it, since an application's transaction may be the one that records: how the
// others stand is found out behind the commit, by an errand, or by the next promotion.
//
// Before this file come `insert` and `insertIn`. After it come `errands.ts` and migration 0019.
import { BatchFinishedError, UnknownBatchError, UnknownRunError } from "../../job/index.js";
import { isId } from "../../kernel/index.js";
import type { Inserted, NewBatch, NewRun, StoredBatch } from "../contract.js";
import type { Findings } from "../findings.js";
import { type AskThrough, otherDatabase } from "./application.js";
import type { Row } from "./driver.js";
import type { Errands } from "./errands.js";
import { type Gates, namesIn } from "./gates.js";
import type { Session, Values } from "./session.js";
import { columnsOf, comesAfter, findingsOf, refuseChildren, shapeOf } from "./shapes.js";
import { statements } from "./statements.js";
import { idList, jsonText, numberOf, optionalNumber, optionalText, plainList } from "./text.js";
import { allAnswersWith, isKeyed, keyTrouble, type Met, patienceWithKeys } from "./unique.js";

/** What becomes of a run when one that it comes after does not succeed, as the database has it. */
export const policies = { fail: 0, cancel: 1, run: 2 } as const;

export interface Flow {
  insert(runs: readonly NewRun[], batches: readonly NewBatch[]): Promise<Inserted[]>;
  insertIn(connection: unknown, runs: readonly NewRun[], batches: readonly NewBatch[]): Promise<Inserted[]>;
  batches(ids: readonly string[]): Promise<(StoredBatch | undefined)[]>;
  /** A page of batches, the newest id first. */
  listBatches(page: { readonly limit: number; readonly before?: string | undefined }): Promise<StoredBatch[]>;
}

export function createFlow(parts: {
  readonly session: Session;
  readonly gates: Gates;
  readonly errands: Errands;
  readonly ask: AskThrough;
  readonly tell: (found: Findings) => void;
  /** The text that wakes other processes; null when they shall not be woken. */
  readonly notice: (found: Findings, isOwn: boolean) => string | null;
  /** Sees to the lanes of runs that are about to be written. */
  readonly makeLanes: (runs: readonly NewRun[]) => Promise<void>;
}): Flow {
  const { session, gates, errands, ask, tell, notice, makeLanes } = parts;

  async function write(runs: readonly NewRun[], values: Values & { readonly ids: string }): Promise<Row[]> {
    // When it is not known whether the first attempt arrived, no id is fresh any more.
    const again = { ...values, known: values.ids };
    if (!runs.some(isKeyed)) return session.ask(statements.recordFlow, values, again);
    try {
      return await session.askPatiently(statements.recordFlow, [values], [again]);
    } catch (error) {
      throw keyTrouble(error, runs, session.where);
    }
  }

  return {
    async insert(runs, batches) {
      refuseChildren(runs);
      checkIds(runs);
      await makeLanes(runs);
      const found = findingsAmong(runs, session.time());
      const rows = await write(runs, {
        ...valuesOf(runs, batches),
        now: session.now(),
        notice: notice(found, true),
        nonce: null,
        patience: runs.some(isKeyed) ? `${patienceWithKeys}ms` : null,
      });
      const answers = answersTo(runs, rows.map(metIn));
      tell(found);
      const letGo = rows.flatMap((row) => namesIn(row[3]));
      if (letGo.length > 0) await gates.handOver(letGo);
      await errands.attend(subjectsOf(runs, batches));
      return answers;
    },
    async insertIn(connection, runs, batches) {
      refuseChildren(runs);
      checkIds(runs);
      await makeLanes(runs);
      const found = findingsAmong(runs, session.time());
      // What is to be done at the commit is done by a promotion, which hears of it by this.
      found.dueAt(session.time());
      const rows = await ask(connection, statements.recordFlow, {
        ...valuesOf(runs, batches),
        now: session.now(),
        notice: notice(found, false),
        patience: null,
      });
      if (rows.some((row) => row.id === null)) throw otherDatabase(session);
      return answersTo(
        runs,
        rows.map(({ id, run, answer }) => ({ id: String(id), run: String(run), answer: String(answer) })),
      );
    },
    async batches(ids) {
      if (ids.length === 0) return [];
      const rows = await session.ask(statements.batches, { ids: idList(ids) });
      const known = new Map(rows.map((row) => [row[0], batchFrom(row)]));
      return ids.map((id) => known.get(id));
    },
    async listBatches({ limit, before = "ffffffff-ffff-ffff-ffff-ffffffffffff" }) {
      return (await session.ask(statements.listBatches, { limit, before })).map(batchFrom);
    },
  };
}

/** Whether runs of this call have to do with others, so that it goes this way. */
export function isFlow(runs: readonly NewRun[], batches: readonly NewBatch[]): boolean {
  return batches.length > 0 || runs.some((run) => comesAfter(run) || run.batch !== undefined);
}

/** No run and no batch has an id of another kind. @throws UnknownRunError, UnknownBatchError */
function checkIds(runs: readonly NewRun[]): void {
  for (const { job, after = [], batch } of runs) {
    const unknown = after.find((id) => !isId(id));
    if (unknown !== undefined) throw new UnknownRunError({ job, runId: unknown });
    if (batch !== undefined && !isId(batch)) throw new UnknownBatchError(batch);
  }
}

/** Whoever comes after others is not claimable by this. */
function findingsAmong(runs: readonly NewRun[], now: number): Findings {
  const found = findingsOf(runs, now);
  if (runs.every(comesAfter)) found.claimable = false;
  return found;
}

function valuesOf(runs: readonly NewRun[], batches: readonly NewBatch[]): Values & { readonly ids: string } {
  const pairs = runs.flatMap(({ id, after = [], onParentFailure = "fail" }) =>
    after.map((needs) => ({ id, needs, policy: policies[onParentFailure] })),
  );
  return {
    ...columnsOf(runs),
    runs: plainList(pairs.map(({ id }) => id)),
    needs: plainList(pairs.map(({ needs }) => needs)),
    policies: plainList(pairs.map(({ policy }) => policy)),
    batches: jsonText(
      batches.map(({ id, name, batch, onSuccess, onFinished }) => ({
        id,
        name,
        batch,
        on_success: callbackOf(onSuccess),
        on_finished: callbackOf(onFinished),
      })),
    ),
  };
}

/** A callback as the database keeps it: as it was asked for, and as it is recorded. */
export function callbackOf(run: NewRun | undefined): object | undefined {
  return run === undefined ? undefined : { run, shape: { ...shapeOf(run), unique: undefined } };
}

/** About whom something may have been left behind. */
function subjectsOf(runs: readonly NewRun[], batches: readonly NewBatch[]): string[] {
  return [
    ...runs.flatMap((run) => (comesAfter(run) ? run.id : [])),
    ...new Set(runs.flatMap(({ batch }) => batch ?? [])),
    ...batches.map(({ id }) => id),
  ];
}

function metIn([id, run, answer]: Row): Met {
  return { id: id ?? "", run: run ?? "", answer: answer ?? "" };
}

/** @throws UnknownRunError, UnknownBatchError, BatchFinishedError, UniqueConflictError */
function answersTo(runs: readonly NewRun[], met: readonly Met[]): Inserted[] {
  for (const { id, run, answer } of met) {
    if (answer === "unknown") {
      const job = runs.find((one) => one.id === id)?.job ?? "";
      throw new UnknownRunError({ job, runId: run });
    }
    if (answer === "no-batch") throw new UnknownBatchError(id);
    if (answer.startsWith(finished)) {
      throw new BatchFinishedError({ name: answer.slice(finished.length), batchId: id });
    }
  }
  return allAnswersWith(runs, met);
}

/** Before the name of a batch to which nothing can be added. */
const finished = "finished ";

export function batchFrom(row: Row): StoredBatch {
  const [id, name, batch, total, succeeded, failed, cancelled, createdAt, finishedAt, succeededAt] = row;
  return {
    id: id ?? "",
    name: name ?? "",
    batch: optionalText(batch),
    total: numberOf(total),
    succeeded: numberOf(succeeded),
    failed: numberOf(failed),
    cancelled: numberOf(cancelled),
    createdAt: numberOf(createdAt),
    finishedAt: optionalNumber(finishedAt),
    succeededAt: optionalNumber(succeededAt),
  };
}
