// Moving what is in one store to another one, so that it may be interrupted at any moment and started again.
//
// Runs go in batches, the longest asked for first. A batch is read with all that belongs to it, written into the journal,
// taken from the one store, recorded in the other one and read back there. What a run was, as a digest, must be the same on
// both sides. A run that somebody changed between reading and taking stays, and comes with a later round.
//
// Before this file come the journal and the two stores. After it comes the command.
import { createHash } from "node:crypto";
import type { State } from "../job/index.js";
import type { MovedRun, Store } from "../store/contract.js";
import { MoveMismatchError, WorkersRunningError } from "./errors.js";
import type { Journal, MoveState } from "./journal.js";

/** Runs in the journal at once: with inputs and outputs of 1 MiB each a few hundred megabytes. */
const batchSize = 200;
const pageSize = 1_000;
const restingStates = [
  "scheduled",
  "ready",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
] as const satisfies readonly State[];

export interface Route {
  readonly from: Store;
  readonly to: Store;
  readonly journal: Journal;
  /** Hears how far it is. */
  readonly tell: (moved: number, of: number) => void;
}

export interface Moved {
  /** Runs moved, by state, by this call and those before it. */
  readonly moved: Readonly<Record<string, number>>;
  readonly checksum: string;
  /** What is still in the store that was to be left: running, or come since. */
  readonly left: number;
}

/**
 * Moves everything that is at rest.
 *
 * @throws WorkersRunningError when a worker is registered on either store
 * @throws MoveMismatchError when a run is not what it was
 */
export async function moveRuns(route: Route): Promise<Moved> {
  const { from, to, journal } = route;
  for (const store of [from, to]) await refuseWorkers(store, store === from);
  for (const target of await from.paused()) await to.pause(target);
  await to.publish(await from.definitions());
  await bringSchedules(from, to);
  const nothing = { moved: {}, sent: zero, received: zero, batch: [] };
  let state: MoveState = journal.found ?? { ...nothing, from: await from.nonce(), to: await to.nonce() };
  if (state.batch.length > 0) state = await bring(route, state);
  for (let ids = await restingIds(from); ids.length > 0; ids = await restingIds(from)) {
    const before = total(state);
    for (let start = 0; start < ids.length; start += batchSize) {
      state = await moveBatch(route, state, ids.slice(start, start + batchSize));
      route.tell(total(state), before + ids.length);
    }
    if (total(state) === before) break;
  }
  if (state.sent !== state.received)
    throw new MoveMismatchError(
      "The checksums of both sides differ. Nothing was removed besides what was moved.",
    );
  const left = await from.count({});
  if (left === 0) journal.remove();
  return { moved: state.moved, checksum: state.sent, left };
}

/**
 * Those made at run time come along whole. Those in code come with the workers that have them; one that is paused comes as
 * paused, and stays so when code takes it over.
 */
async function bringSchedules(from: Store, to: Store): Promise<void> {
  for (const { name, job, times, policy, input, next, release, origin, pausedAt } of await from.schedules()) {
    if (origin === "code" && pausedAt === undefined) continue;
    await to.putSchedule({ name, job, times, policy, input, first: next }, "create", release);
    if (pausedAt !== undefined) await to.pauseSchedule(name);
  }
}

/** A worker would take what is about to be moved, or change what is about to be compared. */
async function refuseWorkers(store: Store, isSource: boolean): Promise<void> {
  const lost = await store.findLost();
  if (lost.length > 0) await store.rescue(lost);
  const workers = await store.workers();
  if (workers.length === 0) return;
  throw new WorkersRunningError(
    `A worker is registered on the store that runs are moved ${isSource ? "from" : "to"} (process ${workers[0]?.pid}). ` +
      "Stop it; one that was killed is found dead within half a minute. Applications may go on enqueueing.",
  );
}

/** Ids of everything that is not running, the longest asked for first. */
async function restingIds(store: Store): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({ states: restingStates }, { limit: pageSize, cursor });
    for (const { id } of page.runs) ids.push(id);
    cursor = page.next;
  } while (cursor !== undefined);
  return ids.reverse();
}

async function moveBatch(route: Route, state: MoveState, ids: readonly string[]): Promise<MoveState> {
  const { from, journal } = route;
  const batch = (await from.read(ids)).filter(({ run }) => run.state !== "running");
  if (batch.length === 0) return state;
  const next = { ...state, batch };
  journal.write(next);
  await from.release(batch.map(({ run }) => run));
  return bring(route, next);
}

/** Records in the one store what has left the other: of the journal's batch, whatever is not there any more. */
async function bring({ from, to, journal }: Route, state: MoveState): Promise<MoveState> {
  const still = await from.find(state.batch.map(({ run }) => run.id));
  const gone = state.batch.filter((_, place) => still[place] === undefined);
  const adopted = await to.adopt(gone);
  const read = await to.read(gone.map(({ run }) => run.id));
  const arrived = new Map(read.map((one) => [one.run.id, one]));
  const moved: Record<string, number> = { ...state.moved };
  let { sent, received } = state;
  for (const [place, one] of gone.entries()) {
    const counterpart = arrived.get(one.run.id);
    const digest = digestOf(one);
    const there = counterpart === undefined ? undefined : digestOf(counterpart);
    // One that had arrived before an interruption may have gone on since.
    if (there !== digest && (there === undefined || adopted[place] === true)) {
      throw new MoveMismatchError(
        `Run ${one.run.id} is not in the store that it was moved to as it was in the other one. It is whole in the ` +
          "journal, and the move stands still: start it again, and report it if it stands still again.",
      );
    }
    moved[one.run.state] = (moved[one.run.state] ?? 0) + 1;
    sent = sum(sent, digest);
    received = sum(received, adopted[place] === true && there !== undefined ? there : digest);
  }
  const next = { ...state, moved, sent, received, batch: [] };
  journal.write(next);
  return next;
}

function total({ moved }: MoveState): number {
  return Object.values(moved).reduce((all, number) => all + number, 0);
}

// ── What a run was, in a few letters ────────────────────────────────────────────────────────────────────────────

const digits = 16;
const zero = "0".repeat(digits);

/** Of all that has to arrive. A token belongs to its store, as does who had it last, and of which release. */
function digestOf({ run, onParentFailure, events, logs, entries }: MovedRun): string {
  const { token: _, worker: __, ranRelease: ___, route, after, ...record } = run;
  const hasEnded = run.finishedAt !== undefined;
  const all = {
    record: { ...record, route: hasEnded ? undefined : route, after: after?.toSorted() },
    onParentFailure,
    events,
    logs,
    entries: byName(entries),
  };
  // PostgreSQL's text cannot hold the character NUL.
  return createHash("sha256")
    .update(JSON.stringify(sorted(all)).replaceAll("\\u0000", "\\ufffd"))
    .digest("hex")
    .slice(0, digits);
}

function byName(entries: MovedRun["entries"]): MovedRun["entries"] {
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** With names in one order, so that the same is written the same. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, part]) => [name, sorted(part)]));
}

/** A sum in which the order does not count. */
function sum(one: string, other: string): string {
  const added = BigInt.asUintN(4 * digits, BigInt(`0x${one}`) + BigInt(`0x${other}`));
  return added.toString(16).padStart(digits, "0");
}
