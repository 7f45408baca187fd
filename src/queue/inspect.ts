// Looking: runs by id and by filter, what happened to one, why it is where it is, queues and workers.
//
// Everything here reads and nothing decides. Times become Dates on the way out.
//
// Before this file come the application's questions. After it comes the store's hand.

import type { RunRecord, State } from "../job/index.js";
import { type Clock, checkOptions, InvalidOptionError, isId } from "../kernel/index.js";
import type { RunFilter, StoredRun } from "../store/contract.js";
import type { Access } from "./access.js";
import { RunNotFoundError } from "./errors.js";
import { explainRun } from "./explain/index.js";
import { gatherFacts } from "./facts.js";
import { filterOf } from "./filter.js";
import { jobStates } from "./jobs.js";
import { recordOf } from "./record.js";
import { readSteps, type Step } from "./steps.js";
import type {
  BatchState,
  DepartedState,
  Filter,
  JobState,
  Listing,
  ListOptions,
  Page,
  QueueState,
  Timeline,
  WorkerState,
} from "./types.js";

const mostOnPage = 1_000;
const usualPage = 100;

export interface Inspect {
  get(id: string): Promise<RunRecord | undefined>;
  list(filter?: Filter, options?: ListOptions): Listing;
  count(filter?: Filter): Promise<number>;
  stats(): Promise<Readonly<Record<State, number>>>;
  timeline(id: string): Promise<Timeline>;
  steps(id: string): Promise<Step[]>;
  explain(id: string): Promise<string[]>;
  queues(): Promise<QueueState[]>;
  jobs(): Promise<JobState[]>;
  workers(): Promise<WorkerState[]>;
  departed(options?: { limit?: number }): Promise<DepartedState[]>;
  batches(options?: { limit?: number; before?: string }): Promise<BatchState[]>;
}

export function createInspect(access: Access, jobs: ReadonlyMap<string, object>, clock: Clock): Inspect {
  const { store } = access;

  async function find(id: string): Promise<StoredRun> {
    await access.opening();
    const [run] = await store.find([id]);
    if (run === undefined) throw new RunNotFoundError(id);
    return run;
  }

  async function readPage(
    filter: RunFilter | undefined,
    limit: number,
    cursor: string | undefined,
  ): Promise<Page> {
    if (filter === undefined) return { runs: [], cursor: undefined };
    await access.opening();
    const { runs, next } = await store.list(filter, { limit, cursor });
    return { runs: runs.map(recordOf), cursor: next };
  }

  return {
    async get(id) {
      await access.opening();
      const [run] = await store.find([id]);
      return run === undefined ? undefined : recordOf(run);
    },
    list(filter = {}, options = {}) {
      const wanted = filterOf(filter, "duckdive.list()", store.now());
      const limit = limitOf(options, ["limit", "cursor"], "duckdive.list()");
      return listing((cursor) => readPage(wanted, limit, cursor), options.cursor);
    },
    async count(filter = {}) {
      await access.opening();
      const wanted = filterOf(filter, "duckdive.count()", store.now());
      return wanted === undefined ? 0 : store.count(wanted);
    },
    async stats() {
      await access.opening();
      return store.countByState();
    },
    async timeline(id) {
      await find(id);
      const { events, logs } = await store.timeline(id);
      return { events: events.map(dated), logs: logs.map(dated) };
    },
    steps: (id) => readSteps(access, id),
    async explain(id) {
      const run = await find(id);
      return explainRun(await gatherFacts({ store, clock, run, jobs }));
    },
    async queues() {
      await access.opening();
      const queues = await store.queues();
      return queues.map(({ oldest, heldUntil, ...queue }) => ({
        ...queue,
        oldest: oldest === undefined ? undefined : new Date(oldest),
        heldUntil: heldUntil === undefined ? undefined : new Date(heldUntil),
      }));
    },
    async jobs() {
      await access.opening();
      return jobStates(await store.definitions(), jobs);
    },
    async workers() {
      await access.opening();
      const workers = await store.workers();
      return workers.map(({ startedAt, heartbeatAt, ...worker }) => ({
        ...worker,
        startedAt: new Date(startedAt),
        heartbeatAt: new Date(heartbeatAt),
      }));
    },
    async departed(options = {}) {
      const limit = limitOf(options, ["limit"], "duckdive.departed()");
      await access.opening();
      const departed = await store.departed(limit);
      return departed.map(({ startedAt, heartbeatAt, endedAt, ...worker }) => ({
        ...worker,
        startedAt: new Date(startedAt),
        heartbeatAt: new Date(heartbeatAt),
        endedAt: new Date(endedAt),
      }));
    },
    async batches(options = {}) {
      const limit = limitOf(options, ["limit", "before"], "duckdive.batches()");
      const { before } = options;
      if (before !== undefined && !isId(before))
        throw new InvalidOptionError(
          `The before of duckdive.batches() is "${before}". Use the id of a batch.`,
        );
      await access.opening();
      const batches = await store.listBatches({ limit, before });
      return batches.map(({ createdAt, finishedAt, succeededAt, ...batch }) => ({
        ...batch,
        createdAt: new Date(createdAt),
        finishedAt: finishedAt === undefined ? undefined : new Date(finishedAt),
        succeededAt: succeededAt === undefined ? undefined : new Date(succeededAt),
      }));
    },
  };
}

function limitOf(options: { limit?: number }, allowed: readonly string[], where: string): number {
  checkOptions(options, allowed, `the options of ${where}`);
  const { limit = usualPage } = options;
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostOnPage) return limit;
  throw new InvalidOptionError(
    `The limit of ${where} is ${limit}. Use a whole number from 1 to ${mostOnPage}.`,
  );
}

/** One page when awaited, all of them when iterated; nothing is read before either. */
function listing(read: (cursor: string | undefined) => Promise<Page>, start: string | undefined): Listing {
  return {
    // biome-ignore lint/suspicious/noThenProperty: a listing is awaited for its page
    then: (onPage, onError) => read(start).then(onPage, onError),
    async *[Symbol.asyncIterator]() {
      let cursor = start;
      do {
        const page = await read(cursor);
        yield* page.runs;
        cursor = page.cursor;
      } while (cursor !== undefined);
    },
  };
}

function dated<Line extends { readonly at: number }>(line: Line): Omit<Line, "at"> & { readonly at: Date } {
  return { ...line, at: new Date(line.at) };
}
