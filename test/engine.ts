// biome-ignore-all lint/suspicious/noExplicitAny: an adapter of any library's transactions will do
// The real engine in memory, for tests of its parts: client and workers over one SQLite store, on a clock that the test
// moves, with every event kept and, where a test counts, every call of the store.
//
// Tests of applications use `testQueue` of duckdive/testing; here a test may also hold a worker, stop it half-way, put
// a store of its own in between, and have several assemblies on one store.
import { onTestFinished } from "vitest";
import type { Adapter, AnyJob } from "../src/job/index.js";
import { type ManualClock, manualClock } from "../src/kernel/index.js";
import { assemble } from "../src/open.js";
import type { OpenOptions, WorkOptions } from "../src/queue/index.js";
import type { RunEvents } from "../src/run/index.js";
import type { Store, StoredRun } from "../src/store/contract.js";
import { sqlite } from "../src/store/sqlite/index.js";
import type { Attendance, RunningWorker } from "../src/worker.js";

/** An event as it was heard. */
export type Heard = {
  [Name in keyof RunEvents]: { readonly name: Name; readonly about: RunEvents[Name] };
}[keyof RunEvents];

const names = [
  "started",
  "succeeded",
  "retrying",
  "failed",
  "cancelled",
  "snoozed",
  "handedBack",
  "parked",
  "refused",
  "abandoned",
  "leaked",
  "lost",
  "message",
  "progress",
  "error",
] as const satisfies readonly (keyof RunEvents)[];

export const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A store in memory, and its clock. */
export function memory(): { store: Store; clock: ManualClock } {
  const clock = manualClock(Date.UTC(2031, 4, 17, 9, 41, 7, 123));
  const store = sqlite({ file: ":memory:", clock });
  onTestFinished(() => store.close());
  return { store, clock };
}

/** What an engine may be given: a store and its clock, and what `open` takes. */
export type Given = Partial<{
  store: Store;
  clock: ManualClock;
  adapter: Adapter<any, boolean> | undefined;
}> &
  Pick<OpenOptions, "middleware" | "log" | "schedules">;

/** A client and its workers, with what they say; stopped when the test is over. */
export function engine(jobs: readonly AnyJob[], given: Given = {}) {
  const base = given.store === undefined || given.clock === undefined ? memory() : undefined;
  const clock = given.clock ?? base?.clock ?? manualClock(0);
  const store = given.store ?? base?.store ?? sqlite({ file: ":memory:", clock });
  const { middleware = [], log = silent } = given;
  const { duckdive, events, work } = assemble({
    store: () => store,
    clock,
    options: {
      jobs,
      middleware,
      log,
      ...(given.schedules === undefined ? {} : { schedules: given.schedules }),
      ...(given.adapter === undefined ? {} : { with: given.adapter }),
    },
  });
  const heard: Heard[] = [];
  for (const name of names) events.on(name, (about) => heard.push({ name, about } as Heard));
  const workers: RunningWorker[] = [];
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.stop({ drain: 0 })));
  });
  return {
    duckdive,
    store,
    clock,
    events,
    heard,
    /** The names of the events, in the order in which they were heard. */
    names: () => heard.map((event) => event.name),
    work(options?: WorkOptions, attendance?: Attendance): RunningWorker {
      const worker = work(options, attendance);
      workers.push(worker);
      return worker;
    },
    async run(id: string): Promise<StoredRun> {
      const [run] = await store.find([id]);
      if (run === undefined) throw new Error(`no run ${id}`);
      return run;
    },
  };
}

export interface Counting {
  readonly store: Store;
  /** How often each verb was called. */
  readonly calls: Map<string, number>;
}

type Verb = (...given: unknown[]) => unknown;

/** A store that counts its calls, and in which some verbs may be replaced. */
export function counting(store: Store, replaced: Partial<Store> = {}): Counting {
  const calls = new Map<string, number>();
  const counted = Object.entries({ ...store, ...replaced }).map(([name, value]): [string, unknown] => {
    if (typeof value !== "function" || name === "now") return [name, value];
    const verb = value as Verb;
    return [
      name,
      (...given: unknown[]) => {
        calls.set(name, (calls.get(name) ?? 0) + 1);
        return verb(...given);
      },
    ];
  });
  return { store: Object.fromEntries(counted) as object as Store, calls };
}

/** A promise that the test resolves. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open: () => void = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

/** Resolves once the condition holds, looking after each turn of the event loop. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < 100_000; turns++) {
    if (await condition()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  throw new Error("the condition never came to hold");
}
