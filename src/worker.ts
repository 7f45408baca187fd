// The composition root for processes: a worker made of its parts.
//
// A worker registers in the store, shows that it lives, looks after the store and runs the loop. This file decides
// which parts there are and how they hear of each other, and nothing else. `duckdive.work()` makes one inside an
// application; the command line makes one in a process of its own.
import { createIsolates, type Isolates } from "./isolate/index.js";
import { defaults } from "./job/index.js";
import { type Duration, duration } from "./kernel/index.js";
import {
  createEntrance,
  createHearing,
  createHeartbeat,
  createHooks,
  createLife,
  createLoop,
  createRetained,
  createShutdown,
  createStatistics,
  definitionsOf,
  type Execution,
  type KnownJob,
  knownJobs,
} from "./loop/index.js";
import { checkQueues, type WorkerStatus } from "./queue/index.js";
import { createScheduler } from "./schedule/index.js";
import type { Change, Death, Note, Pulse } from "./store/contract.js";
import { createPreparer, createPromoter, createPruner, createRescuer, rounds } from "./upkeep/index.js";
import { deedOf } from "./worker/commands.js";
import { createDrawing } from "./worker/drawing.js";
import { environmentOf, grace, registrationOf, requestOf, type WorkerParts } from "./worker/parts.js";
import { createReporter } from "./worker/report.js";
import { createGovernor, type Governor, measureLateness } from "./worker/yielding.js";

export type { Attendance, WorkerParts } from "./worker/parts.js";
export type { Yielding } from "./worker/yielding.js";

/** What a worker that cannot show life stays away from the end of the store's patience, beside the grace. */
const margin = 1_000;
/** How long a handler has to end once its signal was aborted at shutdown. */
const shutdownGrace = 1_000;

/** A worker, as whoever made it sees it: what `createWorker` gives back. */
export interface RunningWorker {
  readonly id: string;
  /** Resolves when it is registered and fetching, however long the store is away; rejects when it cannot start. */
  readonly ready: Promise<void>;
  /** Resolves when it has stopped, whoever asked for that: a caller, a message. */
  readonly over: Promise<void>;
  /** Fetches nothing until it is resumed; what runs goes on. */
  quiet(): void;
  /** Fetches again, after `quiet`. */
  resume(): void;
  /** Aborts what runs, or these runs of it, as failed attempts, and goes on. Answers how many it told. */
  kill(runs?: readonly string[]): number;
  /** Draws from these queues from now on. Where more runs than slots are under way they end in their own time. */
  setQueues(queues: Readonly<Record<string, number>>): void;
  /** How it is now: its slots, what it runs, what it has done. */
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
  /**
   * Resolves when nothing is left that could run now. What is scheduled or waiting does not count; what gathers for a handler
   * of many is called without waiting any longer, since nobody is left to join it.
   */
  idle(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes a worker, which registers and fetches at once. Applications ask `duckdive.work()` for one. */
export function createWorker(parts: WorkerParts): RunningWorker {
  const { store, clock, events } = parts;
  const jobs = knownJobs(parts.jobs, parts.redact);
  let registration = registrationOf(parts, jobs);
  const { id } = registration;
  const reportError = (where: string) => (error: unknown) => events.emit("error", { error, where });
  const statistics = createStatistics(store, reportError("tally"));
  const hooks = createHooks({ worker: id, store, jobs, events, request: requestOf(parts) });
  const isolation = isolationOf(parts, id, jobs);
  const retained = createRetained(clock);
  const environment = { ...environmentOf(parts, id, jobs), statistics, hooks, retained, isolation };

  const loop = createLoop(environment, {
    queues: registration.queues,
    ageing: parts.ageing,
    onWorkerLost: () => void returnToLife(),
  });
  const drawing = createDrawing(registration.queues, loop.setQueues, parts.yielding?.least);
  const governor = governorOf(parts, drawing.setShare);
  const limit = store.patience === undefined ? undefined : store.patience - grace - margin;
  const life = createLife(clock, limit, () => loop.stopExecutions({ why: "lost" }));
  const reporter = createReporter(
    () => ({ ...loop.status(), retained: retained.count() }),
    () => ({
      state: state(),
      hasStarted: isRegistered || stopping !== undefined,
      beatAt,
      queues: drawing.drawn,
    }),
    parts.delay,
  );
  const promoter = createPromoter(store, clock, reportError("promote"), hooks.failedByStore);
  const rescuer = createRescuer(store, clock, events);
  const pruner = createPruner(store, clock, reportError("prune"));
  // The callback of a batch is recorded before its keys can be known, by whoever ends the last run: maybe in this process.
  const hasKeys = [...jobs.values()].some(({ policy }) => policy.rules !== undefined);
  const preparer = createPreparer(store, clock, jobs, reportError("prepare"), hooks.failedByStore);
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
    beat() {
      void statistics.flush();
      return life.show(() => store.heartbeat(id, reporter.report()));
    },
    obey,
    onError: reportError("heartbeat"),
  });
  const hearing = createHearing({
    heard: (messages) => store.heard(id, messages),
    read: (message) =>
      deedOf(message, { quiet, resume, kill, setQueues, stop, tell, failed: hooks.failedByStore }),
    onError: reportError("message"),
  });
  let isRegistered = false;
  let isQuiet = false;
  let beatAt: number | undefined;
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
    if (change.claimable && (change.origin === "elsewhere" || hasKeys)) preparer.soon();
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
    drawing.setForAll(pulse.slots);
    await hearing.hear(pulse.messages);
  }

  function tell(name: string, payload: unknown): void {
    events.emit("message", { worker: id, name, payload });
  }

  const entrance = createEntrance({
    clock,
    async enter() {
      await store.open();
      await life.show(() => store.register(registration));
      isRegistered = true;
      beatAt = performance.now();
      await store.publish(definitionsOf(environment.jobs, parts.redact));
    },
    isWanted: () => stopping === undefined,
    onOutage: reportError("start"),
  });

  async function start(): Promise<void> {
    await entrance.open();
    unwatch = store.watch(onChange);
    heartbeat.start();
    await Promise.all(services.map((one) => one.start()));
    if (stopping !== undefined) return;
    // Before the first claim: slots that were set for all hold from the beginning.
    await lookForWishes();
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
    reporter.stop();
    governor?.stop();
    unheard();
    unwatch?.();
    await Promise.all(services.map((one) => one.stop()));
    await hooks.done();
    await isolation?.stop();
    await statistics.flush();
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
    entrance.hurry();
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
    drawing.setOwn(queues);
    registration = { ...registration, queues };
    heartbeat.soon();
  }

  function state(): "working" | "quiet" | "stopping" {
    if (stopping !== undefined) return "stopping";
    return isQuiet ? "quiet" : "working";
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
    status: reporter.status,
    rescue: rescuer.bury,
    note: (note) => store.note([note]),
    async idle() {
      await ready;
      let before: number;
      do {
        await loop.idle();
        before = preparer.prepared();
        if (hasKeys) await preparer.run();
      } while (preparer.prepared() > before);
    },
    [Symbol.asyncDispose]: () => stop(),
  };
}

/** Isolates for the jobs that want them; the first ones start at once. @throws InvalidOptionError */
function isolationOf(
  parts: WorkerParts,
  worker: string,
  jobs: ReadonlyMap<string, KnownJob>,
): Isolates | undefined {
  const {
    isolates: source,
    store,
    clock,
    events,
    log,
    release,
    redact,
    middleware,
    around,
    aroundStep,
  } = parts;
  const isolated = [...jobs.values()].filter(({ policy }) => policy.isolate !== undefined);
  if (source === undefined || isolated.length === 0) return undefined;
  const hasMiddleware = middleware.length > 0 || around !== undefined || aroundStep !== undefined;
  const isolates = createIsolates({
    source,
    store,
    clock,
    events,
    log,
    release,
    worker,
    grace,
    redact,
    hasMiddleware,
  });
  isolates.warm(isolated);
  return isolates;
}

function governorOf(
  { clock, yielding }: WorkerParts,
  onShare: (share: number) => void,
): Governor | undefined {
  if (yielding === undefined) return undefined;
  return createGovernor({ clock, delay: measureLateness(), limit: yielding.delay, onShare });
}

function isOf({ run, token, claim }: Pulse["lost"][number]): (execution: Execution) => boolean {
  return ({ claimed }) =>
    claimed.run === run && claimed.token === token && (claim === undefined || claimed.claim === claim);
}
