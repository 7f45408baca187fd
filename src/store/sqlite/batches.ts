// Batches: their counts, and what is recorded when nothing of one is open any more.
//
// A batch is a row with four numbers, changed in the transaction in which one of its runs is recorded, ends or is tried
// again. Whoever changed them looks in the same transaction whether the batch has finished by that: a SQLite file has one
// writer at a time, so exactly one finds out. A batch in a batch is told on to the outer one, and so on, in a loop.
//
// Before this file come `insert.ts`, and `moves.ts` when a run ends. After it come `record.ts` and the statements.
import { BatchFinishedError, UnknownBatchError } from "../../job/index.js";
import type { BatchCounts, MovedBatch, NewBatch, NewRun, StoredBatch } from "../contract.js";
import { standingOf, summaryText } from "../flow.js";
import type { Sql } from "./driver.js";
import { recordRun } from "./record.js";
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

/** What is added to the counts of a batch. */
export interface Counted {
  readonly total?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly cancelled?: number;
}

type Standing = ReturnType<typeof standingOf>;

type BatchRow = [
  id: string,
  name: string,
  batch: string | null,
  counted: Standing,
  total: number,
  succeeded: number,
  failed: number,
  cancelled: number,
  elsewhere: string | null,
  createdAt: number,
  finishedAt: number | null,
  succeededAt: number | null,
];

interface AtHand extends StoredBatch {
  /** As what the outer batch counts it. */
  readonly counted: Standing;
}

function batchFrom(row: BatchRow): AtHand {
  const [id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, ...times] = row;
  const [createdAt, finishedAt, succeededAt] = times;
  const own = { total, succeeded, failed, cancelled };
  return {
    id,
    name,
    batch: batch ?? undefined,
    counted,
    ...(elsewhere === null ? own : sumOf([own, ...Object.values(countsFrom(elsewhere))])),
    createdAt,
    finishedAt: finishedAt ?? undefined,
    succeededAt: succeededAt ?? undefined,
  };
}

const nothing: BatchCounts = { total: 0, succeeded: 0, failed: 0, cancelled: 0 };

/** What other stores have counted, by their nonces. */
function countsFrom(text: string | null): Record<string, BatchCounts> {
  return text === null ? {} : JSON.parse(text);
}

function sumOf(all: readonly BatchCounts[]): BatchCounts {
  return all.reduce((sum, { total, succeeded, failed, cancelled }) => ({
    total: sum.total + total,
    succeeded: sum.succeeded + succeeded,
    failed: sum.failed + failed,
    cancelled: sum.cancelled + cancelled,
  }));
}

/** Changes the counts of a batch. Whoever is not told to anybody anew is looked at no further. */
export function count(transaction: Transaction, id: string, added: Counted, now: number): void {
  const row = transaction.sql.get<BatchRow>(statements.countBatch, { id, ...nothing, ...added });
  if (row !== undefined) review(transaction, batchFrom(row), now);
}

/** Sees whether a batch has finished by what was counted last, and tells the one that it is counted in. */
function review(transaction: Transaction, changed: AtHand, now: number): void {
  const { sql } = transaction;
  let batch: AtHand | undefined = changed;
  while (batch !== undefined) {
    const standing = standingOf(batch);
    if (standing !== "open") finish(transaction, batch, standing, now);
    if (batch.batch === undefined || standing === batch.counted) return;
    sql.run(statements.countBatchAs, { id: batch.id, counted: standing });
    const told: Record<string, number> = { ...nothing };
    if (batch.counted !== "open") told[batch.counted] = -1;
    if (standing !== "open") told[standing] = 1;
    const row: BatchRow | undefined = sql.get<BatchRow>(statements.countBatch, { id: batch.batch, ...told });
    batch = row === undefined ? undefined : batchFrom(row);
  }
}

/** Nothing of it is open: what has not been told yet is told. */
function finish(transaction: Transaction, batch: AtHand, standing: Standing, now: number): void {
  const isFirst = batch.finishedAt === undefined;
  const isSuccess = batch.succeededAt === undefined && standing === "succeeded";
  if (!isFirst && !isSuccess) return;
  type Row = [onSuccess: string | null, onFinished: string | null];
  const row = transaction.sql.get<Row>(statements.finishBatch, {
    id: batch.id,
    finishedAt: isFirst ? now : null,
    succeededAt: isSuccess ? now : null,
  });
  const [onSuccess = null, onFinished = null] = row ?? [];
  const input = summaryText(batch);
  for (const text of [isSuccess ? onSuccess : null, isFirst ? onFinished : null]) {
    if (text === null) continue;
    const callback: NewRun = JSON.parse(text);
    recordRun(transaction, { ...callback, input }, now);
  }
}

/** Records batches that are not known; answers which of them were new. @throws UnknownBatchError, BatchFinishedError */
export function recordBatches(
  { sql }: Transaction,
  batches: readonly NewBatch[],
  now: number,
): readonly string[] {
  const created = batches.filter(
    ({ id, name, batch, onSuccess, onFinished }) =>
      sql.run(statements.insertBatch, {
        id,
        name,
        batch,
        onSuccess: textOf(onSuccess),
        onFinished: textOf(onFinished),
        now,
      }) > 0,
  );
  for (const { batch } of created) if (batch !== undefined) add(sql, batch, 1);
  return created.map(({ id }) => id);
}

function textOf(run: NewRun | undefined): string | undefined {
  return run === undefined ? undefined : JSON.stringify(run);
}

/** Counts so many more that are open. @throws UnknownBatchError, BatchFinishedError */
export function add(sql: Sql, id: string, total: number): void {
  const row = sql.get<BatchRow>(statements.batchAtHand, { id });
  if (row === undefined) throw new UnknownBatchError(id);
  const batch = batchFrom(row);
  if (batch.finishedAt !== undefined && standingOf(batch) !== "open")
    throw new BatchFinishedError({ name: batch.name, batchId: id });
  sql.get(statements.countBatch, { id, ...nothing, total });
}

/** Looks at batches that were recorded with what there was for them: one that has nothing open has finished. */
export function reviewBatches(transaction: Transaction, ids: readonly string[], now: number): void {
  for (const id of ids) {
    const row = transaction.sql.get<BatchRow>(statements.batchAtHand, { id });
    if (row !== undefined) review(transaction, batchFrom(row), now);
  }
}

/** Batches by id; undefined where there is none. */
export async function batches(
  session: Session,
  ids: readonly string[],
): Promise<(StoredBatch | undefined)[]> {
  if (ids.length === 0) return [];
  const rows = await session.read((sql) => sql.all<BatchRow>(statements.batches, { ids: listing(ids) }));
  const found = new Map(rows.map((row) => [row[0], storedFrom(row)]));
  return ids.map((id) => found.get(id));
}

/** A page of batches, the newest id first. */
export async function listBatches(
  session: Session,
  page: { readonly limit: number; readonly before?: string | undefined },
): Promise<StoredBatch[]> {
  // No id is above "g": they are hexadecimal.
  const values = { limit: page.limit, before: page.before ?? "g" };
  return session.read((sql) => sql.all<BatchRow>(statements.listBatches, values).map(storedFrom));
}

function storedFrom(row: BatchRow): StoredBatch {
  const { counted: _, ...batch } = batchFrom(row);
  return batch;
}

/** Forgets batches that have been over for long and have no run any more. */
export async function forgetBatches(session: Session, limit: number): Promise<void> {
  const values = (): { before: number } => ({ before: session.clock.now() - keptFor });
  const some = await session.read((sql) => sql.get(statements.forgettableBatch, values()));
  if (some !== undefined)
    await session.write(({ sql }) => void sql.run(statements.forgetBatches, { ...values(), limit }));
}

/** How long a batch is kept after its end, in milliseconds: 90 days. */
const keptFor = 90 * 24 * 60 * 60_000;

// ── Moving ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The batch of a run with its callbacks, then the one that it is counted in, and so on. */
export function readMoved(sql: Sql, id: string): MovedBatch[] {
  const all: MovedBatch[] = [];
  let next: string | undefined = id;
  while (next !== undefined) {
    type Row = [onSuccess: string | null, onFinished: string | null];
    const row: BatchRow | undefined = sql.get<BatchRow>(statements.batchAtHand, { id: next });
    if (row === undefined) return all;
    const [onSuccess = null, onFinished = null] =
      sql.get<Row>(statements.callbacksOfBatch, { id: next }) ?? [];
    const [, , , , total, succeeded, failed, cancelled, elsewhere] = row;
    all.push({
      ...storedFrom(row),
      counted: { ...countsFrom(elsewhere), [nonceOf(sql)]: { total, succeeded, failed, cancelled } },
      ...(onSuccess === null ? {} : { onSuccess: JSON.parse(onSuccess) }),
      ...(onFinished === null ? {} : { onFinished: JSON.parse(onFinished) }),
    });
    next = row[2] ?? undefined;
  }
  return all;
}

/**
 * A batch that comes from another store with a run of it: what others have counted is kept apart from what is counted here, so
 * that each reading may bring it anew. What this store itself has counted it knows, unless it had let the batch go.
 */
export function adoptBatch(transaction: Transaction, batch: MovedBatch, now: number): void {
  const { sql } = transaction;
  const { [nonceOf(sql)]: own = nothing, ...others } = batch.counted;
  const known = sql.get<BatchRow>(statements.batchAtHand, { id: batch.id });
  sql.run(statements.adoptBatch, {
    id: batch.id,
    name: batch.name,
    batch: batch.batch,
    counted: standingOf(batch),
    ...own,
    elsewhere: JSON.stringify({ ...countsFrom(known?.[8] ?? null), ...others }),
    onSuccess: textOf(batch.onSuccess),
    onFinished: textOf(batch.onFinished),
    createdAt: batch.createdAt,
    finishedAt: batch.finishedAt,
    succeededAt: batch.succeededAt,
  });
  reviewBatches(transaction, [batch.id], now);
}

function nonceOf(sql: Sql): string {
  return sql.get<[string]>(statements.nonce)?.[0] ?? "";
}

/** Batches of which the last run has left for another store go with it, and those that they were counted in. */
export function releaseBatches({ sql }: Transaction, ids: Iterable<string>): void {
  for (const id of ids) {
    let next: string | undefined = id;
    while (next !== undefined) {
      const row: BatchRow | undefined = sql.get<BatchRow>(statements.batchAtHand, { id: next });
      if (row === undefined || sql.run(statements.releaseBatch, { id: next }) === 0) break;
      next = row[2] ?? undefined;
    }
  }
}
