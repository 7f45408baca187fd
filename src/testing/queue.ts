// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a job here; nothing is inferred as it
/**
 * `testQueue`: the real engine in memory, with the clock in the test's hand.
 *
 * Client, worker and SQLite store are those of production, so runs go through serialisation, validation, middleware,
 * retries and settlement exactly as there; only time stands still until the test moves it. Nothing runs by itself:
 * `drain()` brings up a worker, lets it do all that can be done now, and takes it down again; `advance()` does so at
 * every moment at which something falls due on the way. Between the two a test can look at what was asked for.
 *
 * Before this file come a test and its jobs. After it come the parts that `open` puts together as well.
 */
import {
  type Adapter,
  type Contract,
  collectJobs,
  type Job,
  type Log,
  type RunRecord,
} from "../job/index.js";
import {
  checkOptions,
  type Duration,
  duration,
  type Events,
  InvalidOptionError,
  type ManualClock,
  manualClock,
} from "../kernel/index.js";
import { composeEnqueue, executeLayers, type Middleware } from "../middleware/index.js";
import { assemble } from "../open.js";
import { consoleLog, type Duckdive, type Schedule } from "../queue/index.js";
import type { RunEvents } from "../run/index.js";
import { collectSchedules } from "../schedule/index.js";
import type { Store } from "../store/contract.js";
import { sqlite } from "../store/sqlite/index.js";
import { createWorker, type RunningWorker, type WorkerParts } from "../worker.js";
import { type Budget, createBudget } from "./budget.js";

/** What a drain did, and what it left. */
export interface Drained {
  /** Runs that ended by it, by how they ended. */
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Runs that have not ended: scheduled for later, paused, or waiting for something. */
  readonly waiting: number;
  /** Those runs, in the order in which they were asked for; `state`, `runAt` and `waiting` say why they are left. */
  readonly left: readonly RunRecord[];
}

/** A `Duckdive` whose worker and whose clock are moved by hand. */
export interface TestQueue<Tx = unknown, Sync extends boolean = false> extends Duckdive<Tx, Sync> {
  /**
   * Runs everything that can run now, and what that enqueues, until nothing is left that could.
   *
   * @throws EndlessDrainError when it does not come to an end
   */
  drain(): Promise<Drained>;
  /**
   * Lets this much time pass: whatever falls due on the way runs at its own moment, in order. While a drain is under
   * way (a handler waits for its timeout, say) it moves the clock for it.
   *
   * @example await queue.advance("1h");
   */
  advance(duration: Duration): Promise<void>;
  /** The time on the queue's clock. */
  readonly now: Date;
  /** The runs of a job, ended or not, in the order in which they were asked for. */
  enqueued<I, O>(job: Contract<string, I, any, O, any>): Promise<RunRecord<I, O>[]>;
}

/** What a test runs: jobs, schedules, and the time at which it begins. */
export interface TestQueueOptions<Tx = unknown, Sync extends boolean = false> {
  jobs: readonly Job<any, any, any, any, any, NoInfer<Tx>>[];
  /** What ticks as time passes: from the first `drain` or `advance` on. */
  schedules?: readonly Schedule[];
  /** The application's own database access, as in `open`. For `tx` to work, its database must be the store's: see `file`. */
  with?: Adapter<Tx, Sync>;
  /** What the clock shows at first. Default: the present. */
  now?: Date | string;
  middleware?: readonly Middleware[];
  /** Default: warnings and errors on the console. */
  log?: Log;
  /** A SQLite file for the store, when the application's own transactions are to carry runs. Default: in memory. */
  file?: string;
  /** How many executions one `drain` or `advance` may take, beyond the runs that are there at its beginning. Default 10,000. */
  most?: number;
}

const optionNames = ["jobs", "schedules", "with", "now", "middleware", "log", "file", "most"] as const;
/** Promoted at once; a drain asks until nothing is moved. */
const batch = 1_000;
const mostExecutions = 10_000;
const slots = { "*": 100 };
/** Retries come exactly after their backoff: the middle of the jitter. */
const middle = (): number => 0.5;

/**
 * The real engine in memory, for tests. Close it, or declare it with `await using`.
 *
 * @throws InvalidOptionError, and what `open` throws for its jobs
 * @example
 * await using queue = testQueue({ jobs: [welcome] });
 * const run = await queue.enqueue(welcome, { userId: 7 });
 * await queue.drain();
 * assert.equal((await run.get()).state, "succeeded");
 */
export function testQueue<Tx = unknown, Sync extends boolean = false>(
  options: TestQueueOptions<Tx, Sync>,
): TestQueue<Tx, Sync> {
  checkOptions(options, optionNames, "testQueue()");
  return createRig(options).queue;
}

/** What a drain brings up, and takes down after it. */
export type Hands = Pick<RunningWorker, "idle" | "stop">;

/** A test queue, and beside it what only the testing kit needs. */
export interface Rig<Tx, Sync extends boolean> {
  readonly queue: TestQueue<Tx, Sync>;
  readonly clock: ManualClock;
  /** When a run is due, or a schedule ticks, in milliseconds since 1970; infinite: nothing is. */
  nextDue(): Promise<number>;
}

/** A test queue whose runs are worked by what `bringUp` gives. */
export function createRig<Tx = unknown, Sync extends boolean = false>(
  options: TestQueueOptions<Tx, Sync>,
  bringUp: (parts: WorkerParts, clock: ManualClock) => Hands = createWorker,
): Rig<Tx, Sync> {
  const { file = ":memory:", most = mostExecutions, now, ...rest } = options;
  const clock = manualClock(startOf(now));
  const { duckdive, store, events } = assemble<Tx, Sync>({
    clock,
    options: rest,
    store: (onError) => sqlite({ file, clock, onError }),
  });
  const jobs = collectJobs(options.jobs);
  const schedules = options.schedules === undefined ? undefined : collectSchedules(options.schedules);
  const parts: WorkerParts = {
    store,
    clock,
    events,
    jobs,
    schedules,
    around: composeEnqueue(options.middleware ?? []),
    middleware: executeLayers(options.middleware ?? []),
    log: options.log ?? consoleLog,
    release: undefined,
    enqueue: (job, input, request) => duckdive.enqueue(job, input, request),
    add: (batch, requests) => duckdive.batchOf(batch).add(requests),
    adapter: options.with,
    queues: slots,
    random: middle,
  };
  let turn: Promise<unknown> = Promise.resolve();
  /** Drains asked for and not done: while there are any, an advance moves the clock for them. */
  let drains = 0;
  let working: Hands | undefined;

  /** Drains and advances follow each other. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = turn.then(act);
    turn = done.catch(() => {});
    return done;
  }

  /** Brings up a worker, lets it do what can be done at this moment, and takes it down. */
  async function workOff(budget: Budget): Promise<void> {
    const forget = events.on("started", ({ job }) => budget.spend(job));
    const worker = bringUp(parts, clock);
    working = worker;
    try {
      await Promise.race([untilNothingMoves(worker), budget.overdrawn]);
    } finally {
      await takeDown(worker);
      forget();
    }
  }

  async function untilNothingMoves(worker: Hands): Promise<void> {
    let moved: number;
    do {
      await worker.idle();
      ({ moved } = await store.promote(batch));
    } while (moved > 0);
  }

  async function takeDown(worker: Hands): Promise<void> {
    const stopped = worker.stop({ drain: 0 });
    await clock.advance(0);
    await stopped;
    if (working === worker) working = undefined;
  }

  async function budgetNow(): Promise<Budget> {
    await duckdive.ready();
    const { ready, scheduled, waiting } = await store.countByState();
    return createBudget(most + ready + scheduled + waiting);
  }

  async function drain(): Promise<Drained> {
    const budget = await budgetNow();
    const ended = new Set<string>();
    const stopWatching = store.watch((change) => {
      for (const id of change.ended) ended.add(id);
    });
    try {
      await workOff(budget);
    } finally {
      stopWatching();
    }
    return drainedOf(store, ended, await inOrder(duckdive.list({ state: [...live] }, { limit: 1_000 })));
  }

  async function advance(milliseconds: number): Promise<void> {
    const budget = await budgetNow();
    const target = clock.now() + milliseconds;
    for (;;) {
      await workOff(budget);
      const next = await nextDue();
      if (next > target) break;
      await clock.set(Math.max(next, clock.now()));
    }
    await clock.set(target);
  }

  /** When a run is due, or a schedule ticks. */
  async function nextDue(): Promise<number> {
    const [run, tick] = await Promise.all([
      store.promote(batch),
      store.dueSchedules({ worker: "", names: [...(schedules?.keys() ?? [])], jobs: [...jobs.keys()] }, 1),
    ]);
    return Math.min(run.next ?? Number.POSITIVE_INFINITY, tick.next ?? Number.POSITIVE_INFINITY);
  }

  async function close(): Promise<void> {
    if (working !== undefined) await takeDown(working);
    await duckdive.close();
  }

  const queue: TestQueue<Tx, Sync> = {
    ...duckdive,
    drain() {
      drains += 1;
      return inTurn(drain).finally(() => {
        drains -= 1;
      });
    },
    async advance(given) {
      const milliseconds = duration(given, "queue.advance()");
      if (drains === 0) return inTurn(() => advance(milliseconds));
      await quiet(events);
      await clock.advance(milliseconds);
    },
    get now() {
      return new Date(clock.now());
    },
    async enqueued<I, O>(job: Contract<string, I, any, O, any>): Promise<RunRecord<I, O>[]> {
      const runs: RunRecord[] = await inOrder(duckdive.list({ job }, { limit: 1_000 }));
      return runs as RunRecord<I, O>[];
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return { queue, clock, nextDue };
}

const live = ["scheduled", "ready", "waiting", "running"] as const;

function startOf(now: Date | string | undefined): number {
  if (now === undefined) return Date.now();
  const time = new Date(now).getTime();
  if (Number.isFinite(time)) return time;
  throw new InvalidOptionError(
    `testQueue(): now is ${JSON.stringify(now)}. Use a Date, or a text such as "2026-01-01T00:00:00Z".`,
  );
}

/** A listing is newest first; a test reads in the order in which it wrote. */
async function inOrder(listing: AsyncIterable<RunRecord>): Promise<RunRecord[]> {
  const runs: RunRecord[] = [];
  for await (const run of listing) runs.push(run);
  return runs.reverse();
}

async function drainedOf(store: Store, ended: ReadonlySet<string>, left: RunRecord[]): Promise<Drained> {
  const counts = { succeeded: 0, failed: 0, cancelled: 0 };
  for (const run of await store.find([...ended])) {
    if (run !== undefined && Object.hasOwn(counts, run.state)) counts[run.state as keyof typeof counts] += 1;
  }
  return { ...counts, waiting: left.length, left };
}

/** Resolves once no handler has been begun for some turns: what waits now, waits for the clock. */
async function quiet(events: Pick<Events<RunEvents>, "on">): Promise<void> {
  let calm = 0;
  const forget = events.on("started", () => {
    calm = 0;
  });
  for (calm = 0; calm < turnsOfCalm; calm++) await new Promise<void>((resolve) => setImmediate(resolve));
  forget();
}

/** A worker comes up and makes its first claim within about twenty turns. */
const turnsOfCalm = 100;
