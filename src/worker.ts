// The composition root for processes: a worker made of its parts.
//
// A worker registers in the store, shows that it lives, looks after the store and runs the loop. This file decides
// which parts there are and how they hear of each other, and nothing else. `duckdive.work()` makes one inside an
// application; the command line makes one in a process of its own.
import { type Adapter, type AnyJob, defaults, type Log, policyOf } from "./job/index.js";
import { type Clock, type Duration, duration, type Events, newId, thisHost } from "./kernel/index.js";
import {
  abilitiesOf,
  createHearing,
  createHeartbeat,
  createLife,
  createLoop,
  createShutdown,
  type Deed,
  definitionsOf,
  type EnqueueFromRun,
  type Environment,
  type Execution,
  type KnownJob,
  measureDelay,
} from "./loop/index.js";
import type { Composed, EnqueueRequest, ExecuteMiddleware } from "./middleware/index.js";
import { checkQueues, decodedPayload, readCommand, type WorkerStatus } from "./queue/index.js";
import type { RunEvents } from "./run/index.js";
import { createScheduler, type ScheduleDefinition } from "./schedule/index.js";
import type {
  Change,
  Death,
  Message,
  NewWorker,
  Note,
  Pulse,
  Store,
  WorkerReport,
} from "./store/contract.js";
import { isOutage } from "./store/errors.js";
import { createPreparer, createPromoter, createPruner, createRescuer, rounds } from "./upkeep/index.js";

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
  /** The schedules of the application; undefined: it says nothing of them. */
  readonly schedules?: ReadonlyMap<string, ScheduleDefinition> | undefined;
  /** The middleware around enqueue, for the runs of schedules. */
  readonly around?: Composed<EnqueueRequest> | undefined;
  /** The application's own transactions, for `ctx.tx` and `ctx.succeed`. */
  readonly adapter?: Adapter<unknown, boolean> | undefined;
  /** Slots by queue; `*` stands for all queues not named. Default `{ "*": 10 }`. */
  readonly queues?: Readonly<Record<string, number>> | undefined;
  /** How long `stop` waits for handlers before their runs are handed back. Default 25 s. */
  readonly drain?: Duration | undefined;
  /** From 0 up to 1, for the jitter of retries. Default Math.random. */
  readonly random?: (() => number) | undefined;
  /** A runner looks after this process. */
  readonly attendance?: Attendance | undefined;
}

/** What a process that a runner looks after gives its worker to know. */
export interface Attendance {
  /** The process id of the runner. */
  readonly runner: number;
  /** Calls what belongs to one execution in such a way that its run can be named while it goes on. */
  readonly frame: NonNullable<Environment["frame"]>;
}

export interface RunningWorker {
  readonly id: string;
  /** Resolves when it is registered and fetching, however long the store is away; rejects when it cannot start. */
  readonly ready: Promise<void>;
  /** Resolves when it has stopped, whoever asked for that: a caller, a message. */
  readonly over: Promise<void>;
  /** Fetches nothing until it is resumed; what runs goes on. */
  quiet(): void;
  resume(): void;
  /** Aborts what runs, or these runs of it, as failed attempts, and goes on. Answers how many it told. */
  kill(runs?: readonly string[]): number;
  /** Draws from these queues from now on. Where more runs than slots are under way they end in their own time. */
  setQueues(queues: Readonly<Record<string, number>>): void;
  status(): WorkerStatus;
  /** Gives the runs of dead workers back. Answers how many. */
  rescue(deaths: readonly Death[]): Promise<number>;
  /** Writes a line into the log of a run, whoever executes it, if its claim stands. */
  note(note: Note): Promise<void>;
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
  const jobs = knownJobs(parts.jobs);
  let registration = describe(parts, jobs);
  const { id } = registration;
  const environment = environmentOf(parts, id, jobs);
  const reportError = (where: string) => (error: unknown) => events.emit("error", { error, where });

  const loop = createLoop(environment, {
    queues: registration.queues,
    onWorkerLost: () => void returnToLife(),
  });
  const limit = store.patience === undefined ? undefined : store.patience - grace - margin;
  const life = createLife(clock, limit, () => loop.stopExecutions({ why: "lost" }));
  const delay = measureDelay();
  const delayReported = delay.reader();
  const delayShown = delay.reader();
  const promoter = createPromoter(store, clock, reportError("promote"));
  const rescuer = createRescuer(store, clock, events);
  const pruner = createPruner(store, clock, reportError("prune"));
  const preparer = createPreparer(store, clock, environment.jobs, reportError("prepare"));
  const scheduler = createScheduler({
    store,
    clock,
    worker: id,
    schedules: parts.schedules,
    jobs: parts.jobs,
    release: parts.release,
    around: parts.around,
    events,
  });
  const services = [preparer, promoter, rescuer, pruner, scheduler];
  const heartbeat = createHeartbeat({
    clock,
    beat: () => life.show(() => store.heartbeat(id, reportOf())),
    obey,
    onError: reportError("heartbeat"),
  });
  const hearing = createHearing({
    heard: (messages) => store.heard(id, messages),
    read,
    onError: reportError("message"),
  });
  let isRegistered = false;
  let isQuiet = false;
  let beatAt: number | undefined;
  let hurry: (() => void) | undefined;
  let unwatch: (() => void) | undefined;
  let returning: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  const unheard = events.on("leaked", ({ worker }) => {
    if (worker === id) heartbeat.soon();
  });

  function onChange(change: Change): void {
    if (change.claimable) loop.wake();
    if (change.due !== undefined) promoter.expect(change.due);
    if (change.schedules === true) scheduler.soon();
    if (change.origin === "elsewhere" && change.claimable) preparer.soon();
    // At the end of the turn: a claim in the same commit has then been taken in by the loop.
    if (change.asked) setImmediate(() => void lookForWishes());
  }

  const lookForWishes = rounds(async () => {
    if (isRegistered) await store.pulse(id).then(obey, reportError("pulse"));
  });

  /** Somebody took this worker for dead. Its runs are no longer its own; it comes back with empty hands. */
  async function comeBack(): Promise<void> {
    loop.stopExecutions({ why: "lost" });
    if (stopping !== undefined) return;
    try {
      await life.show(() => store.register(registration));
      loop.recover();
      scheduler.publishAgain();
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
    beatAt = performance.now();
    if (!isRegistered) return;
    if (!pulse.alive) return returnToLife();
    for (const fence of pulse.lost) loop.stopExecutions({ why: "lost" }, isOf(fence));
    for (const { reason, ...fence } of pulse.cancelled) {
      loop.stopExecutions({ why: "cancelled", reason }, isOf(fence));
    }
    await hearing.hear(pulse.messages);
  }

  function read({ name, payload }: Message): Deed {
    const command = readCommand(name, payload);
    if (command === undefined)
      return { now: () => events.emit("message", { worker: id, name, payload: decodedPayload(payload) }) };
    switch (command.do) {
      case "quiet":
        return { now: quiet };
      case "resume":
        return { now: resume };
      case "kill":
        return { now: () => void kill(command.runs) };
      case "queues":
        return { now: () => setQueues(command.queues) };
      case "stop":
        return { afterwards: () => void stop(command.drain === undefined ? {} : { drain: command.drain }) };
    }
  }

  /** Enters the store, as soon as it is there. */
  async function enter(): Promise<void> {
    for (let pause = firstPause; ; pause = Math.min(pause * 2, longestPause)) {
      try {
        await store.open();
        await life.show(() => store.register(registration));
        isRegistered = true;
        beatAt = performance.now();
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
    heartbeat.start();
    await Promise.all(services.map((one) => one.start()));
    if (stopping !== undefined) return;
    await loop.start();
    // Who looks at the workers sees at once how it is.
    heartbeat.soon();
  }

  /** Lets go of everything, whatever of it there is. */
  async function release(): Promise<void> {
    const wasRegistered = isRegistered;
    isRegistered = false;
    heartbeat.stop();
    life.end();
    delay.stop();
    unheard();
    unwatch?.();
    await Promise.all(services.map((one) => one.stop()));
    if (wasRegistered) await store.retire(id).catch(reportError("retire"));
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

  let end: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });

  async function stopAll(): Promise<void> {
    try {
      await ready.catch(() => {});
      loop.close();
      if (loop.status().running.length > 0) heartbeat.soon();
      await Promise.race([shutdown.over, loop.empty()]);
      await loop.stop();
      shutdown.end();
      await release();
    } finally {
      end();
    }
  }

  function stop(options: { drain?: Duration } = {}): Promise<void> {
    shutdown.within(duration(options.drain ?? parts.drain ?? defaults.drain, "drain"));
    stopping ??= stopAll();
    hurry?.();
    return stopping;
  }

  function quiet(): void {
    if (isQuiet || stopping !== undefined) return;
    isQuiet = true;
    loop.quiet();
    heartbeat.soon();
  }

  function resume(): void {
    if (!isQuiet || stopping !== undefined) return;
    isQuiet = false;
    loop.resume();
    heartbeat.soon();
  }

  function kill(runs?: readonly string[]): number {
    return loop.stopExecutions(
      { why: "killed" },
      ({ claimed, calledAt }) => calledAt !== undefined && (runs === undefined || runs.includes(claimed.run)),
    );
  }

  function setQueues(queues: Readonly<Record<string, number>>): void {
    checkQueues(queues, "worker.setQueues()");
    registration = { ...registration, queues };
    loop.setQueues(queues);
    heartbeat.soon();
  }

  function state(): "working" | "quiet" | "stopping" {
    if (stopping !== undefined) return "stopping";
    return isQuiet ? "quiet" : "working";
  }

  function reportOf(): WorkerReport {
    return {
      state: state(),
      memory: process.memoryUsage.rss(),
      delay: delayReported(),
      leaked: loop.status().leaked.length,
      queues: registration.queues,
    };
  }

  function status(): WorkerStatus {
    return {
      ...loop.status(),
      state: isRegistered || stopping !== undefined ? state() : "starting",
      lastBeat: beatAt === undefined ? undefined : performance.now() - beatAt,
      memory: process.memoryUsage.rss(),
      delay: delayShown(),
      queues: registration.queues,
    };
  }

  return {
    id,
    ready,
    over,
    stop,
    quiet,
    resume,
    kill,
    setQueues,
    status,
    rescue: rescuer.bury,
    note: (note) => store.note([note]),
    idle: () => ready.then(() => loop.idle()),
    [Symbol.asyncDispose]: () => stop(),
  };
}

function isOf({ run, token, claim }: Pulse["lost"][number]): (execution: Execution) => boolean {
  return ({ claimed }) =>
    claimed.run === run && claimed.token === token && (claim === undefined || claimed.claim === claim);
}

function knownJobs(jobs: ReadonlyMap<string, AnyJob>): ReadonlyMap<string, KnownJob> {
  return new Map([...jobs].map(([name, job]) => [name, { job, policy: policyOf(job) }]));
}

function describe(parts: WorkerParts, jobs: ReadonlyMap<string, KnownJob>): NewWorker {
  return {
    id: newId(),
    ...thisHost(),
    release: parts.release,
    runner: parts.attendance?.runner,
    abilities: abilitiesOf(jobs),
    queues: parts.queues ?? defaults.work,
  };
}

function environmentOf(parts: WorkerParts, worker: string, jobs: ReadonlyMap<string, KnownJob>): Environment {
  const { store, clock, events, middleware, log, enqueue, adapter, random = Math.random, attendance } = parts;
  const frame = attendance?.frame;
  return { worker, store, clock, jobs, events, middleware, log, enqueue, adapter, frame, grace, random };
}
