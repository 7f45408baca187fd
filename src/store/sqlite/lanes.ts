// Lanes: where ready runs stand, and in which order a claim looks at them.
//
// A lane is one queue at one priority, and apart from the others what only some workers may take (a route), and what has a
// fair share. Lanes that share slots are a pool. From a pool the highest priority comes first, then the longest due; with
// ageing a lane counts as one priority higher for each time so long that its first has waited, so its lanes are merged
// whatever their priority. Where a queue has shares its lanes of one priority are one line, drawn share by share.
//
// Before this file comes the claim. After it come `shares.ts`, `line.ts` and the statements.
import type { Ability, ClaimRequest } from "../contract.js";
import type { Sql } from "./driver.js";
import { isBefore, type Lane, type Line, type Position, pagedLine, placeOf } from "./line.js";
import { listing } from "./session.js";
import { FairLine, type FairQueue } from "./shares.js";
import { statements } from "./statements.js";

/** Lanes that share slots. */
export interface Pool {
  readonly name: string;
  readonly free: number;
  readonly lanes: Lane[];
}

/** A run as it will be once it is claimed. */
export type ClaimedRow = [
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
  gates: string | null,
  fair: string | null,
  durable: number,
  batch: string | null,
];

/** The pools that have something for this worker, and have a slot free. */
export function poolsWithWork(sql: Sql, request: ClaimRequest, now: number): Pool[] {
  const pools = new Map<string, Pool>();
  let closed: Set<string> | undefined;
  for (const lane of readLanes(sql)) {
    const { queue, route } = lane;
    const name = poolOf(request, queue);
    const free = Object.hasOwn(request.queues, name) ? (request.queues[name] ?? 0) : 0;
    if (free < 1 || (route !== "" && !covers(request.abilities, route))) continue;
    closed ??= new Set([...pausesOf(sql, "queue"), ...heldQueues(sql, now).keys()]);
    if (closed.has(queue)) continue;
    const pool = pools.get(name) ?? { name, free, lanes: [] };
    pool.lanes.push(lane);
    pools.set(name, pool);
  }
  return [...pools.values()];
}

/** The name under which a request has the slots of a queue. */
export function poolOf({ queues }: Pick<ClaimRequest, "queues">, queue: string): string {
  return Object.hasOwn(queues, queue) ? queue : "*";
}

function readLanes(sql: Sql): Lane[] {
  type Row = [queue: string, priority: number, route: string, runAt: number, seq: number];
  const plain = sql
    .all<Row>(statements.lanes)
    .map(([queue, priority, route, runAt, seq]): Lane => ({ queue, priority, route, first: [seq, runAt] }));
  const fair = sql
    .all<[queue: string, priority: number, route: string]>(statements.lanesFair)
    .map(([queue, priority, route]): Lane => ({ queue, priority, route, first: undefined }));
  return [...plain, ...fair];
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

/** Queues that are passed over for a time, each with when it is open again. */
export function heldQueues(sql: Sql, now: number): Map<string, number> {
  return new Map(sql.all<[queue: string, until: number]>(statements.heldQueues, { now }));
}

/** What the choice of runs goes by, beside the lanes. */
export interface Choice {
  readonly now: number;
  readonly ageing: number | undefined;
  /** Queues that have shares, as they stand for this choice. */
  readonly fair: Map<string, FairQueue>;
}

/** The runs of a pool that come first, at most so many, in their order. */
export function chooseFromPool(sql: Sql, { lanes }: Pool, limit: number, choice: Choice): ClaimedRow[] {
  const chosen: ClaimedRow[] = [];
  for (const group of groupsOf(lanes, choice)) {
    const missing = limit - chosen.length;
    if (missing < 1) break;
    for (const row of chooseFromLanes(sql, group, missing, choice)) chosen.push(row);
  }
  return chosen;
}

/** Lanes that compete: those of one priority, the highest first; with ageing all. */
function groupsOf(lanes: readonly Lane[], { ageing }: Choice): (readonly Lane[])[] {
  if (ageing !== undefined) return [lanes];
  const priorities = [...new Set(lanes.map((lane) => lane.priority))].sort((one, other) => other - one);
  return priorities.map((priority) => lanes.filter((lane) => lane.priority === priority));
}

function chooseFromLanes(sql: Sql, lanes: readonly Lane[], limit: number, choice: Choice): ClaimedRow[] {
  const [lane] = lanes;
  if (lane?.first !== undefined && lanes.length === 1) {
    const [text = "[]"] = sql.get<[string]>(statements.claimableLane, { ...placeOf(lane), limit }) ?? [];
    return JSON.parse(text);
  }
  const seqs = firstOf(linesOf(sql, lanes, limit, choice), limit, choice);
  const [text = "[]"] = sql.get<[string]>(statements.claimableRuns, { seqs: listing(seqs) }) ?? [];
  const rows: ClaimedRow[] = JSON.parse(text);
  const places = new Map(rows.map((row) => [row[0], row]));
  return seqs.flatMap((seq) => {
    const row = places.get(seq);
    return row === undefined ? [] : [row];
  });
}

function linesOf(sql: Sql, lanes: readonly Lane[], limit: number, { fair }: Choice): Line[] {
  const pageSize = Math.min(limit, Math.max(16, Math.ceil((2 * limit) / lanes.length)));
  const lines: Line[] = [];
  const fairLines = new Map<string, FairLine>();
  const shared = new Set(
    lanes.filter(({ first }) => first === undefined).map(({ queue, priority }) => `${priority} ${queue}`),
  );
  for (const lane of lanes) {
    const name = `${lane.priority} ${lane.queue}`;
    const plain = lane.first === undefined ? undefined : laneLine(sql, lane, lane.first, pageSize);
    if (!shared.has(name)) {
      if (plain !== undefined) lines.push(plain);
      continue;
    }
    let line = fairLines.get(name);
    if (line === undefined) {
      line = new FairLine(sql, lane, fair);
      fairLines.set(name, line);
      lines.push(line);
    }
    if (plain === undefined) line.addShares(lane, pageSize);
    else line.add("", plain);
  }
  return lines;
}

/** The places of the runs that come first in several lines: the fronts are merged. */
function firstOf(lines: readonly Line[], limit: number, { now, ageing }: Choice): number[] {
  const rankOf = ({ priority }: Line, [, runAt]: Position): number =>
    ageing === undefined ? 0 : priority + Math.max(0, Math.floor((now - runAt) / ageing));
  const chosen: number[] = [];
  while (chosen.length < limit) {
    let first: Line | undefined;
    let best: Position | undefined;
    let rank = 0;
    for (const line of lines) {
      const front = line.front();
      if (front === undefined) continue;
      const own = rankOf(line, front);
      if (best !== undefined && (own < rank || (own === rank && !isBefore(front, best)))) continue;
      first = line;
      best = front;
      rank = own;
    }
    const seq = first?.take();
    if (seq === undefined) break;
    chosen.push(seq);
  }
  return chosen;
}

function laneLine(sql: Sql, lane: Lane, first: Position, pageSize: number): Line {
  const place = placeOf(lane);
  return pagedLine(lane.priority, first, pageSize, (after) =>
    sql.all<[number, number]>(statements.lanePage, { ...place, ...after }),
  );
}
