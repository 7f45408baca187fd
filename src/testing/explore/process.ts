/**
 * A worker process that can be killed: what it asks of the store after its death is never asked, and never answered.
 *
 * Nothing of a killed process goes on: its handlers wait for calls that never settle, so no `finally` and no `catch` of
 * theirs runs; its timers are gone, so nothing in it is aborted; what it had open in a transaction is rolled back. Its
 * store, on the other side, is everybody's, and stays as the last commit left it.
 *
 * Before this file come the parts of a worker, and a plan of what is to go wrong. After it comes the fleet.
 */
import type { Adapter, AnyJob } from "../../job/index.js";
import type { Clock, Timer } from "../../kernel/index.js";
import { createClient } from "../../queue/index.js";
import type { Claimed, Pulse, Store } from "../../store/contract.js";
import { createWorker, type RunningWorker, type WorkerParts } from "../../worker.js";
import { AgainError, type Bodies, type Host, observedJobs } from "./bodies.js";

/** Ends a transaction of a process that was killed in it. */
class ProcessKilledError extends Error {}

/** What may go wrong at the calls of a process. The answer is what its code hears. */
export interface Interference {
  record(
    process: Process,
    ask: Store["record"],
    ...given: Parameters<Store["record"]>
  ): ReturnType<Store["record"]>;
  settle(
    process: Process,
    ask: Store["settle"],
    ...given: Parameters<Store["settle"]>
  ): ReturnType<Store["settle"]>;
  claimed(process: Process, claimed: readonly Claimed[]): Promise<void>;
  /** Before a transaction of the application begins, at duckdive's own write in it, and once it is committed. */
  beginning(process: Process): Promise<void>;
  writing(process: Process, run: string, name: string | undefined): void;
  committed(process: Process): Promise<void>;
}

export interface Process {
  readonly worker: RunningWorker;
  /** Those that it works. */
  readonly jobs: WorkerParts["jobs"];
  readonly isDead: boolean;
  /** It was taken for dead, and lives: its runs belong to others. */
  readonly isLate: boolean;
  kill(): void;
  /** Others take its runs from now on; it claims nothing any more. */
  fence(): void;
}

export function createProcess(
  parts: WorkerParts,
  bodies: Bodies,
  inFlight: Host["inFlight"],
  interference: Interference,
): Process {
  const life = createLife();
  const clock = mortalClock(parts.clock, life);
  const own: Process = {
    get worker() {
      return worker;
    },
    jobs: parts.jobs,
    get isDead() {
      return life.isOver;
    },
    get isLate() {
      return life.isLate;
    },
    kill: life.end,
    fence: life.fence,
  };
  const store = mortalStore(parts.store, life, own, interference);
  const adapter =
    parts.adapter === undefined ? undefined : mortalAdapter(parts.adapter, life, own, interference);
  const jobs: ReadonlyMap<string, AnyJob> = observedJobs(parts.jobs, bodies, {
    isDead: () => life.isOver,
    inFlight,
  });
  const { events, log, release } = parts;
  const client = createClient({ store, clock, jobs, middleware: [], log, release, events, adapter });
  const worker = createWorker({
    ...parts,
    store,
    clock,
    jobs,
    adapter,
    delay: neverLate,
    enqueue: (job, input, request) => client.enqueue(job, input, request),
    add: (batch, requests) => client.batchOf(batch).add(requests),
  });
  return own;
}

/** A process that is killed never stops what it measures with. */
const neverLate: WorkerParts["delay"] = { reader: () => () => 0, stop() {} };

interface Life {
  readonly isOver: boolean;
  readonly isLate: boolean;
  end(): void;
  fence(): void;
  /** Called at its end. */
  onEnd(callback: () => void): void;
  /** Asks, and hears the answer, only while it lives. */
  while<T>(ask: () => Promise<T>): Promise<T>;
}

function createLife(): Life {
  let isOver = false;
  let isLate = false;
  const callbacks: (() => void)[] = [];
  return {
    get isOver() {
      return isOver;
    },
    get isLate() {
      return isLate;
    },
    end() {
      isOver = true;
      for (const callback of callbacks.splice(0)) callback();
    },
    fence() {
      isLate = true;
    },
    onEnd: (callback) => void callbacks.push(callback),
    async while(ask) {
      if (isOver) return never();
      try {
        const answer = await ask();
        return isOver ? never() : answer;
      } catch (error) {
        if (isOver) return never();
        throw error;
      }
    },
  };
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}

function mortalClock(clock: Clock, life: Life): Clock {
  const timers = new Set<Timer>();
  life.onEnd(() => {
    for (const timer of timers) timer.cancel();
  });
  return {
    now: () => clock.now(),
    after(milliseconds, callback) {
      if (life.isOver) return { cancel() {} };
      const timer = clock.after(milliseconds, () => {
        timers.delete(timer);
        callback();
      });
      timers.add(timer);
      return {
        cancel() {
          timers.delete(timer);
          timer.cancel();
        },
      };
    },
  };
}

/** What the store answers at once, without being waited for. */
const immediate: ReadonlySet<PropertyKey> = new Set(["now", "insertInSync"]);
const quietPulse: Pulse = { alive: true, cancelled: [], lost: [], messages: [], slots: {} };

function mortalStore(store: Store, life: Life, own: Process, interference: Interference): Store {
  const changed: Partial<Store> = {
    watch: (listener) =>
      store.watch((change) => {
        if (!life.isOver) listener(change);
      }),
    committed(settlement) {
      if (!life.isOver) store.committed(settlement);
    },
    record: (writes) => life.while(() => interference.record(own, (asked) => store.record(asked), writes)),
    settle: (settling) =>
      life.while(() => interference.settle(own, (asked) => store.settle(asked), settling)),
    async claim(request) {
      if (life.isLate) return [];
      return life.while(async () => {
        const claimed = await store.claim(request);
        await interference.claimed(own, claimed);
        return claimed;
      });
    },
    async recordIn(transaction, write) {
      interference.writing(own, write.run, write.entries[0]?.name);
      if (life.isOver) throw new ProcessKilledError("Its process was killed.");
      return store.recordIn(transaction, write);
    },
    async settleIn(transaction, settlement, notes) {
      interference.writing(own, settlement.run, undefined);
      if (life.isOver) throw new ProcessKilledError("Its process was killed.");
      return store.settleIn(transaction, settlement, notes);
    },
    // A process that was taken for dead finds it out when it writes: that is the later of two moments.
    heartbeat: (worker, report) =>
      life.while(async () => (life.isLate ? quietPulse : store.heartbeat(worker, report))),
    pulse: (worker) => life.while(async () => (life.isLate ? quietPulse : store.pulse(worker))),
  };
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(changed, name)) return Reflect.get(changed, name);
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function" || immediate.has(name)) return member;
      return (...given: unknown[]) => life.while(async () => member.apply(target, given));
    },
  });
}

function mortalAdapter(
  adapter: Adapter<unknown, boolean>,
  life: Life,
  own: Process,
  interference: Interference,
): Adapter<unknown, boolean> {
  return {
    ...adapter,
    transaction: (work) =>
      life.while(async () => {
        await interference.beginning(own);
        for (;;) {
          try {
            const result = await adapter.transaction(work);
            await interference.committed(own);
            return result;
          } catch (error) {
            if (!(error instanceof AgainError)) throw error;
          }
        }
      }),
  };
}
