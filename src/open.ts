// The composition root for applications: a client and its workers, put together over a store.
//
// `open` is synchronous and reads nothing: the store connects at first use, so a module may export what it gives back.
// Here an address becomes a store, options are checked, and the parts hear of each other; nothing is decided. The
// testing kit assembles the same parts over a store in memory with a clock of its own.
//
// Before this file comes the application. After it come the queue, the worker and the stores.
import { storeOf } from "./address.js";
import { collectJobs, type Log, type StoredError } from "./job/index.js";
import {
  type Clock,
  checkOptions,
  type Duration,
  duration,
  Events,
  InvalidOptionError,
  systemClock,
} from "./kernel/index.js";
import { composeEnqueue, executeLayers } from "./middleware/index.js";
import {
  ClosedError,
  checkQueues,
  consoleLog,
  createClient,
  type Duckdive,
  type ErrorContext,
  type OpenOptions,
  outages,
  type WorkOptions,
} from "./queue/index.js";
import type { RunEvents } from "./run/index.js";
import { collectSchedules, createScheduleHand } from "./schedule/index.js";
import type { Store } from "./store/contract.js";
import { type Attendance, createWorker, type RunningWorker } from "./worker.js";

const openOptions = [
  "with",
  "jobs",
  "schedules",
  "middleware",
  "log",
  "onError",
  "release",
  "direct",
  "schema",
  "migrate",
  "notify",
  "prepare",
  "queues",
  "ageing",
] as const satisfies readonly (keyof OpenOptions)[];

/**
 * An application's hand on its runs. Synchronous: connects at first use; `await duckdive.ready()` fails early.
 *
 * @param store `"sqlite:./jobs.db"`, `"sqlite::memory:"`, `"postgres://…"`, a SQLite handle whose file it is, a pool of
 * `pg` or a postgres.js client, whose connections are used, or a store of your own
 * @throws InvalidStoreError, InvalidOptionError: at once, for what is wrong without connecting
 * @throws DuplicateJobError, ContractNotHandledError: the `jobs` cannot be worked
 * @throws NotBuiltError: a job's policy, or an option, needs what this version does not do
 * @example
 * const duckdive = open("postgres://localhost/app", { jobs: [welcome] });
 * await duckdive.enqueue(welcome, { userId: 7 });
 * const worker = duckdive.work();
 */
export function open<Tx = unknown, Sync extends boolean = false>(
  store: string | object,
  options: OpenOptions<Tx, Sync> = {},
): Duckdive<Tx, Sync> {
  checkOpenOptions(options);
  return assemble({ clock: systemClock, options, store: (onError) => storeOf(store, options, onError) })
    .duckdive;
}

/** What `config` gives back: what the command line loads. */
export interface Config<Tx = unknown, Sync extends boolean = false> {
  readonly open: () => Duckdive<Tx, Sync>;
  readonly options: OpenOptions<Tx, Sync> & { readonly store: string | object };
}

const configBrand = Symbol.for("duckdive.config");

/**
 * What `duckdive work` and its kin load: the default export of `duckdive.config.ts`. Opens nothing by itself.
 *
 * @example export default config({ store: "sqlite:./jobs.db", jobs: [welcome], queues: { mail: 4 } });
 */
export function config<Tx = unknown, Sync extends boolean = false>(
  options: OpenOptions<Tx, Sync> & { store: string | object },
): Config<Tx, Sync> {
  if (typeof options !== "object" || options === null)
    throw new InvalidOptionError("config() was given no object. Use one such as { store, jobs }.");
  checkOptions(options, ["store", ...openOptions], "config()");
  const { store, ...rest } = options;
  if (store === undefined)
    throw new InvalidOptionError('config() needs `store`, such as "sqlite:./duckdive.db".');
  return Object.freeze({ [configBrand]: true, options, open: () => open<Tx, Sync>(store, rest) });
}

/** Whether a value was made by `config`. */
export function isConfig(value: unknown): value is Config {
  return typeof value === "object" && value !== null && configBrand in value;
}

// ── Assembling ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A client, and beside it what only duckdive's own parts need. */
export interface Assembly<Tx, Sync extends boolean> {
  readonly duckdive: Duckdive<Tx, Sync>;
  readonly store: Store;
  readonly events: Events<RunEvents>;
  /** As `duckdive.work`, with what a worker can do besides. */
  readonly work: (options?: WorkOptions, attendance?: Attendance) => RunningWorker;
}

/** Puts the parts together: under the system's clock for an application, under another for a test. */
export function assemble<Tx, Sync extends boolean>(parts: {
  readonly store: (onError: (error: unknown) => void) => Store;
  readonly clock: Clock;
  readonly options: OpenOptions<Tx, Sync>;
}): Assembly<Tx, Sync> {
  const { clock, options } = parts;
  const { log = consoleLog, middleware = [], release, queues } = options;
  const jobs = collectJobs(options.jobs ?? []);
  const events: Events<RunEvents> = new Events((error, name) => {
    if (name === "error") log.error('a listener of "error" failed itself', { error });
    else report(`a listener of "${name}"`)(error);
  });
  const report = (where: string) => (error: unknown) => events.emit("error", { error, where });
  tellReporter(
    events,
    options,
    log,
    outages(() => clock.now()),
  );
  const store = parts.store(report("store"));
  const adapter = options.with;
  const client = createClient<Tx, Sync>({ store, clock, jobs, middleware, log, release, events, adapter });
  const schedules = collectSchedules(options.schedules ?? []);
  const around = composeEnqueue(middleware);
  const hand = createScheduleHand({
    store,
    schedules,
    jobs,
    release,
    around,
    events,
    ready: () => client.ready(),
    run: (job, id) => client.run(job, id),
  });
  const workers = new Set<RunningWorker>();
  let closing: Promise<void> | undefined;

  function work(given: WorkOptions = {}, attendance?: Attendance): RunningWorker {
    checkOptions(given, ["queues", "drain", "ageing"], "duckdive.work()");
    if (closing !== undefined) throw new ClosedError("No worker can be started any more");
    if (jobs.size === 0)
      throw new InvalidOptionError("work() has no job to run. List them: open(store, { jobs: [welcome] }).");
    const drawn = given.queues ?? queues;
    if (drawn !== undefined) checkQueues(drawn, "duckdive.work()");
    const ageing = ageingOf(given.ageing ?? options.ageing, "duckdive.work()");
    const worker = createWorker({
      store,
      clock,
      jobs,
      events,
      middleware: executeLayers(middleware),
      log,
      release,
      enqueue: (job, input, request) => client.enqueue(job, input, request),
      schedules: options.schedules === undefined ? undefined : schedules,
      around,
      adapter,
      queues: drawn,
      ageing,
      drain: given.drain,
      attendance,
    });
    workers.add(worker);
    const stop = (stopping?: { drain?: Duration }): Promise<void> =>
      worker.stop(stopping).finally(() => workers.delete(worker));
    return { ...worker, stop, [Symbol.asyncDispose]: () => stop() };
  }

  async function close(): Promise<void> {
    await Promise.allSettled([...workers].map((worker) => worker.stop()));
    await client.close();
  }

  const closeOnce = (): Promise<void> => (closing ??= close());
  const duckdive = {
    ...client,
    ...hand,
    work: (given?: WorkOptions) => work(given),
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
  return { duckdive, store, events, work };
}

/** What nobody awaits is logged; a reporter hears it, and the failures of handlers as well. An outage is told once. */
function tellReporter(
  events: Events<RunEvents>,
  { onError }: Pick<OpenOptions, "onError">,
  log: Log,
  isToBeTold: (error: unknown) => boolean,
): void {
  const tell = (error: unknown, context: ErrorContext): void => {
    try {
      onError?.(error, context);
    } catch (reason) {
      log.error("onError threw itself", { error: reason });
    }
  };
  events.on("error", ({ error, ...context }) => {
    if (!isToBeTold(error)) return;
    log.error(`something failed in: ${context.where}`, { ...context, error });
    tell(error, context);
  });
  if (onError === undefined) return;
  events.on("retrying", ({ error, run, job, attempt }) =>
    tell(revived(error), { where: "attempt", run, job, attempt }),
  );
  events.on("failed", ({ error, run, job, attempt }) =>
    tell(revived(error), { where: "run", run, job, attempt }),
  );
}

/** A stored error as an Error, with the stack it had. */
function revived({ name, message, stack, code, cause }: StoredError): Error {
  const error = cause === undefined ? new Error(message) : new Error(message, { cause: revived(cause) });
  return Object.assign(
    error,
    { name },
    stack === undefined ? {} : { stack },
    code === undefined ? {} : { code },
  );
}

// ── Checking ────────────────────────────────────────────────────────────────────────────────────────────────────

/** In milliseconds. */
function ageingOf(ageing: Duration | undefined, where: string): number | undefined {
  if (ageing === undefined) return undefined;
  const milliseconds = duration(ageing, `The ageing of ${where}`);
  if (milliseconds > 0) return milliseconds;
  throw new InvalidOptionError(`The ageing of ${where} is 0. Leave it out where runs are not to age.`);
}

function checkOpenOptions<Tx, Sync extends boolean>(options: OpenOptions<Tx, Sync>): void {
  checkOptions(options, openOptions, "open()");
  const { middleware = [], queues, log, onError, with: adapter } = options;
  if (queues !== undefined) checkQueues(queues, "open()");
  ageingOf(options.ageing, "open()");
  for (const one of middleware) {
    if (typeof one === "function") continue;
    if (typeof one !== "object" || one === null)
      throw new InvalidOptionError(
        "open(): middleware has something in it that is neither a function nor { enqueue, execute }.",
      );
    checkOptions(one, ["enqueue", "execute"], "a middleware of open()");
  }
  const levels = ["debug", "info", "warn", "error"] as const;
  if (log !== undefined && !levels.every((level) => typeof log[level] === "function"))
    throw new InvalidOptionError(`open(): log is not a log. Give it ${levels.join(", ")}, as console has.`);
  if (onError !== undefined && typeof onError !== "function")
    throw new InvalidOptionError("open(): onError is not a function. Use (error, context) => { … }.");
  if (adapter !== undefined && typeof adapter.connectionOf !== "function")
    throw new InvalidOptionError(
      "open(): with is no adapter. Use one of duckdive/with, such as sqlite(handle).",
    );
}
