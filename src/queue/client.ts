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
  partsOf,
  type Request,
} from "../job/index.js";
import {
  type Clock,
  checkOptions,
  type Events,
  InvalidOptionError,
  NotBuiltError,
  newId,
} from "../kernel/index.js";
import { composeEnqueue, type Middleware } from "../middleware/index.js";
import type { RunEvents } from "../run/index.js";
import type { Inserted, Store, PauseTarget as StoredPauseTarget } from "../store/contract.js";
import { createAccess } from "./access.js";
import { act } from "./act.js";
import { changeOf } from "./change.js";
import { messageOf } from "./control.js";
import { type Asking, createEnqueue } from "./enqueue.js";
import { ClosedError } from "./errors.js";
import { cancelledByApplication, type HandleParts, RunHandle } from "./handle.js";
import { createInspect } from "./inspect.js";
import { createOperations, resting } from "./operate.js";
import { createPublish } from "./publish.js";
import { checkId, type GivenOptions, refuseUnbuilt } from "./request.js";
import { createResults } from "./results.js";
import type { Duckdive, PauseTarget } from "./types.js";

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
}

/** Everything of `Duckdive` but `work` and schedules. */
export type Client<Tx = unknown, Sync extends boolean = false> = Omit<
  Duckdive<Tx, Sync>,
  "work" | "schedules" | "schedule"
>;

/** A client without the types of its adapter: what it is made of. */
type Bare = Omit<Client, "enqueue" | "enqueueMany" | "enqueueSync" | "run"> & {
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
  for (const job of jobs.values()) refuseUnbuilt(job);
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
    async publish(event, payload, options) {
      const runs = await publish(event, payload, options);
      return runs.map((one) => hand(one.job, one, options?.tx));
    },
    flow: () => refuse("flow()", "enqueue the later run from the handler of the earlier one"),
    batch: () => refuse("batch()", "use enqueueMany, and count with duckdive.count({ tag })"),
    signal: () => refuse("signal()", "enqueue a run that carries the message"),
    run(job, id) {
      definitionOf(job);
      checkId(id);
      return new RunHandle(handles, job, { id, created: false, isInTransaction: false });
    },
    ...inspect,
    ...createOperations({ access, clock, jobs, queues: inspect.queues }),
    cancel(target, reason = cancelledByApplication, options) {
      const apply = (ids: readonly string[]) => store.cancel(ids, reason);
      return act(access, target, { verb: "cancel", states: [...resting, "running"], apply }, options);
    },
    retry(target, options) {
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
  const askings = listOf(first, "enqueueMany(requests)").map((request) => {
    const { contract, input, options: own } = partsOf(request as Request);
    return { job: contract, input, options: own };
  });
  return { askings, transaction: options?.tx };
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

function refuse(what: string, instead: string): Promise<never> {
  return Promise.reject(new NotBuiltError(`This version of duckdive does not do ${what} yet: ${instead}.`));
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
