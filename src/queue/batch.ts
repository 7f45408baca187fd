// Batches: runs that are counted together, and jobs that are told when they are over.
//
// The store counts, and records the callbacks in the transaction that ends the last run; here a batch is only asked for. A
// callback is made without its input, which will be the counts: one whose job computes keys of its input is recorded as
// what a worker has to prepare first.
//
// Before this file come requests. After it come the enqueue and the store.
import {
  type AnyContract,
  isContract,
  partsOf,
  policyOf,
  type Request,
  UnknownBatchError,
} from "../job/index.js";
import { checkOptions, derivedId, InvalidOptionError, newId } from "../kernel/index.js";
import type { NewBatch, NewRun } from "../store/contract.js";
import type { Access } from "./access.js";
import type { Batch, BatchSummary } from "./batch-types.js";
import type { Asking, Enqueue } from "./enqueue.js";
import { checkId, type GivenOptions, idOf } from "./request.js";

/** The options of a batch as they come. */
export interface GivenBatchOptions {
  readonly name?: unknown;
  readonly onSuccess?: unknown;
  readonly onFinished?: unknown;
  readonly in?: unknown;
  readonly tx?: unknown;
}

export interface Batches {
  batch(requests: Iterable<Request>, options: GivenBatchOptions): Promise<Batch>;
  batchOf(id: string): Batch;
}

const longestName = 200;
const where = "duckdive.batch()";

export function createBatches(parts: {
  readonly access: Access;
  readonly enqueue: Enqueue;
  readonly release: string | undefined;
}): Batches {
  const { access, enqueue, release } = parts;

  function handleOf(id: string): Batch {
    return {
      id,
      async add(requests) {
        await enqueue.many(askingsOf(requests, "batch.add()"), undefined, { batch: id });
      },
      async summary() {
        await access.opening();
        const [batch] = await access.store.batches([id]);
        if (batch === undefined) throw new UnknownBatchError(id);
        const { name, total, succeeded, failed, cancelled } = batch;
        return { batchId: id, name, total, succeeded, failed, cancelled } satisfies BatchSummary;
      },
    };
  }

  function callbackOf(job: unknown, batch: string, option: "onSuccess" | "onFinished"): NewRun | undefined {
    if (job === undefined) return undefined;
    if (!isContract(job)) {
      throw new InvalidOptionError(
        `The ${option} of ${where} is no job. Use what job({ name, … }) gives back: a function would be lost with its process.`,
      );
    }
    return callback(job, derivedId(batch, `batch/${option}`), release);
  }

  return {
    async batch(requests, options) {
      checkOptions(options, ["name", "onSuccess", "onFinished", "in", "tx"], where);
      const id = newId();
      const batch: NewBatch = {
        id,
        name: nameFrom(options.name),
        onSuccess: callbackOf(options.onSuccess, id, "onSuccess"),
        onFinished: callbackOf(options.onFinished, id, "onFinished"),
        batch: options.in === undefined ? undefined : idOf(options.in, `The option \`in\` of ${where}`),
      };
      await enqueue.many(askingsOf(requests, where), options.tx, { batch: id, batches: [batch] });
      return handleOf(id);
    },
    batchOf(id) {
      checkId(id);
      return handleOf(id);
    },
  };
}

function nameFrom(name: unknown): string {
  if (typeof name === "string" && name !== "" && name.length <= longestName) return name;
  throw new InvalidOptionError(
    `${where} needs a name of 1 to ${longestName} characters, for people: { name: "import of May" }.`,
  );
}

/** Requests, put apart. */
export function askingsOf(requests: unknown, what: string): Asking[] {
  if (typeof requests !== "object" || requests === null || !(Symbol.iterator in requests)) {
    throw new InvalidOptionError(`${what} was given something that cannot be iterated. Use an array.`);
  }
  return [...(requests as Iterable<Request>)].map((request) => {
    const { contract, input, options } = partsOf(request);
    return { job: contract, input, options: options as GivenOptions | undefined };
  });
}

/** The run of a callback, whose input the store will know. */
function callback(job: AnyContract, id: string, release: string | undefined): NewRun {
  const { version, queue, priority, startWithin, finishWithin, rules } = policyOf(job);
  return {
    id,
    job: job.name,
    version,
    queue,
    priority,
    startWithin,
    finishWithin,
    release,
    waiting: rules === undefined ? undefined : "preparation",
  };
}
