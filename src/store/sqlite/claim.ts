// Claiming: how a worker takes runs.
//
// Ready runs stand in lanes (`lanes.ts`). First those that have work are listed, outside of any transaction; when none of
// them is for this worker, nothing is written and nobody's lock is touched. Otherwise they are listed once more inside of
// the write transaction, where nothing moves, and the runs are taken: highest priority first, then longest due. Runs with
// gates are asked for admission. Whoever is turned away is put in line, and the claim looks on, in further transactions if
// these were very many, until it has found one that may start or has looked at all.
//
// A claim gives its whole batch one token, a number that is never given twice, not even across restarts. It is the
// fence of every later write for these executions.
import type { Claimed, ClaimRequest } from "../contract.js";
import { beginAdmission } from "./admission.js";
import type { Sql } from "./driver.js";
import { durableBit, isHeardOf } from "./entries.js";
import { WorkerLostError } from "./errors.js";
import { gateName, gatesFrom, isRate } from "./gates.js";
import {
  type Choice,
  type ClaimedRow,
  chooseFromPool,
  type Pool,
  pausesOf,
  poolOf,
  poolsWithWork,
} from "./lanes.js";
import { listing, type Session } from "./session.js";
import { countTurns } from "./shares.js";
import { statements } from "./statements.js";
import { bodyBit } from "./texts.js";
import type { Transaction } from "./writer.js";

/** Takes runs. Writes nothing when there are none. */
export async function claim(session: Session, request: ClaimRequest): Promise<Claimed[]> {
  const hasWork = await session.read((sql) => {
    requireWorker(sql, request.worker);
    return poolsWithWork(sql, request, session.clock.now()).length > 0;
  });
  if (!hasWork) return [];
  for (;;) {
    const round = await session.write((transaction) =>
      isRegistered(transaction.sql, request.worker)
        ? claimFrom(transaction, request, session.clock.now())
        : undefined,
    );
    // An error thrown inside would roll back what others write in the same commit.
    if (round === undefined) return session.read((sql) => requireWorker(sql, request.worker));
    if (round.claimed.length > 0 || !round.isCut) return round.claimed;
  }
}

function isRegistered(sql: Sql, worker: string): boolean {
  return sql.get(statements.workerExists, { worker }) !== undefined;
}

function requireWorker(sql: Sql, worker: string): never[] {
  if (isRegistered(sql, worker)) return [];
  throw new WorkerLostError(
    `The worker ${worker} is not registered: somebody took it for dead and gave its runs away. ` +
      "Stop what it executes and register again.",
  );
}

/** How far one transaction of a claim has come. */
interface Round {
  readonly claimed: Claimed[];
  /** It has put so many runs in line that it ended before it had looked at all. */
  readonly isCut: boolean;
}

/** A transaction puts at most so many runs in line, or four times as many as it may take. */
const mostInLine = 256;

function claimFrom(transaction: Transaction, request: ClaimRequest, now: number): Round {
  const { sql } = transaction;
  const queues: Record<string, number> = { ...request.queues };
  const most = Math.max(mostInLine, 4 * Math.max(0, ...Object.values(queues)));
  const rows: ClaimedRow[] = [];
  let token = 0;
  let inLine = 0;
  let isDone = false;
  while (!isDone && inLine < most) {
    const pools = poolsWithWork(sql, { ...request, queues }, now);
    if (pools.length === 0) break;
    const visit = visitPools(transaction, pools, { now, ageing: request.ageing, isSearch: inLine > 0 });
    if (visit.started.length > 0) {
      if (token === 0) [token = 0] = sql.get<[number]>(statements.nextClaim) ?? [];
      const seqs = listing(visit.started.map((row) => row[0]));
      sql.run(statements.claimRuns, { token, worker: request.worker, now, seqs });
    }
    for (const row of visit.started) {
      rows.push(row);
      const pool = poolOf(request, row[4]);
      queues[pool] = (queues[pool] ?? 0) - 1;
    }
    inLine += visit.inLine;
    isDone = visit.inLine === 0;
  }
  const inputs = longInputs(sql, rows);
  const pausedJobs = rows.length === 0 ? new Set<string>() : pausesOf(sql, "job");
  const batch: ClaimBatch = { token, now, inputs, pausedJobs };
  inOrder(rows, now, request.ageing);
  return { claimed: rows.map((row) => claimedFrom(row, batch)), isCut: !isDone && inLine >= most };
}

interface VisitOptions extends Omit<Choice, "fair"> {
  /** Some were turned away, so more are looked at than there are slots. */
  readonly isSearch: boolean;
}

/** How many runs a claim looks at, at least, that searches for one that may start. */
const leastInSearch = 64;

/** Looks at what comes first in each pool, and answers who may start; the others are in line, or were not asked. */
function visitPools(
  transaction: Transaction,
  pools: readonly Pool[],
  { now, ageing, isSearch }: VisitOptions,
): { readonly started: ClaimedRow[]; readonly inLine: number } {
  const { sql } = transaction;
  const choice: Choice = { now, ageing, fair: new Map() };
  const candidates = pools.flatMap((pool) => {
    const slots = { free: pool.free };
    const limit = isSearch ? Math.max(leastInSearch, pool.free) : pool.free;
    return chooseFromPool(sql, pool, limit, choice).map((row) => ({
      row,
      slots,
      seq: row[0],
      gates: row[17],
    }));
  });
  const admission = beginAdmission(transaction, candidates, now);
  const started: ClaimedRow[] = [];
  for (const candidate of candidates) {
    if (candidate.slots.free === 0 || !admission.admit(candidate)) continue;
    candidate.slots.free -= 1;
    started.push(candidate.row);
  }
  if (choice.fair.size > 0) {
    countTurns(
      sql,
      choice.fair,
      started.map((row) => ({ queue: row[4], share: row[18] ?? "" })),
    );
  }
  return { started, inLine: admission.close() };
}

/** As single claims would have answered; what was drawn by shares is in its order. */
function inOrder(rows: ClaimedRow[], now: number, ageing: number | undefined): void {
  const rankOf = (row: ClaimedRow): number =>
    ageing === undefined ? row[5] : row[5] + Math.max(0, Math.floor((now - row[10]) / ageing));
  const isFair = rows.some((row) => row[18] !== null);
  rows.sort(
    (one, other) => rankOf(other) - rankOf(one) || (isFair ? 0 : one[10] - other[10] || one[0] - other[0]),
  );
}

function longInputs(sql: Sql, rows: readonly ClaimedRow[]): Map<number, string | null> {
  const seqs = rows.filter((row) => (row[16] & bodyBit.input) !== 0).map((row) => row[0]);
  if (seqs.length === 0) return new Map();
  return new Map(sql.all<[number, string | null]>(statements.bodiesInput, { seqs: listing(seqs) }));
}

/** A claim carries the place of its run, which spares every settlement the search by id. */
function claimMark({ seq, gates }: Mark, id: string): string {
  return gates.length === 0 ? `${seq} ${id}` : `${seq} ${JSON.stringify(gates)} ${id}`;
}

/** What the mark of a claim says of its run. */
export interface Mark {
  readonly seq: number;
  /** The locks and limits at which its end lets go. */
  readonly gates: readonly string[];
}

/** The mark of a claim; undefined when there is none, or when it is another run's. */
export function readMark(text: string | undefined, id: string): Mark | undefined {
  if (text === undefined || !text.endsWith(id)) return undefined;
  const head = text.slice(0, text.length - id.length - 1);
  const space = head.indexOf(" ");
  const seq = Number(space < 0 ? head : head.slice(0, space));
  const mark = { seq, gates: space < 0 ? noGates : namesFrom(head.slice(space + 1)) };
  return Number.isSafeInteger(seq) && claimMark(mark, id) === text ? mark : undefined;
}

const noGates: readonly string[] = Object.freeze([]);

function namesFrom(text: string): readonly string[] {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return noGates;
    throw error;
  }
}

function heldNames(gates: string | null): readonly string[] {
  return gates === null
    ? noGates
    : gatesFrom(gates)
        .map(gateName)
        .filter((name) => !isRate(name));
}

const noTags: readonly string[] = Object.freeze([]);
const noMeta: Readonly<Record<string, string>> = Object.freeze({});

interface ClaimBatch {
  readonly token: number;
  readonly now: number;
  readonly inputs: ReadonlyMap<number, string | null>;
  readonly pausedJobs: ReadonlySet<string>;
}

function claimedFrom(row: ClaimedRow, { token, now, inputs, pausedJobs }: ClaimBatch): Claimed {
  const [seq, id, job, version, queue, priority, input, attempt, crashes, requestedAt, runAt] = row;
  const [startBy, finishBy, tags, meta, parent, body] = [
    row[11],
    row[12],
    row[13],
    row[14],
    row[15],
    row[16],
  ];
  const durable = row[19];
  return {
    run: id,
    token,
    // One of whose end others may have to hear is ended by itself.
    ...(!isHeardOf(durable) ? { claim: claimMark({ seq, gates: heldNames(row[17]) }, id) } : {}),
    job,
    version,
    queue,
    priority,
    input: (body & bodyBit.input ? inputs.get(seq) : input) ?? undefined,
    attempt,
    crashes,
    requestedAt,
    runAt,
    startedAt: now,
    startBy: startBy ?? undefined,
    finishBy: finishBy ?? undefined,
    tags: tags === null ? noTags : JSON.parse(tags),
    meta: meta === null ? noMeta : JSON.parse(meta),
    parent: parent ?? undefined,
    batch: row[20] ?? undefined,
    paused: pausedJobs.has(job),
    hasEntries: (durable & durableBit.entries) !== 0,
  };
}
