// The composition root for applications: a client and its workers, put together over a store.
//
// `open` is synchronous and reads nothing: the store connects at first use, so a module may export what it gives back.
// Here an address becomes a store, options are checked, and the parts hear of each other; nothing is decided. The
// testing kit assembles the same parts over a store in memory with a clock of its own.
//
// Before this file comes the application. After it come the queue, the worker and the stores.
import { storeOf } from "./address.js";
import { fromModules, type IsolateSource, isolateMark } from "./isolate/index.js";
import { checkPaths, collectJobs, type Log, type StoredError } from "./job/index.js";
import {
  type Clock,
  checkOptions,
  type Duration,
  duration,
  Events,
  InvalidOptionError,
  systemClock,
} from "./kernel/index.js";
import { composeEnqueue, composeStep, executeLayers } from "./middleware/index.js";
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
import { encrypted } from "./store/encrypted.js";
import { type Attendance, createWorker, type RunningWorker, type Yielding } from "./worker.js";

const openOptions = [
  "with",
  "jobs",
  "schedules",
  "middleware",
  "log",
  "onError",
  "release",
  "encryption",
  "redact",
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
  const { duckdive } = assemble({
    clock: systemClock,
    options,
    store: (onError) => storeOf(store, options, onError),
    isolates: fromModules,
  });
  return Object.defineProperty(duckdive, openedBrand, { value: { ...options, store } });
}

const openedBrand = Symbol.for("duckdive.opened");

/** What `open` was given that gave this back; undefined: it is no such thing. */
export function optionsOfOpened(value: unknown): Config["options"] | undefined {
  if (typeof value !== "object" || value === null || !(openedBrand in value)) return undefined;
  return value[openedBrand] as Config["options"];
}

/** What `config` gives back: what the command line loads. */
export interface Config<Tx = unknown, Sync extends boolean = false> {
  /** Opens what is described here, as `open` does. */
  readonly open: () => Duckdive<Tx, Sync>;
  /** What it was given. */
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
  /** Where isolated jobs are found; absent: their handlers run in this process, under its clock. */
  readonly isolates?: IsolateSource;
}): Assembly<Tx, Sync> {
  const { clock, options } = parts;
  const { log = consoleLog, middleware = [], release, queues, redact } = options;
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
  const bare = parts.store(report("store"));
  const store = options.encryption === undefined ? bare : encrypted(bare, options.encryption);
  const adapter = options.with;
  const client = createClient<Tx, Sync>({
    store,
    clock,
    jobs,
    middleware,
    log,
    release,
    events,
    adapter,
    redact,
  });
  const schedules = collectSchedules(options.schedules ?? []);
  const around = composeEnqueue(middleware);
  const aroundStep = composeStep(middleware);
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
    checkOptions(given, ["queues", "drain", "ageing", "yieldTo"], "duckdive.work()");
    if (closing !== undefined) throw new ClosedError("No worker can be started any more");
    if (isolateMark in globalThis) throw workerInIsolate();
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
      redact,
      enqueue: (job, input, request) => client.enqueue(job, input, request),
      add: (batch, requests) => client.batchOf(batch).add(requests),
      schedules: options.schedules === undefined ? undefined : schedules,
      around,
      aroundStep,
      adapter,
      queues: drawn,
      ageing,
      yielding: yieldingOf(given.yieldTo),
      drain: given.drain,
      attendance,
      isolates: parts.isolates,
    });
    workers.add(worker);
    const stop = (stopping?: { drain?: Duration }): Promise<void> =>
      worker.stop(stopping).finally(() => workers.delete(worker));
    return { ...worker, stop, [Symbol.asyncDispose]: () => stop() };
  }

  async function close(): Promise<void> {
    await Promise.allSettled([...workers].map((worker) => worker.stop()));
    for (const end of observers) end();
    await client.close();
  }

  const observers = middleware.flatMap((one) => {
    const end = typeof one === "function" ? undefined : one.observe?.(client);
    return end === undefined ? [] : [end];
  });

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

/** The module of an isolated job is loaded in each isolate: what else it does is done there as well. */
function workerInIsolate(): InvalidOptionError {
  return new InvalidOptionError(
    "A module that has an isolated job starts a worker while it is loaded, and it is loaded once more in each isolate. " +
      "Move the jobs into a module that only defines them.",
  );
}

/** In milliseconds. */
function ageingOf(ageing: Duration | undefined, where: string): number | undefined {
  if (ageing === undefined) return undefined;
  const milliseconds = duration(ageing, `The ageing of ${where}`);
  if (milliseconds > 0) return milliseconds;
  throw new InvalidOptionError(`The ageing of ${where} is 0. Leave it out where runs are not to age.`);
}

/** Checked, its delay in milliseconds. */
function yieldingOf(given: WorkOptions["yieldTo"]): Yielding | undefined {
  if (given === undefined) return undefined;
  const where = "yieldTo of duckdive.work()";
  if (typeof given !== "object" || given === null)
    throw new InvalidOptionError(`${where} is no object. Use { delay: "20ms" }.`);
  checkOptions(given, ["delay", "least"], where);
  const delay = duration(given.delay, `The delay of ${where}`);
  if (delay === 0) throw new InvalidOptionError(`The delay of ${where} is 0. Use one such as "20ms".`);
  const { least = 1 } = given;
  if (!Number.isInteger(least) || least < 0)
    throw new InvalidOptionError(`The least of ${where} is no whole number from 0 up.`);
  return { delay, least };
}

function checkOpenOptions<Tx, Sync extends boolean>(options: OpenOptions<Tx, Sync>): void {
  checkOptions(options, openOptions, "open()");
  const { middleware = [], queues, log, onError, with: adapter } = options;
  if (queues !== undefined) checkQueues(queues, "open()");
  ageingOf(options.ageing, "open()");
  if (options.redact !== undefined) checkPaths(options.redact, "open()");
  for (const one of middleware) {
    if (typeof one === "function") continue;
    if (typeof one !== "object" || one === null)
      throw new InvalidOptionError(
        "open(): middleware has something in it that is neither a function nor { enqueue, execute, step, observe }.",
      );
    checkOptions(one, ["enqueue", "execute", "step", "observe"], "a middleware of open()");
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
