// The client: the application's whole hand but its workers, put together from its parts.
//
// Each part knows one thing (asking, waiting, looking, acting) and this file knows which there are and how they share
// the store. What is typed and not done yet refuses by name. Workers are added by the composition root, because a
// process that only enqueues must not load what runs jobs.
//
// Before this file comes `open`. After it come the parts.
import {
  type Adapter,
  type AnyContract,
  type AnyJob,
  definitionOf,
  isContract,
  type Log,
  type Request,
} from "../job/index.js";
import { type Clock, checkOptions, type Events, InvalidOptionError, newId } from "../kernel/index.js";
import { composeEnqueue, type Middleware } from "../middleware/index.js";
import type { RunEvents } from "../run/index.js";
import type { Inserted, Store, PauseTarget as StoredPauseTarget } from "../store/contract.js";
import { createAccess } from "./access.js";
import { act } from "./act.js";
import { askingsOf as askingsFrom, createBatches, type GivenBatchOptions } from "./batch.js";
import type { Batch } from "./batch-types.js";
import type { BulkOptions } from "./bulk-types.js";
import { createEnqueueByName } from "./by-name.js";
import { changeOf } from "./change.js";
import { connectionOf } from "./connection.js";
import { messageOf } from "./control.js";
import { type Asking, createEnqueue } from "./enqueue.js";
import { ClosedError } from "./errors.js";
import { type BuildFlow, createFlow } from "./flow.js";
import { cancelledByApplication, type HandleParts, RunHandle } from "./handle.js";
import { createInspect } from "./inspect.js";
import { createOperations, resting } from "./operate.js";
import { createPublish } from "./publish.js";
import { createRedacted } from "./redacted.js";
import { checkId, type GivenOptions } from "./request.js";
import { createResults } from "./results.js";
import { createSend } from "./signal.js";
import { retryFrom } from "./steps.js";
import type { Duckdive, NamedRun, PauseTarget } from "./types.js";

export interface ClientParts {
  readonly store: Store;
  readonly clock: Clock;
  /** The jobs this process has: for what can be said of a run besides its record. */
  readonly jobs: ReadonlyMap<string, AnyJob>;
  readonly middleware: readonly Middleware[];
  readonly log: Log;
  readonly release: string | undefined;
  readonly events: Events<RunEvents>;
  readonly adapter?: Adapter<unknown, boolean> | undefined;
  /** What people are not shown of any job. */
  readonly redact?: readonly string[] | undefined;
}

/** Everything of `Duckdive` but `work` and schedules. */
export type Client<Tx = unknown, Sync extends boolean = false> = Omit<
  Duckdive<Tx, Sync>,
  "work" | "schedules" | "schedule"
>;

/** A client without the types of its adapter: what it is made of. */
type Bare = Omit<
  Client,
  "enqueue" | "enqueueMany" | "enqueueSync" | "enqueueByName" | "run" | "flow" | "batch"
> & {
  flow(build: BuildFlow, options?: { readonly tx?: unknown }): Promise<unknown>;
  batch(requests: Iterable<Request>, options: GivenBatchOptions): Promise<Batch>;
  enqueueByName(requests: unknown, options?: { readonly tx?: unknown }): Promise<NamedRun[]>;
  enqueue(job: AnyContract, input?: unknown, options?: GivenOptions): Promise<RunHandle>;
  enqueueMany(first: unknown, second?: unknown, third?: unknown): Promise<RunHandle[]>;
  enqueueSync(job: AnyContract, input?: unknown, options?: GivenOptions): RunHandle;
  run(job: AnyContract, id: string): RunHandle;
};

export function createClient<Tx = unknown, Sync extends boolean = false>(
  parts: ClientParts,
): Client<Tx, Sync> {
  const client: object = bareClient(parts);
  return client as Client<Tx, Sync>;
}

function bareClient(parts: ClientParts): Bare {
  const { store, clock, jobs, events, release, adapter } = parts;
  const access = createAccess(store);
  const enqueue = createEnqueue({
    access,
    events,
    release,
    adapter,
    around: composeEnqueue(parts.middleware),
  });
  const results = createResults({
    watch: (listener) => store.watch(listener),
    async find(ids) {
      await access.opening();
      return store.find(ids);
    },
  });
  const handles: HandleParts = { access, results, clock };
  const enqueueByName = createEnqueueByName({ access, enqueue, jobs, release });
  const publish = createPublish({ access, enqueue, jobs, release });
  const hand = (job: AnyContract | undefined, { id, created }: Inserted, transaction: unknown): RunHandle =>
    new RunHandle(handles, job, { id, created, isInTransaction: transaction !== undefined });

  const inspect = createInspect(access, jobs, clock);

  async function close(): Promise<void> {
    results.close(new ClosedError("Nothing can be waited for any more"));
    await access.close();
  }

  return {
    async enqueue(job, input, options) {
      return hand(job, await enqueue.one(job, input, options), options?.tx);
    },
    async enqueueMany(first, second, third) {
      const { askings, transaction } = askingsOf(first, second, third);
      const inserted = await enqueue.many(askings, transaction);
      return inserted.map((one, position) => hand(askings[position]?.job as AnyContract, one, transaction));
    },
    enqueueSync(job, input, options) {
      return hand(job, enqueue.sync(job, input, options), true);
    },
    async enqueueByName(requests, options) {
      const recorded = await enqueueByName(requests, options);
      return recorded.map(({ isChecked, hint, ...one }) => {
        const run = hand(one.job, one, options?.tx);
        return { run, isChecked, ...(hint === undefined ? {} : { hint }) };
      });
    },
    async publish(event, payload, options) {
      const runs = await publish(event, payload, options);
      return runs.map((one) => hand(one.job, one, options?.tx));
    },
    flow: createFlow({
      enqueue,
      hand: (job, id) => new RunHandle(handles, job, { id, created: false, isInTransaction: true }),
    }),
    ...createBatches({ access, enqueue, release }),
    signal: createSend({ access, store, connectionOf: (transaction) => connectionOf(adapter, transaction) }),
    run(job, id) {
      definitionOf(job);
      checkId(id);
      return new RunHandle(handles, job, { id, created: false, isInTransaction: false });
    },
    ...inspect,
    redacted: createRedacted({
      inspect,
      jobs,
      redact: parts.redact,
      async definitions() {
        await access.opening();
        return store.definitions();
      },
    }),
    ...createOperations({ access, clock, jobs, queues: inspect.queues }),
    cancel(target, reason = cancelledByApplication, options) {
      const apply = (ids: readonly string[]) => store.cancel(ids, reason);
      return act(access, target, { verb: "cancel", states: [...resting, "running"], apply }, options);
    },
    async retry(target, options: BulkOptions = {}) {
      // A single run is done in one chunk, so there is no place in it from which to go on.
      if (typeof target === "string" && options.from !== undefined)
        return retryFrom(access, target, options.from);
      const apply = (ids: readonly string[]) => store.retry(ids);
      return act(access, target, { verb: "retry", states: ["failed", "cancelled"], apply }, options);
    },
    delete(target, options) {
      const states = [...resting, "succeeded", "failed", "cancelled"] as const;
      const apply = (ids: readonly string[]) => store.remove(ids);
      return act(access, target, { verb: "delete", states, apply }, options);
    },
    async change(target, change, options) {
      const changed = changeOf(change);
      const apply = (ids: readonly string[]) => store.change(ids, changed);
      return act(access, target, { verb: "change", states: resting, apply }, options);
    },
    async pause(target) {
      const stored = pauseTargetOf(target, "duckdive.pause()");
      await access.opening();
      await store.pause(stored);
    },
    async resume(target) {
      const stored = pauseTargetOf(target, "duckdive.resume()");
      await access.opening();
      await store.resume(stored);
    },
    async tell(worker, command) {
      if (typeof worker !== "string" || worker === "") {
        throw new InvalidOptionError(
          'duckdive.tell() needs to know whom: the id of a worker, as duckdive.workers() has it, or "all".',
        );
      }
      const message = messageOf(command, "duckdive.tell()");
      await access.opening();
      const to = worker === "all" ? undefined : worker;
      const [count = 0] = await store.tell([{ id: newId(), to, ...message }]);
      return count;
    },
    on: (event, listener) => events.on(event, listener),
    changes: (listener) => store.watch(({ origin, ended }) => listener({ origin, ended })),
    async ready() {
      await access.opening();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The two forms of enqueueMany: a job, inputs and options; or requests made by `.with`, and a transaction. */
function askingsOf(
  first: unknown,
  second: unknown,
  third: unknown,
): { askings: Asking[]; transaction: unknown } {
  if (isContract(first)) {
    const options = optionsOf(third);
    if (options?.id !== undefined) {
      throw new InvalidOptionError(
        "enqueueMany was given one id for many runs. Use job.with(input, { id }) for each, and enqueueMany(requests).",
      );
    }
    const askings = listOf(second, "enqueueMany(job, inputs)").map((input) => ({
      job: first,
      input,
      options,
    }));
    return { askings, transaction: options?.tx };
  }
  const options = optionsOf(second);
  if (options !== undefined) checkOptions(options, ["tx"], "enqueueMany(requests)");
  return { askings: askingsFrom(first, "enqueueMany(requests)"), transaction: options?.tx };
}

function optionsOf(value: unknown): GivenOptions | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "object" && value !== null) return value;
  throw new InvalidOptionError(
    'The options of enqueueMany are no object. Use one such as { tags: ["import"] }.',
  );
}

function listOf(value: unknown, what: string): unknown[] {
  if (typeof value === "object" && value !== null && Symbol.iterator in value)
    return [...(value as Iterable<unknown>)];
  throw new InvalidOptionError(`${what} was given something that cannot be iterated. Use an array.`);
}

function pauseTargetOf(target: PauseTarget, where: string): StoredPauseTarget {
  if (typeof target === "string") return { queue: target };
  if (typeof target === "object" && target !== null) {
    checkOptions(target, ["queue", "job"], `the target of ${where}`);
    if ("queue" in target && typeof target.queue === "string" && !("job" in target))
      return { queue: target.queue };
    if ("job" in target && !("queue" in target)) {
      if (isContract(target.job)) return { job: target.job.name };
      if (typeof target.job === "string") return { job: target.job };
    }
  }
  throw new InvalidOptionError(`${where} needs one thing: a queue, such as "mail", or { job: "welcome" }.`);
}
