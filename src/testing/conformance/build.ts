// Small makers of what the tests hand to a store, and the readings they take of it.
//
// A test names only the columns it is about. The settlements are those that `run/transition` makes, written out, so
// that the suite holds a store to the shapes it will really be given.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type {
  Ability,
  Claimed,
  Fence,
  NewRun,
  NewWorker,
  Settlement,
  Settling,
  Store,
  StoredRun,
  WaitReason,
} from "../../store/contract.js";

export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;
const day = 24 * hour;

/** The job that the tests are about, at the version that their workers have. */
export const copy: Ability = { job: "copy", version: 1 };

/** Longer than any test lasts. */
const longKeep = 30 * day;

export function aRun(fields: Partial<NewRun> = {}): NewRun {
  return { id: newId(), job: copy.job, version: copy.version, queue: "default", priority: 0, ...fields };
}

/** So many runs; `each` tells them apart. */
export function manyRuns(count: number, each: (index: number) => Partial<NewRun> = () => ({})): NewRun[] {
  return Array.from({ length: count }, (_, index) => aRun(each(index)));
}

/** Records one run and answers its id. */
export async function insertOne(store: Store, fields: Partial<NewRun> = {}): Promise<string> {
  const run = aRun(fields);
  const [inserted] = await store.insert([run]);
  assert.deepEqual(inserted, { id: run.id, created: true });
  return run.id;
}

/** A worker of a host that is no real one, so that no store compares its pid with the pids here. */
export function aWorker(fields: Partial<NewWorker> = {}): NewWorker {
  return {
    id: newId(),
    host: "conformance:no-such-boot:no-such-namespace",
    pid: 4_711,
    processStart: "13",
    abilities: [copy],
    queues: { "*": 10 },
    ...fields,
  };
}

/** Enters a worker and answers its id. */
export async function enter(store: Store, fields: Partial<NewWorker> = {}): Promise<string> {
  const worker = aWorker(fields);
  await store.register(worker);
  return worker.id;
}

/** Claims for a worker that has the tests' job, from every queue unless told. */
export function take(
  store: Store,
  worker: string,
  queues: Readonly<Record<string, number>> = { "*": 100 },
  abilities: readonly Ability[] = [copy],
): Promise<Claimed[]> {
  return store.claim({ worker, queues, abilities });
}

/** Claims, and insists on exactly one run. */
export async function takeOne(
  store: Store,
  worker: string,
  abilities: readonly Ability[] = [copy],
): Promise<Claimed> {
  const claimed = await take(store, worker, { "*": 100 }, abilities);
  assert.equal(claimed.length, 1, `one run was to be claimed, not ${claimed.length}`);
  return only(claimed);
}

/** Records a run, enters a worker, and claims the run for it. */
export async function running(
  store: Store,
  fields: Partial<NewRun> = {},
): Promise<{ id: string; worker: string; claimed: Claimed }> {
  const id = await insertOne(store, fields);
  const worker = await enter(store);
  const claimed = await takeOne(store, worker);
  assert.equal(claimed.run, id);
  return { id, worker, claimed };
}

export function only<T>(values: readonly T[]): T {
  assert.equal(values.length, 1);
  return at(values, 0);
}

/** The element at a place where one must be. */
export function at<T>(values: readonly T[], index: number): T {
  const value = values[index];
  assert.ok(value !== undefined, `nothing at ${index} of ${values.length}`);
  return value;
}

// ── Settlements ─────────────────────────────────────────────────────────────────────────────────────────────────

export function fenceOf(claimed: Claimed): Fence & { readonly claim?: string } {
  const fence = { run: claimed.run, token: claimed.token };
  return claimed.claim === undefined ? fence : { ...fence, claim: claimed.claim };
}

export const boom = { name: "Error", message: 'boom: "quoted", {"json":true}, ünïcödé 🌊' };

export function succeeded(claimed: Claimed, fields: Partial<Settlement> = {}): Settlement {
  return { ...fenceOf(claimed), state: "succeeded", keep: longKeep, ...fields };
}

export function failed(claimed: Claimed, fields: Partial<Settlement> = {}): Settlement {
  return {
    ...fenceOf(claimed),
    state: "failed",
    reason: "error",
    error: boom,
    keep: longKeep,
    events: [{ kind: "failed", detail: boom }],
    ...fields,
  };
}

export function cancelledByItself(claimed: Claimed, fields: Partial<Settlement> = {}): Settlement {
  return {
    ...fenceOf(claimed),
    state: "cancelled",
    reason: "no longer wanted",
    keep: longKeep,
    events: [{ kind: "cancelled", detail: { reason: "no longer wanted" } }],
    ...fields,
  };
}

export function backedOff(claimed: Claimed, after: number, fields: Partial<Settlement> = {}): Settlement {
  return {
    ...fenceOf(claimed),
    state: "scheduled",
    due: { after },
    error: boom,
    events: [{ kind: "failed", detail: boom }],
    ...fields,
  };
}

export function snoozed(claimed: Claimed, after: number, fields: Partial<Settlement> = {}): Settlement {
  return {
    ...fenceOf(claimed),
    state: "scheduled",
    due: { after },
    giveBack: true,
    events: [{ kind: "snoozed", detail: { milliseconds: after } }],
    ...fields,
  };
}

export function handedBack(claimed: Claimed, fields: Partial<Settlement> = {}): Settlement {
  return {
    ...fenceOf(claimed),
    state: "ready",
    giveBack: true,
    events: [{ kind: "handedBack" }],
    ...fields,
  };
}

/** A suspension until a moment; the one on entries is `suspended` with `waiting` in its place. */
export function suspended(claimed: Claimed, after: number): Settlement {
  return snoozed(claimed, after, { events: [{ kind: "suspended" }] });
}

export function parked(
  claimed: Claimed,
  reason: Extract<WaitReason, "worker" | "paused">,
  on: string = reason === "worker" ? `${claimed.job}@${claimed.version}` : claimed.job,
): Settlement {
  return {
    ...fenceOf(claimed),
    state: "waiting",
    waiting: { reason, on },
    giveBack: true,
    events: [{ kind: "parked", detail: { reason, on } }],
  };
}

/** Settles, and insists that every settlement was taken. */
export async function settle(store: Store, ...settlements: readonly Settling[]): Promise<void> {
  const answers = await store.settle(settlements);
  assert.equal(answers.length, settlements.length);
  for (const [index, answer] of answers.entries()) {
    assert.ok(answer.taken, `settlement ${index} (${at(settlements, index).state}) was refused`);
  }
}

// ── Readings ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The run as it stands. */
export async function stored(store: Store, id: string): Promise<StoredRun> {
  const [run, ...others] = await store.find([id]);
  assert.equal(others.length, 0);
  assert.ok(run !== undefined, `run ${id} is not in the store`);
  return run;
}

export async function stateOf(store: Store, id: string): Promise<StoredRun["state"]> {
  return (await stored(store, id)).state;
}

/** Every run of the store, through as many pages as it takes. */
export async function everything(store: Store): Promise<StoredRun[]> {
  const runs: StoredRun[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({}, { limit: 1_000, cursor });
    runs.push(...page.runs);
    cursor = page.next;
  } while (cursor !== undefined);
  return runs;
}

/** All that people can see of a run, to be compared before and after. */
export async function picture(store: Store, id: string): Promise<unknown> {
  return { run: await stored(store, id), timeline: await store.timeline(id) };
}

/** The kinds of a run's events, in order. */
export async function kindsOf(store: Store, id: string): Promise<string[]> {
  return (await store.timeline(id)).events.map((event) => event.kind);
}

/** For `assert.rejects`: an error of duckdive with this code. */
export function withCode(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Error, `an Error was to be thrown, not ${String(error)}`);
    assert.equal("code" in error ? error.code : undefined, code, `${error.name}: ${error.message}`);
    assert.notEqual(error.name, "Error", "an error with a code has a class of its own");
    return true;
  };
}
