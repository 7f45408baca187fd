// Claiming: how a worker takes runs.
//
// Ready runs stand in lanes: one queue at one priority, and apart from the others those that only some workers may
// take (a route). First the lanes that have work are listed, outside of any transaction; when none of them is for
// this worker, nothing is written and nobody's lock is touched. Otherwise they are listed once more inside of the
// write transaction, where nothing moves, and the runs are taken: highest priority first, then longest due.
//
// A claim gives its whole batch one token, a number that is never given twice, not even across restarts. It is the
// fence of every later write for these executions.
import type { Ability, Claimed, ClaimRequest } from "../contract.js";
import type { Sql } from "./driver.js";
import { WorkerLostError } from "./errors.js";
import { bodyBit } from "./moves.js";
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";
import type { Transaction } from "./writer.js";

interface Lane {
  readonly queue: string;
  readonly priority: number;
  readonly route: string;
  /** When its longest-due run became due. */
  readonly oldest: number;
}

/** Lanes that share slots. */
interface Pool {
  free: number;
  readonly lanes: Lane[];
}

type ClaimedRow = [
  seq: number,
  id: string,
  job: string,
  version: number,
  queue: string,
  priority: number,
  input: string | null,
  attempt: number,
  crashes: number,
  requestedAt: number,
  runAt: number,
  startBy: number | null,
  finishBy: number | null,
  tags: string | null,
  meta: string | null,
  parent: string | null,
  body: number,
];

/** Takes runs. Writes nothing when there are none. */
export async function claim(session: Session, request: ClaimRequest): Promise<Claimed[]> {
  const hasWork = await session.read((sql) => {
    requireWorker(sql, request.worker);
    return poolsWithWork(sql, request).length > 0;
  });
  if (!hasWork) return [];
  const claimed = await session.write((transaction) =>
    isRegistered(transaction.sql, request.worker)
      ? claimFrom(transaction, request, session.clock.now())
      : undefined,
  );
  // An error thrown inside would roll back what others write in the same commit.
  return claimed ?? session.read((sql) => requireWorker(sql, request.worker));
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

function poolsWithWork(sql: Sql, request: ClaimRequest): Pool[] {
  const pools = new Map<string, Pool>();
  let pausedQueues: Set<string> | undefined;
  for (const [queue, priority, route, oldest] of sql.all<[string, number, string, number]>(
    statements.lanes,
  )) {
    const pool = Object.hasOwn(request.queues, queue) ? queue : "*";
    const free = Object.hasOwn(request.queues, pool) ? (request.queues[pool] ?? 0) : 0;
    if (free < 1 || (route !== "" && !covers(request.abilities, route))) continue;
    pausedQueues ??= pausesOf(sql, "queue");
    if (pausedQueues.has(queue)) continue;
    const lanes = pools.get(pool)?.lanes ?? [];
    lanes.push({ queue, priority, route, oldest });
    pools.set(pool, { free, lanes });
  }
  return [...pools.values()];
}

/** Whether a worker with these abilities may take what is routed to `job@version`. */
function covers(abilities: readonly Ability[], route: string): boolean {
  const { job, version } = parseRoute(route);
  return abilities.some((ability) => ability.job === job && ability.version >= version);
}

/** The two parts of `job@version`; names of jobs may hold an @ themselves. */
export function parseRoute(route: string): Ability {
  const at = route.lastIndexOf("@");
  return { job: route.slice(0, at), version: Number(route.slice(at + 1)) };
}

export function pausesOf(sql: Sql, kind: "queue" | "job"): Set<string> {
  const pauses = sql.all<[kind: string, name: string]>(statements.pauses);
  return new Set(pauses.filter((pause) => pause[0] === kind).map((pause) => pause[1]));
}

function claimFrom(transaction: Transaction, request: ClaimRequest, now: number): Claimed[] {
  const { sql } = transaction;
  const pools = poolsWithWork(sql, request);
  if (pools.length === 0) return [];
  const [token = 0] = sql.get<[number]>(statements.nextClaim) ?? [];
  const rows = pools.flatMap((pool) => chooseFromPool(sql, pool));
  sql.run(statements.claimRuns, {
    token,
    worker: request.worker,
    now,
    seqs: listing(rows.map((row) => row[0])),
  });
  rows.sort((one, other) => other[5] - one[5] || one[10] - other[10] || one[0] - other[0]);
  const inputs = longInputs(sql, rows);
  const pausedJobs = pausesOf(sql, "job");
  return rows.map((row) => claimedFrom(row, { token, now, inputs, pausedJobs }));
}

/** The runs of a pool that may be taken, each as it will be once it is claimed. */
function chooseFromPool(sql: Sql, pool: Pool): ClaimedRow[] {
  const priorities = [...new Set(pool.lanes.map((lane) => lane.priority))].sort((one, other) => other - one);
  const chosen: ClaimedRow[] = [];
  for (const priority of priorities) {
    const limit = pool.free - chosen.length;
    if (limit < 1) break;
    const lanes = pool.lanes.filter((lane) => lane.priority === priority);
    for (const row of chooseFromLanes(sql, lanes, limit)) chosen.push(row);
  }
  return chosen;
}

function chooseFromLanes(sql: Sql, lanes: readonly Lane[], limit: number): ClaimedRow[] {
  const [lane] = lanes;
  const [text = "[]"] =
    lane !== undefined && lanes.length === 1
      ? (sql.get<[string]>(statements.claimableLane, { ...placeOf(lane), limit }) ?? [])
      : (sql.get<[string]>(statements.claimableRuns, { seqs: listing(longestDue(sql, lanes, limit)) }) ?? []);
  return JSON.parse(text);
}

function placeOf({ queue, priority, route }: Lane): Pick<Lane, "queue" | "priority" | "route"> {
  return { queue, priority, route };
}

type Position = [seq: number, runAt: number];

interface Cursor {
  readonly lane: Lane;
  page: Position[];
  next: number;
  isLast: boolean;
}

/** The longest-due runs of several lanes: each is read page by page, and the fronts are merged. */
function longestDue(sql: Sql, lanes: readonly Lane[], limit: number): number[] {
  const pageSize = Math.min(limit, Math.max(16, Math.ceil((2 * limit) / lanes.length)));
  const cursors = lanes.map((lane) => turnPage(sql, { lane, page: [], next: 0, isLast: false }, pageSize));
  const chosen: number[] = [];
  while (chosen.length < limit) {
    let first: Cursor | undefined;
    for (const cursor of cursors) {
      if (cursor.next >= cursor.page.length && !cursor.isLast) turnPage(sql, cursor, pageSize);
      if (isBefore(front(cursor), front(first))) first = cursor;
    }
    const position = front(first);
    if (first === undefined || position === undefined) break;
    chosen.push(position[0]);
    first.next++;
  }
  return chosen;
}

function front(cursor: Cursor | undefined): Position | undefined {
  return cursor?.page[cursor.next];
}

function isBefore(one: Position | undefined, other: Position | undefined): boolean {
  if (one === undefined || other === undefined) return one !== undefined;
  return one[1] < other[1] || (one[1] === other[1] && one[0] < other[0]);
}

function turnPage(sql: Sql, cursor: Cursor, limit: number): Cursor {
  const [seq, runAt] = cursor.page.at(-1) ?? [0, Number.MIN_SAFE_INTEGER];
  cursor.page = sql.all<Position>(statements.lanePage, { ...placeOf(cursor.lane), seq, runAt, limit });
  cursor.next = 0;
  cursor.isLast = cursor.page.length < limit;
  return cursor;
}

function longInputs(sql: Sql, rows: readonly ClaimedRow[]): Map<number, string | null> {
  const seqs = rows.filter((row) => (row[16] & bodyBit.input) !== 0).map((row) => row[0]);
  if (seqs.length === 0) return new Map();
  return new Map(sql.all<[number, string | null]>(statements.bodiesInput, { seqs: listing(seqs) }));
}

/** A claim carries the place of its run, which spares every settlement the search by id. */
function claimMark(seq: number, id: string): string {
  return `${seq} ${id}`;
}

/** The place in the mark of a claim; undefined when there is none, or when it is another run's. */
export function placeInMark(mark: string | undefined, id: string): number | undefined {
  if (mark === undefined || !mark.endsWith(id)) return undefined;
  const seq = Number(mark.slice(0, mark.length - id.length - 1));
  return Number.isSafeInteger(seq) && claimMark(seq, id) === mark ? seq : undefined;
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
  return {
    run: id,
    token,
    claim: claimMark(seq, id),
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
    paused: pausedJobs.has(job),
  };
}
