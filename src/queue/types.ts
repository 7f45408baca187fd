// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a contract here; nothing is inferred as it
// The application's hand, as types: everything that `open` gives back.
//
// Three groups: asking for runs (enqueue and its kin), looking at them (get, list, explain …) and acting on them
// (cancel, retry, pause …). A job types what it is asked with and what comes back; an adapter types the `tx` that
// may be handed in, and whether transactions are synchronous.
//
// Before this file come jobs and records, as types. After it comes the client, which makes the values.
import type {
  Adapter,
  AnyContract,
  Contract,
  InputArgs,
  Job,
  Log,
  Request,
  RequestOptions,
  RunRecord,
  Signal,
  State,
  WaitingReason,
} from "../job/index.js";
import type { Duration, Listener } from "../kernel/index.js";
import type { Middleware } from "../middleware/index.js";
import type { RunEvents } from "../run/index.js";
import type {
  DepartedWorker,
  LogLine,
  QueueRow,
  StoredBatch,
  TimelineEvent,
  WorkerRow,
} from "../store/contract.js";
import type { Encryption } from "../store/sealing.js";
import type { Batch, BatchOptions } from "./batch-types.js";
import type { BulkOptions, Change } from "./bulk-types.js";
import type { Command } from "./control.js";
import type { Metrics, Tallies } from "./metrics.js";
import type {
  DrainQueueOptions,
  MetricsOptions,
  RerouteOptions,
  ThroughputOptions,
} from "./operate-types.js";
import type { Run } from "./run-types.js";
import type { Schedule, ScheduleHandle, ScheduleState } from "./schedule-types.js";
import type { Step } from "./steps.js";
import type { Throughput } from "./throughput.js";

export type { Batch, BatchOptions, BatchSummary } from "./batch-types.js";
export type { BulkOptions, BulkProgress, Change } from "./bulk-types.js";
export type { Metrics, MetricsPoint, Tallies } from "./metrics.js";
export type {
  DrainQueueOptions,
  MetricsOptions,
  RerouteOptions,
  ThroughputOptions,
} from "./operate-types.js";
export type { Run, WaitOptions } from "./run-types.js";
export type { Step } from "./steps.js";
export type { Throughput } from "./throughput.js";

// ── Many runs ───────────────────────────────────────────────────────────────────────────────────────────────────

/** @inline */
type OneOrMore<T> = T | readonly T[];

/** Which runs: every field that is given must hold, and a list means any of it. */
export interface Filter {
  id?: OneOrMore<string>;
  /** By name, or the job itself. */
  job?: OneOrMore<string | AnyContract>;
  queue?: OneOrMore<string>;
  /** Children of this run, by its id, or of any of these. */
  parent?: OneOrMore<string>;
  state?: OneOrMore<State>;
  /** Why it failed or was cancelled: `timeout`, `lost`, `expired` …, or a code of the job's own. */
  reason?: OneOrMore<string>;
  /** What it waits for. */
  waiting?: OneOrMore<WaitingReason>;
  /** Has this tag, or any of these. */
  tag?: OneOrMore<string>;
  /** Has all of these. */
  meta?: Record<string, string>;
  /** The name or the code of the error that it has: of its end, or of its last attempt. */
  error?: OneOrMore<string>;
  /** Has this text in its input, as it stands there in JSON, in the same case. */
  text?: string;
  /** Asked for at this time or later. */
  since?: Date;
  /** Asked for before this time. */
  until?: Date;
  /** Asked for longer ago than that. */
  olderThan?: Duration;
}

/** Runs to act on: by id, by ids, by filter; and all of them only when that is what is said. */
export type Target = string | readonly string[] | Filter | { all: true };

/** Which page of a list. */
export interface ListOptions {
  /** Runs on a page, from 1 to 1,000; 100 unless given. */
  limit?: number;
  /** Where the page before ended: its `cursor`. */
  cursor?: string | undefined;
}

/** Newest first. */
export interface Page {
  readonly runs: RunRecord[];
  /** Where the next page begins; undefined: this was the last. */
  readonly cursor: string | undefined;
}

/** A page when it is awaited; all runs of all pages, one after the other, in `for await`. */
export interface Listing extends PromiseLike<Page>, AsyncIterable<RunRecord> {}

/** A queue by name, or by word; or a job, whose runs are put aside while others of its queue go on. */
export type PauseTarget = string | { queue: string } | { job: string | AnyContract };

/** What happened to a run, oldest first, and what its handler logged. */
export interface Timeline {
  readonly events: (Omit<TimelineEvent, "at"> & { readonly at: Date })[];
  readonly logs: (Omit<LogLine, "at"> & { readonly at: Date })[];
}

/** A queue as it stands; finished runs are not counted. */
export type QueueState = Omit<QueueRow, "oldest" | "heldUntil"> & {
  /** Since when the longest-due ready run is due. */
  readonly oldest: Date | undefined;
  /** Handed out again from then on: an execution said that it is rate limited. */
  readonly heldUntil: Date | undefined;
};

/** A batch as it stands. What of `total` is in no other count has not ended. */
export type BatchState = Omit<StoredBatch, "createdAt" | "finishedAt" | "succeededAt"> & {
  readonly createdAt: Date;
  /** When all had ended for the first time. */
  readonly finishedAt: Date | undefined;
  /** When all had succeeded for the first time. */
  readonly succeededAt: Date | undefined;
};

/** A worker that is alive, or was not yet found dead. */
export type WorkerState = Omit<WorkerRow, "startedAt" | "heartbeatAt"> & {
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
};

/** A worker that has stopped or died, and what became of its runs. */
export type DepartedState = Omit<DepartedWorker, "startedAt" | "heartbeatAt" | "endedAt"> & {
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  readonly endedAt: Date;
};

/** Runs and schedules as people may see them. */
export interface Redacted {
  /** As `duckdive.get`. */
  get(id: string): Promise<RunRecord | undefined>;
  /** As `duckdive.list`. */
  list(filter?: Filter, options?: ListOptions): Listing;
  /** As `duckdive.timeline`. @throws RunNotFoundError */
  timeline(id: string): Promise<Timeline>;
  /** As `duckdive.steps`. @throws RunNotFoundError */
  steps(id: string): Promise<Step[]>;
  /** As `duckdive.explain`. @throws RunNotFoundError */
  explain(id: string): Promise<string[]>;
  /** These schedules, with their inputs as people may see them. */
  redactSchedules(schedules: readonly ScheduleState[]): Promise<ScheduleState[]>;
}

// ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────

/** No adapter: nobody can pass a `tx`. */
type Caller<Tx> = unknown extends Tx ? never : Tx;

/** What may be said about one request, and the transaction that it is part of. */
export type EnqueueOptions<Tx> = RequestOptions & { tx?: Caller<Tx> };

/** What may be said about all the runs of an event. */
export interface PublishOptions<Tx> {
  tags?: string[];
  meta?: Record<string, string>;
  tx?: Caller<Tx>;
}

/** What a worker draws, and how it ends. */
export interface WorkOptions {
  /** Slots by queue; `*` stands for all queues that are not named. `{ "*": 10 }` unless given. */
  queues?: Record<string, number>;
  /** How long `stop()` waits for handlers before it hands their runs back: 25 s unless given. */
  drain?: Duration;
  /**
   * A run counts as one priority higher for each time so long that it has waited, so that an urgent stream cannot keep
   * others from ever starting. Not at all unless given here or in `open`.
   */
  ageing?: Duration;
  /**
   * For a worker inside of a server: while the event loop is later than `delay`, it takes on less, down to `least` runs of
   * each queue at once (1 unless given), and more again when it is not. `worker.status().queues` says how many. Handlers that
   * compute without a pause are not interrupted: `isolate` takes them elsewhere.
   *
   * @example duckdive.work({ yieldTo: { delay: "20ms" } });
   */
  yieldTo?: { delay: Duration; least?: number };
}

/** A request by the name of its job. */
export interface NamedRequest {
  /** Its name; or the job itself, whose definition then counts. */
  readonly job: string | AnyContract;
  readonly input?: unknown;
  /** Where it waits until a worker has prepared it: only where no definition is at hand. */
  readonly queue?: string | undefined;
  readonly options?: RequestOptions | undefined;
}

/** A run of a job that was asked for by its name alone. */
export interface NamedRun {
  readonly run: Run;
  /** Whether its input was judged. False: it waits until a worker that has the job has done that. */
  readonly isChecked: boolean;
  /** Where no worker has ever had a job of that name: that, and which name may have been meant. */
  readonly hint?: string;
}

/** A job, as workers that have it say, or this process. */
export interface JobState {
  readonly name: string;
  /** The newest that a worker has had. */
  readonly version: number;
  readonly queue: string;
  readonly priority: number;
  readonly attempts: number;
  readonly description: string | undefined;
  /** Events that it is enqueued for. */
  readonly events: readonly string[];
  /** Its definition is at hand in this process. */
  readonly isHere: boolean;
}

/** Something in the store has changed. */
export interface StoreChange {
  /** By this client, or by another process. */
  readonly origin: "here" | "elsewhere";
  /** Runs known to have ended by it; what others did is not known. */
  readonly ended: readonly string[];
}

/** An execution, by its run. */
export interface ExecutionName {
  readonly run: string;
  readonly job: string;
  readonly token: number;
  readonly attempt: number;
}

/** How a worker is. Times are in milliseconds before now, and do not jump with the computer's clock. */
export interface WorkerStatus {
  /** What it is at; `quiet`: it fetches nothing, on request. */
  readonly state: "starting" | "working" | "quiet" | "stopping";
  /** How many runs it has claimed, and how many of its executions have ended. */
  readonly started: number;
  readonly ended: number;
  /** What it executes, and for how long each. */
  readonly running: readonly (ExecutionName & { readonly queue: string; readonly since: number })[];
  /** Executions that were given up, because they did not obey their signal, and go on. */
  readonly leaked: readonly ExecutionName[];
  /** Suspended executions that something outside still holds in memory, by job; undefined: none that is known of. */
  readonly retained: Readonly<Record<string, number>> | undefined;
  /** Since the store last answered a claim, a settlement, a sign of life; undefined: it never has. */
  readonly lastFetch: number | undefined;
  readonly lastSettle: number | undefined;
  readonly lastBeat: number | undefined;
  /** For how long it has tried to fetch without an answer; undefined: it rests, or its slots are taken. */
  readonly fetchingFor: number | undefined;
  /** Resident memory of its process, in bytes. */
  readonly memory: number;
  /** The longest its event loop was late since it was last asked, in milliseconds. */
  readonly delay: number;
  /** Slots by queue, as they are now. */
  readonly queues: Readonly<Record<string, number>>;
}

/** A worker in this process: what `duckdive.work()` gives back. */
export interface Worker {
  /** Its name in the store. */
  readonly id: string;
  /** Resolves when it is registered and fetching. */
  readonly ready: Promise<void>;
  /** Resolves when it has stopped, whoever asked for that: `stop`, `close`, or a message. */
  readonly over: Promise<void>;
  /** Fetches no more, waits up to `drain`, hands back what is left. May be called again, with less time. */
  stop(options?: { drain?: Duration }): Promise<void>;
  /** Fetches nothing until it is resumed; what runs goes on. */
  quiet(): void;
  /** Fetches again, after `quiet`. */
  resume(): void;
  /** Aborts what it runs, or these runs of it, each as a failed attempt, and goes on. Answers how many it told. */
  kill(runs?: readonly string[]): number;
  /**
   * Draws from these queues from now on: slots by queue. Where more runs than slots are under way they end in their own time.
   *
   * @throws InvalidOptionError
   */
  setQueues(queues: Record<string, number>): void;
  /** How it is, now. */
  status(): WorkerStatus;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An application's hand on its runs. Made by `open`; connects at first use. */
export interface Duckdive<Tx = unknown, Sync extends boolean = false> {
  /**
   * Records a run. Resolves when it is durable, or with `tx`, when it is part of that transaction.
   *
   * @throws InvalidInputError, NotJsonError, TooLargeError: the input cannot be stored
   * @throws IdConflictError: `id` is a run of another job
   * @example const run = await duckdive.enqueue(welcome, { userId: 7 }, { delay: "5m" });
   */
  enqueue<I, O>(
    job: Contract<string, I, any, O, any>,
    ...args: InputArgs<I, EnqueueOptions<Tx>>
  ): Promise<Run<O>>;
  /** Records many runs in one commit: all of them, or none. */
  enqueueMany(requests: Iterable<Request>, options?: { tx?: Caller<Tx> }): Promise<Run[]>;
  /** The same for many inputs of one job. */
  enqueueMany<I, O>(
    job: Contract<string, I, any, O, any>,
    inputs: Iterable<NoInfer<I>>,
    options?: EnqueueOptions<Tx>,
  ): Promise<Run<O>[]>;
  /** Records a run before it returns, in a synchronous transaction: for better-sqlite3, node:sqlite and libsql. */
  enqueueSync: Sync extends true
    ? <I, O>(job: Contract<string, I, any, O, any>, ...args: InputArgs<I, EnqueueOptions<Tx>>) => Run<O>
    : never;
  /**
   * Enqueues every job that has this event in its `on`, with the payload as input: jobs of this process, and those that
   * workers have published. One payload, judged by each job's schema, one commit: all of them, or none. Answers their
   * runs; nobody listening is no error, and answers none.
   *
   * @throws InvalidInputError naming a job that does not accept the payload
   * @throws NotJsonError, TooLargeError: the payload cannot be stored
   * @example await duckdive.publish("user.created", { userId: 7 }, { tx });
   */
  publish(event: string, payload?: unknown, options?: PublishOptions<Tx>): Promise<Run[]>;
  /**
   * Records runs of jobs by name, in one commit: for whoever has no definition of them. Inputs are judged by the definitions
   * that this client was opened with; a run of another job is recorded waiting, and a worker that has the job judges it first.
   *
   * @throws what `enqueue` throws
   * @throws InvalidOptionError: something was asked for that needs the definition: a run `after` others
   * @example await duckdive.enqueueByName([{ job: "welcome", input: { userId: 7 }, options: { delay: "5m" } }]);
   */
  enqueueByName(requests: Iterable<NamedRequest>, options?: { tx?: Caller<Tx> }): Promise<NamedRun[]>;
  /**
   * Records runs that come after each other, all of them in one commit, or none. `add` gives the handle of a run at once, and
   * its id may be named in the `after` of others. Answers what the function answers.
   *
   * @throws CycleError: ids that were given lead back to themselves; InvalidOptionError: an id was given twice
   * @throws UnknownRunError: `after` names a run that is neither added nor there
   * @example
   * const report = await duckdive.flow(({ add }) => {
   *   const parts = files.map((path) => add(load, { path }));
   *   return add(sum, { month: "May" }, { after: parts });
   * });
   */
  flow<T>(
    build: (flow: {
      add<I, O>(job: Contract<string, I, any, O, any>, ...args: InputArgs<I, RequestOptions>): Run<O>;
    }) => T,
    options?: { tx?: Caller<Tx> },
  ): Promise<Awaited<T>>;
  /**
   * Records runs that are counted together, in one commit. Jobs may be told when all have succeeded, and when all have
   * ended: each is enqueued once, by the store, in the commit that ends the last run, with the counts as its input.
   *
   * @throws BatchFinishedError, UnknownBatchError: of the batch that it is to be `in`
   * @example
   * const batch = await duckdive.batch(lines.map((line) => row.with({ line })), { name: "import", onFinished: done });
   */
  batch(requests: Iterable<Request>, options: BatchOptions<Caller<Tx>>): Promise<Batch>;
  /** The handle of a batch that was recorded before. Reads nothing. */
  batchOf(id: string): Batch;
  /**
   * Batches as they stand, the newest first.
   *
   * @param options.limit from 1 to 1,000; 100 unless given
   * @param options.before the id of the last one of the page before
   */
  batches(options?: { limit?: number; before?: string }): Promise<BatchState[]>;
  /**
   * Sends a signal: to a run, or to whichever run of a job has this unique key; `ctx.waitFor` takes it, once, also when it
   * was sent before the run waits. One that is sent to a key nobody has is kept for the next that gets it, for 30 days. With
   * `tx` it is sent when, and only if, that transaction commits. An `id` makes sending again harmless.
   *
   * @param options.id a UUID; a new one unless given. A signal is delivered once by its id
   * @throws InvalidInputError when the signal's schema does not accept the payload
   * @throws SignalUnheardError: the run has ended, or is not there
   * @example await duckdive.signal({ job: replica, key: "order-123" }, approved, { by: "Ada" });
   */
  signal<I>(
    run: string | { id: string } | { job: AnyContract; key: string },
    signal: Signal<string, I, any>,
    payload: I,
    options?: { tx?: Caller<Tx>; id?: string },
  ): Promise<void>;

  /** The handle of a run that was recorded before. Reads nothing. */
  run<I, O>(job: Contract<string, I, any, O, any>, id: string): Run<O>;
  /** A run as it is now; undefined when there is none. */
  get(id: string): Promise<RunRecord | undefined>;
  /**
   * Runs, newest first, page by page.
   *
   * @example for await (const run of duckdive.list({ job: welcome, state: "failed" })) console.log(run.error?.message);
   */
  list(filter?: Filter, options?: ListOptions): Listing;
  /** How many runs there are of these; of all, unless given. */
  count(filter?: Filter): Promise<number>;
  /** How many runs are in each state, in all. */
  stats(): Promise<Readonly<Record<State, number>>>;
  /** What happened to a run, oldest first. @throws RunNotFoundError */
  timeline(id: string): Promise<Timeline>;
  /**
   * What a run has on record: its durable calls, in the order in which they settled, then those that are pending.
   *
   * @throws RunNotFoundError
   * @example for (const { name, state, at } of await duckdive.steps(run.id)) console.log(name, state, at);
   */
  steps(id: string): Promise<Step[]>;
  /** Why a run is where it is, in sentences. @throws RunNotFoundError */
  explain(id: string): Promise<string[]>;
  /**
   * Looking for the eyes of people: the same, with what jobs and `open` name in `redact` blanked out, in values and where texts
   * quote it. What pages, an API or a command line show comes from here.
   */
  readonly redacted: Redacted;
  /** Queues by name, with what waits and runs in each. */
  queues(): Promise<QueueState[]>;
  /** Jobs that workers have published, and those of this client, by name. */
  jobs(): Promise<JobState[]>;
  /** Workers that are registered, with what each said of itself at its last heartbeat. */
  workers(): Promise<WorkerState[]>;
  /** Workers that have stopped or died, newest first: `limit` of them, 100 unless given. Kept for seven days. */
  departed(options?: { limit?: number }): Promise<DepartedState[]>;

  /**
   * Ends runs, and asks running ones to end. Answers how many it did something to. Like its kin it goes in chunks of up to
   * 1,000 runs, each durable by itself, and leaves alone what comes into a filter after its beginning.
   */
  cancel(target: Target, reason?: string, options?: BulkOptions): Promise<number>;
  /**
   * Makes failed and cancelled runs ready again, with all attempts: what failed in them is done again, the rest is
   * remembered. Answers how many.
   */
  retry(target: Target, options?: BulkOptions): Promise<number>;
  /**
   * The same for one run, which forgets first what it has on record from that step on, in the order of settling, with the
   * children that it started by that, and does it again. Forgetting is durable before the run is made ready: where a
   * crash comes between the two the run is failed as before, with the shorter record, and any retry goes on from there.
   *
   * @param options.from the name of the step, or of any other durable call
   * @throws RunNotFoundError, NotRetryableError, UnknownStepError: nothing was forgotten
   * @example await duckdive.retry(run.id, { from: "switch over" });
   */
  retry(id: string, options: { from: string }): Promise<number>;
  /** Removes runs that are not running. Answers how many. */
  delete(target: Target, options?: BulkOptions): Promise<number>;
  /**
   * Gives runs that are not running and have not ended another queue, priority or time. Their place in line by age stays.
   * Answers how many.
   *
   * @throws InvalidOptionError
   * @example await duckdive.change({ job: report, state: "ready", olderThan: "1h" }, { queue: "bulk" });
   */
  change(target: Target, change: Change, options?: BulkOptions): Promise<number>;
  /** No run of it is started any more, anywhere, until it is resumed; what is running goes on. */
  pause(target: PauseTarget): Promise<void>;
  /** Lets its runs start again. */
  resume(target: PauseTarget): Promise<void>;

  /**
   * From now on runs of this job go to that queue, whatever its definition says; undefined: no more so. Runs that wait move
   * with it, in chunks. Answers how many did.
   *
   * @throws InvalidOptionError
   * @example await duckdive.reroute("report", "slow"); // and back: await duckdive.reroute("report", undefined);
   */
  reroute(job: string | AnyContract, queue: string | undefined, options?: RerouteOptions): Promise<number>;
  /** The queue of each job that was rerouted, by job. */
  reroutes(): Promise<Readonly<Record<string, string>>>;
  /**
   * Every worker that draws from this queue does so with so many slots, within some ten seconds, instead of its own; with 0
   * none is executed any more. Undefined: each with its own again. What runs goes on.
   *
   * @throws InvalidOptionError
   */
  setSlots(queue: string, slots: number | undefined): Promise<void>;
  /**
   * Pauses a queue, and resolves when nothing of it runs any more: with what is left in it. It stays paused.
   *
   * @throws InvalidOptionError
   */
  drainQueue(queue: string, options?: DrainQueueOptions): Promise<QueueState>;
  /** How fast queues or jobs go, the busiest first, from what workers have counted: no run is looked at. */
  throughput(options?: ThroughputOptions): Promise<Throughput[]>;
  /**
   * What happened over time, by the minute or the hour: how many runs ended and how, and how long they waited, in all, by
   * queue and by job. From what workers have counted: no run is looked at.
   *
   * @throws InvalidOptionError, InvalidDurationError
   * @example const { points } = await duckdive.metrics({ since: "1h" }); // points.at(-1)?.wait?.half
   */
  metrics(options?: MetricsOptions): Promise<Metrics>;
  /**
   * The same as workers have told it, by the minute, the queue and the job: for whoever exports it elsewhere. A minute grows
   * for as long as workers tell of it, which they do with their signs of life.
   *
   * @param options.since up to three hours ago; ten minutes unless given
   * @throws InvalidOptionError, InvalidDurationError
   */
  tallies(options?: MetricsOptions): Promise<Tallies>;

  /**
   * Tells a worker something, or all that are registered now; answers how many. It is durable until each has heard it,
   * or is gone, and usually heard within some ten milliseconds. Not part of any transaction.
   *
   * @throws InvalidOptionError: no worker could obey it
   * @throws NotJsonError, TooLargeError: the payload cannot be stored
   * @example await duckdive.tell("all", { do: "queues", queues: { mail: 3 } });
   * @example await duckdive.tell(worker.id, { name: "reload", payload: { since: 7 } }); // on("message", …) there
   */
  tell(worker: string, command: Command): Promise<number>;

  /** Every schedule, by name: those in the code of workers, and those made at run time. */
  schedules(): Promise<ScheduleState[]>;
  /**
   * The handle of a schedule. Reads nothing.
   *
   * @example await duckdive.schedule("nightly-report").pause();
   */
  schedule(name: string): ScheduleHandle;

  /** Hears of what this process does with runs, until the function that it gives back is called. */
  on<Name extends keyof RunEvents>(event: Name, listener: Listener<RunEvents[Name]>): () => void;
  /**
   * Hears that something in the store has changed, by whomever, until the function that it gives back is called: a hint to
   * look again, within some ten milliseconds. From the first use of the store on; hints may get lost, so look now and then
   * all the same.
   */
  changes(listener: (change: StoreChange) => void): () => void;
  /** Runs jobs in this process. */
  work(options?: WorkOptions): Worker;
  /** Connects now, and brings the tables up to date: for failing early. */
  ready(): Promise<void>;
  /** Stops the workers made here, turns away who waits, and lets go of the store. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

// ── Opening ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** @inline */
type Runnable<Tx> = Job<any, any, any, any, any, Tx>;

/** Where an error happened, for a reporter. */
export interface ErrorContext {
  /** `attempt`: a handler failed and is tried again. `run`: a run failed for good. Else a part of duckdive. */
  readonly where: string;
  readonly run?: string;
  readonly job?: string;
  readonly attempt?: number;
}

/** What `open` may be told besides the store. */
export interface OpenOptions<Tx = unknown, Sync extends boolean = false> {
  /** The application's own database access, for `tx`: `sqlite(handle)`, `drizzleSync(db)` … */
  with?: Adapter<Tx, Sync>;
  /** What `work()` runs. A process that only enqueues needs none. */
  jobs?: readonly Runnable<NoInfer<Tx>>[];
  /** What `work()` ticks. Given, and be it empty, they are all that the application has: others are retired. */
  schedules?: readonly Schedule[];
  /** Functions around each execution, or around enqueue as well; the first is the outermost. */
  middleware?: readonly Middleware[];
  /** Places in the values of all jobs that people are not shown and that logs do not have, as a job's own `redact`. */
  redact?: readonly string[];
  /** Warnings and errors on the console unless given. */
  log?: Log;
  /** Hears of errors that nobody awaits, and of those of handlers run here: for an error reporter. */
  onError?: (error: unknown, context: ErrorContext) => void;
  /** The version of the application, recorded with every run: a commit, a tag. */
  release?: string;
  /**
   * Inputs, results, outputs, errors and logs are stored encrypted, under the `current` one of these keys; what is stored
   * under another of them, or in plain, is read as well.
   *
   * @example { current: "2026-11", keys: { "2026-11": process.env.JOBS_KEY, "2026-05": process.env.JOBS_OLD_KEY } }
   */
  encryption?: Encryption;
  /** PostgreSQL only: an address that leads to the server itself, where the store's own leads through a pooler. */
  direct?: string;
  /** PostgreSQL only: the schema of the tables. Default: "duckdive". */
  schema?: string;
  /** PostgreSQL only: false: others are not woken by NOTIFY, and look twice a second. Default: true. */
  notify?: boolean;
  /** PostgreSQL only: whether statements are prepared by name; a pooler that forbids it is found out. Default: true. */
  prepare?: boolean;
  /** False: tables are brought up to date by `duckdive migrate` only. */
  migrate?: boolean;
  /** What `work()` draws from unless told otherwise: slots by queue. */
  queues?: Record<string, number>;
  /** Of `work()`, unless told otherwise: a run counts as one priority higher for each time so long that it has waited. */
  ageing?: Duration;
}
