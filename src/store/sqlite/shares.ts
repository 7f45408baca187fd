// Fair shares: who of a queue is next, by virtual time.
//
// Each share of a queue has a turn, a count that goes up with every run it is given. Next is whoever has something in
// line and the lowest turn. The queue's own time is the turn of whoever was served last: a share that is new, or comes
// back, begins there, so nobody is paid back for a time in which it had nothing in line, and what stands behind that time
// need not be remembered. Runs without a share are one share more.
//
// With very many shares a claim looks at five hundred of them, and the next claim goes on after those.
//
// Before this file comes `lanes.ts`. After it come `line.ts` and the statements.
import type { Sql } from "./driver.js";
import { isBefore, type Lane, type Line, type Position, pagedLine, placeOf } from "./line.js";
import { listing } from "./session.js";
import { statements } from "./statements.js";

/** How many shares of a lane one claim looks at. */
const mostShares = 500;

/** A queue with shares, while a claim chooses from it. */
export interface FairQueue {
  /** Its virtual time. */
  time: number;
  /** The share after which a claim begins to look. */
  after: string;
  /** The turns of the shares in sight, as far as the store knows them. */
  readonly turns: Map<string, number>;
}

function readQueue(sql: Sql, queue: string): FairQueue {
  const [time = 0, after = ""] = sql.get<[number, string]>(statements.fairQueue, { queue }) ?? [];
  return { time, after, turns: new Map() };
}

function readTurns(sql: Sql, queue: string, shares: readonly string[], turns: Map<string, number>): void {
  const unknown = listing(shares.filter((share) => !turns.has(share)));
  for (const [share, turn] of sql.all<[string, number]>(statements.turns, { queue, shares: unknown })) {
    turns.set(share, turn);
  }
}

function turnOf({ time, turns }: FairQueue, share: string): number {
  return Math.max(time, turns.get(share) ?? 0);
}

/** Gives a share its turn. */
function serve(queue: FairQueue, share: string): void {
  const turn = turnOf(queue, share);
  queue.turns.set(share, turn + 1);
  queue.time = turn;
}

interface Entry {
  readonly share: string;
  readonly line: Line;
}

/** The lanes of a queue at one priority, drawn share by share. */
export class FairLine implements Line {
  readonly priority: number;
  readonly #sql: Sql;
  readonly #queue: FairQueue;
  /** What this choice gives; what becomes of it is counted when it is known who starts. */
  readonly #trial: FairQueue;
  readonly #lines: Entry[] = [];

  constructor(sql: Sql, { queue, priority }: Lane, fair: Map<string, FairQueue>) {
    this.#sql = sql;
    this.priority = priority;
    this.#queue = fair.get(queue) ?? readQueue(sql, queue);
    fair.set(queue, this.#queue);
    this.#trial = { ...this.#queue, turns: new Map() };
  }

  add(share: string, line: Line): void {
    this.#lines.push({ share, line });
  }

  /** Adds each share of a lane. */
  addShares(lane: Lane, pageSize: number): void {
    const rows = this.#inSight(lane);
    const shares = ["", ...rows.map((row) => row[0])];
    readTurns(this.#sql, lane.queue, shares, this.#queue.turns);
    for (const [share, turn] of this.#queue.turns) this.#trial.turns.set(share, turn);
    const place = placeOf(lane);
    const size = Math.max(4, Math.ceil((2 * pageSize) / Math.max(1, rows.length)));
    for (const [fair, runAt, seq] of rows) {
      const line = pagedLine(lane.priority, [seq, runAt], size, (after) =>
        this.#sql.all<[number, number]>(statements.sharePage, { ...place, fair, ...after }),
      );
      this.add(fair, line);
    }
  }

  /** The shares that this claim looks at; the next one begins after the last of them, unless these are all. */
  #inSight(lane: Lane): [share: string, runAt: number, seq: number][] {
    type Row = [share: string, runAt: number, seq: number];
    const { after } = this.#queue;
    const read = (from: string, limit: number): Row[] =>
      this.#sql.all<Row>(statements.shares, { ...placeOf(lane), after: from, limit });
    const rows = read(after, mostShares);
    if (rows.length < mostShares && after !== "") {
      const seen = new Set(rows.map((row) => row[0]));
      rows.push(...read("", mostShares - rows.length).filter((row) => !seen.has(row[0])));
    }
    this.#queue.after = rows.length < mostShares ? "" : (rows.at(-1)?.[0] ?? "");
    return rows;
  }

  front(): Position | undefined {
    let oldest: Position | undefined;
    for (const { line } of this.#lines) {
      const front = line.front();
      if (front !== undefined && (oldest === undefined || isBefore(front, oldest))) oldest = front;
    }
    return oldest;
  }

  take(): number | undefined {
    let next: Entry | undefined;
    let position: Position | undefined;
    let lowest = 0;
    for (const entry of this.#lines) {
      const front = entry.line.front();
      if (front === undefined) continue;
      const turn = turnOf(this.#trial, entry.share);
      if (position !== undefined && (turn > lowest || (turn === lowest && !isBefore(front, position))))
        continue;
      next = entry;
      position = front;
      lowest = turn;
    }
    if (next === undefined) return undefined;
    serve(this.#trial, next.share);
    return next.line.take();
  }
}

/** Counts what was really given: one turn for each run that starts, in their order. */
export function countTurns(
  sql: Sql,
  fair: ReadonlyMap<string, FairQueue>,
  started: readonly { readonly queue: string; readonly share: string }[],
): void {
  for (const [name, queue] of fair) {
    const own = started.filter(({ queue: one }) => one === name);
    if (own.length === 0) continue;
    readTurns(
      sql,
      name,
      own.map(({ share }) => share),
      queue.turns,
    );
    for (const { share } of own) serve(queue, share);
    const turns = [...new Set(own.map(({ share }) => share))].map((share) => [share, queue.turns.get(share)]);
    sql.run(statements.giveTurns, { queue: name, turns: JSON.stringify(turns) });
    sql.run(statements.forgetTurns, { queue: name, turn: queue.time });
    sql.run(statements.moveFairQueue, { queue: name, turn: queue.time, after: queue.after });
  }
}
