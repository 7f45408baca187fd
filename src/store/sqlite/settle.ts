// Settling: how executions end, and what they write while they go on.
//
// The fence is `(run, token)` and the state `running`, nothing else: whoever lost the claim, by a rescue, a snooze or
// a suspension that is over, finds another token there and is refused. Most settlements say the same thing,
// "succeeded, nothing returned", so those of one claim end in one statement; the rest is read, decided and written
// one by one. A claim carries the place of its run (`claim`), which spares the search by id.
//
// A run whose cancellation was asked for does not go on: a settlement that would not end it cancels it. And a run
// that would rest for something that has come already does not rest.
import type { Moment, NewEvent, Note, Settled, Settlement, Settling } from "../contract.js";
import { type Mark, readMark } from "./claim.js";
import type { Sql, Value } from "./driver.js";
import { awaitedNames } from "./entries.js";
import { holdBack, letGoOfEnded, type Place } from "./gates.js";
import { followWith, refuseHanging } from "./insert.js";
import { parseRoute } from "./lanes.js";
import { endRun, keepUnlessSaid, type Movable, type Rest, restRun } from "./moves.js";
import { startOver } from "./restart.js";
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";
import { isLong } from "./texts.js";
import { appendEvent } from "./timeline.js";
import type { Transaction } from "./writer.js";

const refused: Settled = Object.freeze({ taken: false });
const succeeded: Settled = Object.freeze({ taken: true, state: "succeeded" });

/** Ends executions, answering each. */
export async function settle(session: Session, settlements: readonly Settling[]): Promise<Settled[]> {
  for (const { follow } of settlements) if (follow !== undefined) refuseHanging(follow);
  if (settlements.length === 0) return [];
  return session.write((transaction) => settleAll(transaction, settlements, session.clock.now()));
}

/** A settlement that says "succeeded" and nothing else, in the place of its run. */
interface Plain {
  readonly index: number;
  readonly seq: number;
  readonly settlement: Settlement;
}

function settleAll(transaction: Transaction, settlements: readonly Settling[], now: number): Settled[] {
  const answers: Settled[] = new Array(settlements.length);
  let plain = new Map<string, Plain>();
  const withGates: { readonly index: number; readonly mark: Mark }[] = [];
  const flush = (): void => {
    settlePlain(transaction, [...plain.values()], now, answers);
    plain = new Map();
  };
  settlements.forEach((settlement, index) => {
    // Of two settlements of one run the first counts, so what is gathered for it goes first.
    if (plain.has(settlement.run)) flush();
    const mark = isShortSuccess(settlement) ? readMark(settlement.claim, settlement.run) : undefined;
    if (mark === undefined) {
      answers[index] = settleOne(transaction, settlement, now);
      return;
    }
    if (mark.gates.length > 0) withGates.push({ index, mark });
    if (settlement.output !== undefined)
      answers[index] = settleOutput(transaction, settlement, mark.seq, now);
    else plain.set(settlement.run, { index, seq: mark.seq, settlement });
  });
  flush();
  const places = withGates
    .filter(({ index }) => answers[index]?.taken)
    .flatMap(({ mark }) => mark.gates.map((gate): Place => [gate, mark.seq]));
  letGoOfEnded(transaction, places, now);
  return answers;
}

function isShortSuccess(settlement: Settling): boolean {
  return (
    (settlement.follow === undefined || settlement.follow.length === 0) &&
    settlement.state === "succeeded" &&
    !settlement.giveBack &&
    settlement.holdBack === undefined &&
    (settlement.events === undefined || settlement.events.length === 0) &&
    !isLong(settlement.output)
  );
}

/** Those of one claim that are kept equally long end in one statement. */
function settlePlain(transaction: Transaction, all: readonly Plain[], now: number, answers: Settled[]): void {
  const groups = new Map<string, Plain[]>();
  for (const plain of all) {
    const alike = `${plain.settlement.token} ${plain.settlement.keep}`;
    const group = groups.get(alike);
    if (group === undefined) groups.set(alike, [plain]);
    else group.push(plain);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const ended = endAll(transaction, group, first.settlement, now);
    for (const { index, seq, settlement } of group) {
      const taken = ended === "all" || ended.has(seq);
      // It has to do with durable work since it was claimed, or its claim is lost.
      answers[index] = taken ? succeeded : settleOne(transaction, settlement, now);
      if (taken) transaction.found.ended.push(settlement.run);
    }
  }
}

/** Ends them in one statement that only counts; when one was refused, it is undone and asked which. */
function endAll(
  { sql }: Transaction,
  group: readonly Plain[],
  { token, keep = keepUnlessSaid }: Settlement,
  now: number,
): "all" | Set<number> {
  const values = { now, expiresAt: now + keep, seqs: listing(group.map((plain) => plain.seq)), token };
  sql.run("savepoint settle_plain");
  const isAll = sql.run(statements.settlePlain, values) === group.length;
  if (!isAll) sql.run("rollback to settle_plain");
  const ended = isAll ? [] : sql.all<[seq: number]>(statements.settleEach, values);
  sql.run("release settle_plain");
  return isAll ? "all" : new Set(ended.map((row) => row[0]));
}

function settleOutput(transaction: Transaction, settlement: Settlement, seq: number, now: number): Settled {
  const changes = transaction.sql.run(statements.settleOutput, {
    now,
    expiresAt: now + (settlement.keep ?? keepUnlessSaid),
    output: settlement.output,
    seq,
    token: settlement.token,
  });
  if (changes === 0) return settleOne(transaction, settlement, now);
  transaction.found.ended.push(settlement.run);
  return succeeded;
}

interface Running extends Movable {
  readonly job: string;
  readonly runAt: number;
  readonly route: string;
  readonly cancelAsked: string | null;
}

/** Ends one execution, in whatever way, and records the runs that follow it. */
export function settleOne(transaction: Transaction, settlement: Settling, now: number): Settled {
  const answer = endOne(transaction, settlement, now);
  if (!answer.taken) return answer;
  if (settlement.holdBack !== undefined) holdBack(transaction, settlement.run, settlement.holdBack, now);
  if (settlement.follow !== undefined) followWith(transaction, settlement.follow, now);
  return answer;
}

function endOne(transaction: Transaction, settlement: Settlement, now: number): Settled {
  type Row = [number, string, number, string, string | null, number];
  const row = transaction.sql.get<Row>(statements.running, { id: settlement.run, token: settlement.token });
  if (row === undefined) return refused;
  const [seq, job, runAt, route, cancelAsked, body] = row;
  let run: Running = { seq, id: settlement.run, job, runAt, route, cancelAsked, body };
  const append = (event: NewEvent): void => appendEvent(transaction, seq, event, now);
  settlement.events?.forEach(append);
  const { state } = settlement;
  if (state === "succeeded" || state === "failed" || state === "cancelled") {
    endRun(transaction, run, { ...settlement, state }, now);
    return { taken: true, state };
  }
  if (cancelAsked !== null) {
    append({ kind: "cancelled", detail: { reason: cancelAsked } });
    const { keep, error, giveBack } = settlement;
    endRun(transaction, run, { state: "cancelled", reason: cancelAsked, keep, error, giveBack }, now);
    return { taken: true, state: "cancelled" };
  }
  if (settlement.restart !== undefined) run = startOver(transaction, run, settlement.restart, now);
  const rest = restOf(transaction, settlement, run, now);
  if (rest.route !== undefined && rest.route !== route) append(comesBack(rest.route));
  const isParked = settlement.waiting?.reason === "worker" || settlement.waiting?.reason === "paused";
  restRun(
    transaction,
    run,
    {
      route,
      ...rest,
      error: settlement.error,
      giveBack: settlement.giveBack,
      isParked,
    },
    now,
  );
  return { taken: true, state: rest.state };
}

/** Where a run rests, having looked whether what it would rest for has come already. */
function restOf(transaction: Transaction, settlement: Settlement, run: Running, now: number): Rest {
  const { waiting, due } = settlement;
  const runAt = due === undefined ? run.runAt : timeOf(due, now);
  if (settlement.state === "scheduled") return { state: runAt > now ? "scheduled" : "ready", runAt };
  if (settlement.state === "ready" || waiting === undefined) return { state: "ready", runAt: run.runAt };
  const ready: Rest = { state: "ready", runAt: run.runAt };
  const has = (sql: string, values: Record<string, Value>): boolean =>
    transaction.sql.get(sql, values) !== undefined;
  switch (waiting.reason) {
    case "worker": {
      const route = waiting.on ?? "";
      const isAble = has(statements.ableWorker, { ...parseRoute(route) });
      return isAble ? { ...ready, route } : { state: "waiting", runAt: run.runAt, waiting };
    }
    case "paused": {
      const isPaused = has(statements.isPaused, { kind: "job", name: run.job });
      return isPaused ? { ...ready, state: "waiting", waiting: { reason: "paused", on: run.job } } : ready;
    }
    case "entries": {
      const wake = wakeOf(transaction.sql, run.seq, waiting.on);
      if (wake === "settled" || (wake !== undefined && wake <= now)) return { ...ready, runAt: now };
      return { state: "waiting", runAt: wake ?? run.runAt, waiting, wakeAt: wake };
    }
    case "dependency":
    case "admission":
    case "preparation":
      return { ...ready, state: "waiting", waiting };
  }
}

/** What it would wait for is there: parked and woken in one, and for no older worker to take again. */
function comesBack(route: string): NewEvent {
  return { kind: "unparked", detail: { reason: "worker", on: route } };
}

/** When a run that waits for these entries is to be woken by time, if ever; or that one has settled already. */
function wakeOf(sql: Sql, run: number, on: string | undefined): number | "settled" | undefined {
  type Row = [state: string, dueAt: number | null];
  const rows = sql.all<Row>(statements.awaited, { run, names: listing(awaitedNames(on)) });
  if (rows.some(([state]) => state !== "pending")) return "settled";
  const times = rows.flatMap(([, dueAt]) => dueAt ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
}

function timeOf(due: Moment, now: number): number {
  return "at" in due ? due.at : now + due.after;
}

/** Writes log lines and progress; those of an execution that lost its claim are dropped. */
export async function note(session: Session, notes: readonly Note[]): Promise<void> {
  if (notes.length === 0) return;
  await session.write(({ sql }) => writeNotes(sql, notes, session.clock.now()));
}

export function writeNotes(sql: Sql, notes: readonly Note[], now: number): void {
  for (const item of notes) {
    const fence = { id: item.run, token: item.token, now };
    if ("log" in item) {
      const { level, message, fields } = item.log;
      sql.run(statements.insertLog, { ...fence, level, message, fields });
    } else {
      const { done, total, note: text } = item.progress;
      sql.run(statements.writeProgress, { ...fence, done, total, note: text });
    }
  }
}
