// Unique keys: who holds one, and what becomes of a request that meets it.
//
// A key is held by whichever run is in one of the states that hold it, or has time left: that is read from the runs, so
// no run that moves on has anything to give back. A SQLite file has one writer at a time, so whoever looks inside of a
// transaction that writes sees every run that could hold the key, and nobody comes in between.
//
// Before this file come `insert.ts` and the retry of `hand.ts`. After it come the statements.
import { UniqueConflictError } from "../../job/index.js";
import type { Inserted, NewRun, StoredRun, Unique } from "../contract.js";
import { admissionOf } from "./columns.js";
import { letGo, lookAgain } from "./gates.js";
import { statements } from "./statements.js";
import { bodyBit, isLong } from "./texts.js";
import { appendEvent } from "./timeline.js";
import type { Transaction } from "./writer.js";

/** What a request needs to have to meet a key. */
export type Requested = Omit<NewRun, "id" | "waiting" | "unique"> & Pick<Unique, "onConflict">;

/** A run that holds a key. */
export interface Holder {
  readonly seq: number;
  readonly id: string;
  readonly state: StoredRun["state"];
  readonly waitReason: string | null;
  readonly requestedAt: number;
  readonly gates: string | null;
}

/** Who holds a key, other than the run at `seq`, for whom was requested at that time. */
export function holderOf(
  { sql }: Transaction,
  key: string,
  { seq, requestedAt }: { readonly seq: number; readonly requestedAt: number },
): Holder | undefined {
  type Row = [
    seq: number,
    id: string,
    state: Holder["state"],
    waitReason: string | null,
    requestedAt: number,
    gates: string | null,
  ];
  const row = sql.get<Row>(statements.holderOfKey, { key, seq, requestedAt });
  if (row === undefined) return undefined;
  return { seq: row[0], id: row[1], state: row[2], waitReason: row[3], requestedAt: row[4], gates: row[5] };
}

/** Gives a run that was just recorded or prepared its key. */
export function giveKey({ sql }: Transaction, id: string, unique: Unique): void {
  const states = unique.while ?? (unique.window === undefined ? liveStates : undefined);
  sql.run(statements.giveKey, {
    id,
    key: unique.key,
    while: states?.join(" "),
    window: unique.window,
  });
  sql.run(statements.giveSignals, { id, key: unique.key });
}

const liveStates: readonly StoredRun["state"][] = ["scheduled", "ready", "running", "waiting"];

/** What a request that meets the holder of its key is answered, having changed the holder as its rule says. */
export function meet(
  transaction: Transaction,
  holder: Holder,
  { onConflict, ...requested }: Requested,
  now: number,
): Inserted {
  if (onConflict.kind === "reject") {
    throw new UniqueConflictError({ job: requested.job, existing: holder.id });
  }
  const changes = isAtRest(holder) ? changesOf(holder, onConflict, requested, now) : {};
  if (Object.keys(changes).length === 0) return { id: holder.id, created: false };
  appendEvent(transaction, holder.seq, { kind: "replaced", detail: { fields: Object.keys(changes) } }, now);
  apply(transaction, holder, changes, requested, now);
  return { id: holder.id, created: false, changed: true };
}

/** It has not begun its next attempt, so that what it is given is what that will see. A suspended one has begun. */
function isAtRest({ state, waitReason }: Holder): boolean {
  return state === "scheduled" || state === "ready" || (state === "waiting" && waitReason !== "entries");
}

/** What a run at rest is given by a later request. */
interface Changes {
  readonly input?: true;
  readonly runAt?: number;
  readonly priority?: number;
}

/** What a rule changes of the holder of a key. */
function changesOf(
  holder: Pick<Holder, "requestedAt">,
  rule: Unique["onConflict"],
  requested: Pick<NewRun, "priority" | "due">,
  now: number,
): Changes {
  if (rule.kind === "debounce") {
    const { delay, atMost } = rule;
    const last = atMost === undefined ? Number.POSITIVE_INFINITY : holder.requestedAt + atMost;
    return { input: true, runAt: Math.min(now + delay, last) };
  }
  if (rule.kind !== "replace") return {};
  const { due } = requested;
  const runAt = due === undefined ? now : "at" in due ? due.at : now + due.after;
  return {
    ...(rule.fields.includes("input") ? { input: true } : {}),
    ...(rule.fields.includes("runAt") ? { runAt } : {}),
    ...(rule.fields.includes("priority") ? { priority: requested.priority } : {}),
  };
}

function apply(
  transaction: Transaction,
  holder: Holder,
  { input: hasInput, runAt, priority }: Changes,
  requested: Omit<Requested, "onConflict">,
  now: number,
): void {
  const { sql, found } = transaction;
  const { seq } = holder;
  const isFreed = hasInput === true && giveInput(transaction, holder, requested, now);
  if (runAt === undefined && priority === undefined) return;
  sql.run(statements.changeRun, { seq, runAt, priority, queue: null, now });
  lookAgain(transaction, seq, now);
  if (holder.state === "waiting" && !isFreed) return;
  if (runAt !== undefined && runAt > now) found.dueAt(runAt);
  else found.claimable = true;
}

/**
 * Gives it the input, and the gates and the share that were computed of that. If the gates are others it has no place at
 * the old ones, and stands in no line there: its claim asks at the new ones. Answers whether it stood in one.
 */
function giveInput(
  transaction: Transaction,
  { seq, state, waitReason, gates: before }: Holder,
  requested: Omit<Requested, "onConflict">,
  now: number,
): boolean {
  const { sql, found } = transaction;
  const { input, version } = requested;
  const { gates, fair } = admissionOf(requested);
  const isOthers = gates !== before;
  const stoodInLine = isOthers && state === "waiting" && waitReason === "admission";
  if (stoodInLine) {
    sql.run(statements.leaveLine, { seq, now });
    found.claimable = true;
  }
  if (isOthers) letGo(transaction, seq, before, now);
  const long = isLong(input);
  if (long) sql.run(statements.writeBodyInput, { run: seq, input });
  const body = long ? bodyBit.input : 0;
  sql.run(statements.replaceInput, { seq, version, input: long ? null : input, body, gates, fair });
  return stoodInLine;
}
