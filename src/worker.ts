// The composition root for processes: a worker made of its parts.
//
// A worker registers in the store, shows that it lives, looks after the store and runs the loop. This file decides
// which parts there are and how they hear of each other, and nothing else. `duckdive.work()` makes one inside an
// application; the command line makes one in a process of its own.
import { type Adapter, type AnyJob, defaults, definitionOf, type Log, policyOf } from "./job/index.js";
import {
  type Clock,
  type Duration,
  duration,
  type Events,
  newId,
  type Timer,
  thisHost,
} from "./kernel/index.js";
import {
  createLife,
  createLoop,
  createShutdown,
  type EnqueueFromRun,
  type Environment,
  type Execution,
  type KnownJob,
} from "./loop/index.js";
import type { ExecuteMiddleware } from "./middleware/index.js";
import type { RunEvents } from "./run/index.js";
import type { Change, Definition, NewWorker, Pulse, Store } from "./store/contract.js";
import { isOutage } from "./store/errors.js";
import { createPreparer, createPromoter, createPruner, createRescuer, rounds } from "./upkeep/index.js";

/** How often a worker shows that it lives, in milliseconds, and how soon again when that failed. */
const heartbeatEvery = 10_000;
const heartbeatAgain = 1_000;
/** How long a worker rests that could not start because the store is away: at first, and at most. */
const firstPause = 50;
const longestPause = 1_000;
/** What a worker that cannot show life stays away from the end of the store's patience, beside the grace. */
const margin = 1_000;
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
  /** The application's own transactions, for `ctx.tx` and `ctx.succeed`. */
  readonly adapter?: Adapter<unknown, boolean> | undefined;
  /** Slots by queue; `*` stands for all queues not named. Default `{ "*": 10 }`. */
  readonly queues?: Readonly<Record<string, number>> | undefined;
  /** How long `stop` waits for handlers before their runs are handed back. Default 25 s. */
  readonly drain?: Duration | undefined;
  /** From 0 up to 1, for the jitter of retries. Default Math.random. */
  readonly random?: (() => number) | undefined;
}

export interface RunningWorker {
  readonly id: string;
  /** Resolves when it is registered and fetching, however long the store is away; rejects when it cannot start. */
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
  const limit = store.patience === undefined ? undefined : store.patience - grace - margin;
  const life = createLife(clock, limit, () => loop.stopExecutions({ why: "lost" }));
  const promoter = createPromoter(store, clock, reportError("promote"));
  const rescuer = createRescuer(store, clock, events);
  const pruner = createPruner(store, clock, reportError("prune"));
  const preparer = createPreparer(store, clock, environment.jobs, reportError("prepare"));
  const services = [preparer, promoter, rescuer, pruner];
  let isRegistered = false;
  let heartbeat: Timer | undefined;
  let hurry: (() => void) | undefined;
  let unwatch: (() => void) | undefined;
  let returning: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  function onChange(change: Change): void {
    if (change.claimable) loop.wake();
    if (change.due !== undefined) promoter.expect(change.due);
    if (change.origin === "elsewhere" && change.claimable) preparer.soon();
    // At the end of the turn: a claim in the same commit has then been taken in by the loop.
    if (change.asked) setImmediate(() => void lookForCancelled());
  }

  const lookForCancelled = rounds(async () => {
    if (isRegistered) await store.pulse(registration.id).then(obey, reportError("pulse"));
  });

  /** Somebody took this worker for dead. Its runs are no longer its own; it comes back with empty hands. */
  async function comeBack(): Promise<void> {
    loop.stopExecutions({ why: "lost" });
    if (stopping !== undefined) return;
    try {
      await life.show(() => store.register(registration));
      loop.recover();
    } catch (error) {
      reportError("register")(error);
    }
  }

  /** The claim and the heartbeat both find it out; what is claimed after the return must not be stopped again. */
  function returnToLife(): Promise<void> {
    returning ??= comeBack().finally(() => {
      returning = undefined;
    });
    return returning;
  }

  async function obey(pulse: Pulse): Promise<void> {
    if (!isRegistered) return;
    if (!pulse.alive) return returnToLife();
    for (const fence of pulse.lost) loop.stopExecutions({ why: "lost" }, isOf(fence));
    for (const { reason, ...fence } of pulse.cancelled) {
      loop.stopExecutions({ why: "cancelled", reason }, isOf(fence));
    }
  }

  function beat(after = heartbeatEvery): void {
    if (!isRegistered) return;
    heartbeat = clock.after(after, () => {
      life
        .show(() => store.heartbeat(registration.id))
        .then(async (pulse) => {
          beat();
          await obey(pulse);
        })
        .catch((error: unknown) => {
          reportError("heartbeat")(error);
          heartbeat?.cancel();
          beat(heartbeatAgain);
        });
    });
  }

  /** Enters the store, as soon as it is there. */
  async function enter(): Promise<void> {
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      try {
        await store.open();
        await life.show(() => store.register(registration));
        isRegistered = true;
        await store.publish(definitionsOf(environment.jobs));
        return;
      } catch (error) {
        if (stopping !== undefined || !isOutage(error)) throw error;
        reportError("start")(error);
        await rest(pause);
      }
    }
  }

  function rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(milliseconds, resolve);
      hurry = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  async function start(): Promise<void> {
    await enter();
    unwatch = store.watch(onChange);
    beat();
    await Promise.all(services.map((one) => one.start()));
    if (stopping === undefined) await loop.start();
  }

  /** Lets go of everything, whatever of it there is. */
  async function release(): Promise<void> {
    const wasRegistered = isRegistered;
    isRegistered = false;
    heartbeat?.cancel();
    life.end();
    unwatch?.();
    await Promise.all(services.map((one) => one.stop()));
    if (wasRegistered) await store.retire(registration.id).catch(reportError("retire"));
  }

  const ready = start().catch(async (error: unknown) => {
    await release();
    throw error;
  });
  // Whoever does not look at `ready` hears of it as an error event instead of an unhandled rejection.
  ready.catch(reportError("start"));

  const shutdown = createShutdown(clock, (milliseconds) =>
    loop.stopExecutions({ why: "shutdown" }, undefined, Math.min(shutdownGrace, milliseconds)),
  );

  async function stopAll(): Promise<void> {
    await ready.catch(() => {});
    loop.quiet();
    await Promise.race([shutdown.over, loop.empty()]);
    await loop.stop();
    shutdown.end();
    await release();
  }

  function stop(options: { drain?: Duration } = {}): Promise<void> {
    shutdown.within(duration(options.drain ?? parts.drain ?? defaults.drain, "drain"));
    stopping ??= stopAll();
    hurry?.();
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

function isOf({ run, token, claim }: Pulse["lost"][number]): (execution: Execution) => boolean {
  return ({ claimed }) =>
    claimed.run === run && claimed.token === token && (claim === undefined || claimed.claim === claim);
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
  const { store, clock, events, middleware, log, enqueue, adapter, random = Math.random } = parts;
  const jobs = new Map<string, KnownJob>(
    [...parts.jobs].map(([name, job]) => [name, { job, policy: policyOf(job) }]),
  );
  return { worker, store, clock, jobs, events, middleware, log, enqueue, adapter, grace, random };
}

/** What a run of the job needs beside what is published: then one that was recorded without JavaScript is prepared. */
function needsPreparation({ job, policy }: KnownJob): boolean {
  const { startWithin, finishWithin, unique, lock, concurrency, rate } = policy;
  const computed = [startWithin, finishWithin, unique, lock, concurrency, rate];
  return definitionOf(job).input !== undefined || computed.some((one) => one !== undefined);
}

function definitionsOf(jobs: ReadonlyMap<string, KnownJob>): Definition[] {
  return [...jobs.values()].map((known) => ({
    job: known.job.name,
    version: known.policy.version,
    queue: known.policy.queue,
    priority: known.policy.priority,
    attempts: known.policy.attempts,
    prepared: needsPreparation(known),
    description: known.policy.description,
  }));
}
