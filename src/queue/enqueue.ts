// Enqueue: from a job and its input to a run that is recorded.
//
// The way is short on purpose, since it is what an application pays for in the middle of a request: judge the input,
// put the request into the store's words, hand it over. The store lets calls that are made side by side share a
// commit, and the promise resolves after that commit. Middleware stands around the recording, when there is any.
// The synchronous form does the same before it returns, inside the application's own transaction.
//
// Before this file come the prepared input and the request. After it come the store's `insert` and the Run handle.
import { checkMeta, prepareInput, withCarried } from "../job/index.js";
import { decode, type Events, NotBuiltError } from "../kernel/index.js";
import type { Composed, EnqueueRequest } from "../middleware/index.js";
import type { RunEvents } from "../run/index.js";
import type { Inserted, NewBatch, NewRun } from "../store/contract.js";
import type { Access } from "./access.js";
import { connectionOf } from "./connection.js";
import { refuseCycles } from "./cycle.js";
import { IdConflictError, NotEnqueuedError, NotSynchronousError } from "./errors.js";
import { checkTags, type GivenOptions, newRunOf } from "./request.js";

/** A contract, as far as asking for a run needs it. */
type Asked = { readonly name: string };

/** A job, its input and what is said about the request. */
export interface Asking {
  readonly job: Asked;
  readonly input: unknown;
  readonly options: GivenOptions | undefined;
  /** Its id was made for this call. */
  readonly isFresh?: boolean;
}

/** What else is recorded with runs. */
interface Beside {
  /** Runs whose definition is not here; they come last. */
  readonly others?: readonly NewRun[];
  /** The batch that the runs are counted in. */
  readonly batch?: string;
  readonly batches?: readonly NewBatch[];
}

export interface EnqueueParts {
  readonly access: Access;
  readonly events: Events<RunEvents>;
  readonly around: Composed<EnqueueRequest> | undefined;
  readonly release: string | undefined;
  readonly adapter: { readonly connectionOf: (transaction: unknown) => unknown } | undefined;
}

export interface Enqueue {
  one(job: Asked, input: unknown, options: GivenOptions | undefined): Promise<Inserted>;
  /** All or none. */
  many(askings: readonly Asking[], transaction: unknown, beside?: Beside): Promise<Inserted[]>;
  sync(job: Asked, input: unknown, options: GivenOptions | undefined): Inserted;
}

export function createEnqueue(parts: EnqueueParts): Enqueue {
  const { access, events, around, release, adapter } = parts;
  const { store } = access;

  async function prepare({ job, input, options, isFresh }: Asking): Promise<NewRun> {
    const asked = withCarried(options);
    const prepared = prepareInput(job, input);
    const run = newRunOf(job, prepared instanceof Promise ? await prepared : prepared, asked, release);
    return isFresh ? { ...run, fresh: true } : run;
  }

  /** Records, and sees to what an id that was given may mean. */
  async function insert(
    runs: readonly NewRun[],
    transaction: unknown,
    batches?: readonly NewBatch[],
  ): Promise<Inserted[]> {
    if (transaction !== undefined) {
      access.refuseClosed();
      return store.insertIn(connectionOf(adapter, transaction), runs, batches);
    }
    const inserted = await store.insert(runs, batches);
    if (inserted.some(isKnownId(runs))) await checkJobs(runs, inserted);
    if (events.has("enqueued")) tell(runs, inserted);
    return inserted;
  }

  /** An id that was there before must be of the same job. */
  async function checkJobs(runs: readonly NewRun[], inserted: readonly Inserted[]): Promise<void> {
    const known = await store.find(inserted.filter(isKnownId(runs)).map(({ id }) => id));
    const jobs = new Map(known.map((run) => [run?.id, run?.job]));
    runs.forEach(({ job }, position) => {
      const id = inserted[position]?.id ?? "";
      const found = jobs.get(id);
      if (found !== undefined && found !== job) throw new IdConflictError({ runId: id, asked: job, found });
    });
  }

  function tell(runs: readonly NewRun[], inserted: readonly Inserted[]): void {
    runs.forEach(({ job, queue }, position) => {
      const { id: run, created } = at(inserted, position);
      events.emit("enqueued", { run, job, queue, created });
    });
  }

  return {
    async one(job, input, given) {
      const options = withCarried(given);
      const prepared = prepareInput(job, input);
      const run = newRunOf(job, prepared instanceof Promise ? await prepared : prepared, options, release);
      const opening = options?.tx === undefined ? access.opening() : undefined;
      if (opening !== undefined) await opening;
      if (around !== undefined)
        return throughMiddleware(around, run, (changed) => first(insert([changed], options?.tx)));
      if (options?.tx !== undefined || options?.id !== undefined || events.has("enqueued"))
        return first(insert([run], options?.tx));
      return at(await store.insert([run]), 0);
    },
    async many(askings, transaction, { others = [], batch, batches } = {}) {
      const asked = [...(await Promise.all(askings.map(prepare))), ...others];
      const runs = batch === undefined ? asked : asked.map((run) => ({ ...run, batch }));
      if (runs.length === 0 && batches === undefined) return [];
      refuseCycles(runs);
      if (transaction === undefined) await access.opening();
      return recordAll(around, runs, (changed) => insert(changed, transaction, batches));
    },
    sync(job, input, given) {
      const options = withCarried(given);
      const prepared = prepareInput(job, input);
      if (prepared instanceof Promise) {
        prepared.catch(() => {});
        throw new NotSynchronousError(
          `The input schema of job "${job.name}" is asynchronous, and enqueueSync cannot wait for it. Use enqueue, or a schema without asynchronous checks.`,
        );
      }
      if (store.insertInSync === undefined) {
        throw new NotBuiltError(
          `A store of kind "${store.kind}" has no synchronous transactions. Use enqueue.`,
        );
      }
      access.refuseClosed();
      const run = newRunOf(job, prepared, options, release);
      const connection = connectionOf(adapter, options?.tx);
      const insertNow = (changed: NewRun): Inserted =>
        at(store.insertInSync?.(connection, [changed]) ?? [], 0);
      if (around === undefined) return insertNow(run);
      return throughMiddlewareNow(around, run, insertNow, (error) =>
        events.emit("error", { error, where: "middleware around enqueueSync" }),
      );
    },
  };
}

/** Its id was recorded before. Another id in its place is the run that has its unique key. */
function isKnownId(runs: readonly NewRun[]): (inserted: Inserted, position: number) => boolean {
  return ({ id, created }, position) => !created && id === runs[position]?.id;
}

async function first(inserted: Promise<Inserted[]>): Promise<Inserted> {
  return at(await inserted, 0);
}

function at(inserted: readonly Inserted[], position: number): Inserted {
  const one = inserted[position];
  if (one === undefined) throw new RangeError("The store answered fewer runs than it was given.");
  return one;
}

/** A run and the request that middleware sees of it. */
function requestOf(run: NewRun): EnqueueRequest {
  return {
    id: run.id,
    job: run.job,
    queue: run.queue,
    input: run.input === undefined ? undefined : decode(run.input),
    tags: [...(run.tags ?? [])],
    meta: { ...run.meta },
  };
}

/** The run with what middleware added to its request. */
function changedBy({ tags, meta, job }: EnqueueRequest, run: NewRun): NewRun {
  const where = `a request for job "${job}", after its middleware,`;
  checkTags(tags, where);
  checkMeta(meta, where);
  return { ...run, tags, meta };
}

function notEnqueued(run: NewRun): NotEnqueuedError {
  return new NotEnqueuedError(
    `A middleware around enqueue ended without calling next(), so the run of job "${run.job}" was not recorded. ` +
      "Call next(), or throw an error that says why not.",
  );
}

async function throughMiddleware(
  around: Composed<EnqueueRequest>,
  run: NewRun,
  insert: (run: NewRun) => Promise<Inserted>,
): Promise<Inserted> {
  const request = requestOf(run);
  let inserted: Inserted | undefined;
  await around(request, async () => {
    inserted = await insert(changedBy(request, run));
  });
  if (inserted === undefined) throw notEnqueued(run);
  return inserted;
}

/** Records runs through the middleware that stands around it, if there is any. */
export function recordAll(
  around: Composed<EnqueueRequest> | undefined,
  runs: readonly NewRun[],
  insert: (runs: readonly NewRun[]) => Promise<Inserted[]>,
): Promise<Inserted[]> {
  return around === undefined ? insert(runs) : allThroughMiddleware(around, runs, insert);
}

/** Every request passes its own middleware, and all of them are recorded together once the last has reached its core. */
async function allThroughMiddleware(
  around: Composed<EnqueueRequest>,
  runs: readonly NewRun[],
  insert: (runs: readonly NewRun[]) => Promise<Inserted[]>,
): Promise<Inserted[]> {
  const changed: NewRun[] = [...runs];
  const recorded = deferred<Inserted[]>();
  recorded.promise.catch(() => {});
  const passing = runs.map((run, position) => {
    const request = requestOf(run);
    const reached = deferred<void>();
    let isReached = false;
    const passed = around(request, async () => {
      changed[position] = changedBy(request, run);
      isReached = true;
      reached.resolve();
      await recorded.promise;
    });
    passed.then(() => isReached || reached.reject(notEnqueued(run)), reached.reject);
    return { passed, reached: reached.promise };
  });
  try {
    await Promise.all(passing.map(({ reached }) => reached));
    recorded.resolve(await insert(changed));
  } catch (error) {
    recorded.reject(error);
    await Promise.allSettled(passing.map(({ passed }) => passed));
    throw error;
  }
  await Promise.all(passing.map(({ passed }) => passed));
  return recorded.promise;
}

/** Middleware that calls `next()` before its first await can stand around a recording that does not wait. */
function throughMiddlewareNow(
  around: Composed<EnqueueRequest>,
  run: NewRun,
  insert: (run: NewRun) => Inserted,
  onLateError: (error: unknown) => void,
): Inserted {
  const request = requestOf(run);
  let inserted: Inserted | undefined;
  let failure: { readonly error: unknown } | undefined;
  let isOver = false;
  const passed = around(request, async () => {
    if (isOver) return;
    try {
      inserted = insert(changedBy(request, run));
    } catch (error) {
      failure = { error };
      throw error;
    }
  });
  isOver = true;
  passed.catch((error: unknown) => {
    if (failure === undefined) onLateError(error);
  });
  if (failure !== undefined) throw failure.error;
  if (inserted !== undefined) return inserted;
  throw new NotSynchronousError(
    `A middleware around enqueue had not called next() when it first awaited, or ended without it, so enqueueSync of ` +
      `job "${run.job}" recorded nothing. Call next() before the first await, or use enqueue.`,
  );
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((settle, refuse) => {
    resolve = settle;
    reject = refuse;
  });
  return { promise, resolve, reject };
}
