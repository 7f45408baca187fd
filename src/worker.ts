/**
 * The composition root for processes: a worker made of its parts.
 *
 * A worker registers in the store, shows that it lives, looks after the store and runs the loop. This file decides
 * which parts there are and how they hear of each other, and nothing else. `duckdive.work()` makes one inside an
 * application; the command line makes one in a process of its own.
 */
import { type AnyJob, defaults, type Log, policyOf } from "./job/index.js";
import {
  type Clock,
  type Duration,
  duration,
  type Events,
  newId,
  type Timer,
  thisHost,
} from "./kernel/index.js";
import { createLoop, type EnqueueFromRun, type Environment, type KnownJob } from "./loop/index.js";
import type { ExecuteMiddleware } from "./middleware/index.js";
import type { RunEvents } from "./run/index.js";
import type { Change, Definition, NewWorker, Pulse, Store } from "./store/contract.js";
import { createPreparer, createPromoter, createPruner, createRescuer } from "./upkeep/index.js";

/** How often a worker shows that it lives, in milliseconds. Stores give a silent worker several times this. */
const heartbeatEvery = 5_000;
/** How long a handler has to end once its signal was aborted: by its timeout or a cancellation; at shutdown. */
const grace = 5_000;
const shutdownGrace = 1_000;

export interface WorkerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly jobs: ReadonlyMap<string, AnyJob>;
  readonly events: Events<RunEvents>;
  readonly middleware: readonly ExecuteMiddleware[];
  readonly log: Log;
  readonly release: string | undefined;
  readonly enqueue: EnqueueFromRun;
  /** Slots by queue; `*` stands for all queues not named. Default `{ "*": 10 }`. */
  readonly queues?: Readonly<Record<string, number>> | undefined;
  /** How long `stop` waits for handlers before their runs are handed back. Default 25 s. */
  readonly drain?: Duration | undefined;
}

export interface RunningWorker {
  readonly id: string;
  /** Resolves when it is registered and fetching; rejects when it cannot start. */
  readonly ready: Promise<void>;
  /**
   * Fetches no more, waits up to `drain` for handlers, aborts the rest and hands their runs back without losing the
   * attempt. Called again with a shorter `drain` it hurries up. Resolves when nothing of the worker is left.
   */
  stop(options?: { drain?: Duration }): Promise<void>;
  /** Resolves when nothing is left that could run now. What is scheduled or waiting does not count. */
  idle(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function createWorker(parts: WorkerParts): RunningWorker {
  const { store, clock, events } = parts;
  const registration = describe(parts);
  const environment = environmentOf(parts, registration.id);
  const reportError = (where: string) => (error: unknown) => events.emit("error", { error, where });

  const loop = createLoop(environment, {
    queues: registration.queues,
    onWorkerLost: () => void returnToLife(),
  });
  const promoter = createPromoter(store, clock, reportError("promote"));
  const rescuer = createRescuer(store, clock, events);
  const pruner = createPruner(store, clock, reportError("prune"));
  const preparer = createPreparer(store, environment.jobs, reportError("prepare"));
  let heartbeat: Timer | undefined;
  let unwatch: (() => void) | undefined;

  function onChange(change: Change): void {
    if (change.claimable) loop.wake();
    if (change.due !== undefined) promoter.expect(change.due);
    if (change.origin === "elsewhere") {
      void promoter.run();
      void preparer.run();
    }
    if (change.cancelAsked) void store.pulse(registration.id).then(obey, reportError("pulse"));
  }

  /** Somebody took this worker for dead. Its runs are no longer its own; it comes back with empty hands. */
  async function returnToLife(): Promise<void> {
    loop.stopExecutions({ why: "lost" });
    try {
      await store.register(registration);
      loop.wake();
    } catch (error) {
      reportError("register")(error);
    }
  }

  async function obey(pulse: Pulse): Promise<void> {
    if (!pulse.alive) return returnToLife();
    for (const { run, token, reason } of pulse.cancelled) {
      loop.stopExecutions(
        { why: "cancelled", reason },
        ({ claimed }) => claimed.run === run && claimed.token === token,
      );
    }
  }

  function beat(): void {
    heartbeat = clock.after(heartbeatEvery, () => {
      store.heartbeat(registration.id).then(obey).catch(reportError("heartbeat")).finally(beat);
    });
  }

  async function start(): Promise<void> {
    await store.open();
    await store.register(registration);
    await store.publish(definitionsOf(environment.jobs));
    unwatch = store.watch(onChange);
    beat();
    await preparer.start();
    await Promise.all([promoter.start(), rescuer.start(), pruner.start()]);
    await loop.start();
  }

  const ready = start();
  // Whoever does not look at `ready` hears of it as an error event instead of an unhandled rejection.
  ready.catch(reportError("start"));

  let stopping: Promise<void> | undefined;
  let hurry: (milliseconds: number) => void = () => {};

  async function stopAll(drain: number): Promise<void> {
    await ready.catch(() => {});
    loop.quiet();
    await drained(drain);
    await loop.stop();
    heartbeat?.cancel();
    unwatch?.();
    await Promise.all([promoter.stop(), rescuer.stop(), pruner.stop(), preparer.stop()]);
    heartbeat?.cancel();
    await store.retire(registration.id);
  }

  /** Resolves when nothing runs any more, or at the deadline, with what still runs told to stop. */
  async function drained(drain: number): Promise<void> {
    let deadline: Timer | undefined;
    const over = new Promise<void>((resolve) => {
      hurry = (milliseconds) => {
        deadline?.cancel();
        deadline = clock.after(milliseconds, () => {
          loop.stopExecutions({ why: "shutdown" }, undefined, Math.min(shutdownGrace, milliseconds));
          resolve();
        });
      };
    });
    hurry(drain);
    await Promise.race([over, loop.empty()]);
    deadline?.cancel();
  }

  function stop(options: { drain?: Duration } = {}): Promise<void> {
    const drain = duration(options.drain ?? parts.drain ?? defaults.drain, "drain");
    if (stopping === undefined) stopping = stopAll(drain);
    else hurry(drain);
    return stopping;
  }

  return {
    id: registration.id,
    ready,
    stop,
    idle: () => ready.then(() => loop.idle()),
    [Symbol.asyncDispose]: () => stop(),
  };
}

function describe(parts: WorkerParts): NewWorker {
  const abilities = [...parts.jobs.values()].map((job) => ({
    job: job.name,
    version: policyOf(job).version,
  }));
  return {
    id: newId(),
    ...thisHost(),
    release: parts.release,
    abilities,
    queues: parts.queues ?? defaults.work,
  };
}

function environmentOf(parts: WorkerParts, worker: string): Environment {
  const { store, clock, events, middleware, log, enqueue } = parts;
  const jobs = new Map<string, KnownJob>(
    [...parts.jobs].map(([name, job]) => [name, { job, policy: policyOf(job) }]),
  );
  return { worker, store, clock, jobs, events, middleware, log, enqueue, grace, random: Math.random };
}

function definitionsOf(jobs: ReadonlyMap<string, KnownJob>): Definition[] {
  return [...jobs.values()].map(({ job, policy }) => ({
    job: job.name,
    version: policy.version,
    queue: policy.queue,
    priority: policy.priority,
    attempts: policy.attempts,
    prepared: true,
    description: policy.description,
  }));
}
