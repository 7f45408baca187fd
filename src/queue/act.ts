// Acting on many runs: cancel, retry, delete and change, by id, by ids, or by filter.
//
// A filter is walked in chunks, newest request first, and the place only moves to older runs: so no run is met twice, also
// when acting on one changes whether it matches. What comes into the filter meanwhile is left alone: what is asked for
// after the beginning, and what ends after it. Runs whose state the action cannot touch are not even read. Each chunk is
// durable before the next one is read, and leaves a cursor from which the same call goes on. Nothing acts on everything
// unless `{ all: true }` says so.
//
// Before this file come targets as an application writes them. After it come the store's verbs, in batches.
import { checkOptions, InvalidOptionError } from "../kernel/index.js";
import type { RunFilter, StoredRun } from "../store/contract.js";
import type { Access } from "./access.js";
import type { BulkOptions } from "./bulk-types.js";
import { type Place, placeIn, placeOf } from "./cursor.js";
import { filterOf, isEmptyFilter } from "./filter.js";
import type { Filter, Target } from "./types.js";

const chunkSize = 1_000;
/** The clock of a database is known to within this, in milliseconds: what was there at the beginning is never missed. */
const tolerance = 1_000;

/** One of the verbs. */
export interface Action {
  readonly verb: "cancel" | "retry" | "delete" | "change";
  /** The states in which it does something. */
  readonly states: NonNullable<RunFilter["states"]>;
  readonly apply: (ids: readonly string[]) => Promise<boolean[]>;
}

/** The next runs of a target, by id, and where those after them are; undefined: there are none. */
type Next = (at: string | undefined) => Promise<{ ids: string[]; next: string | undefined }>;

/** Acts, and answers on how many runs it did something; with `dryRun`, on how many it would. */
export async function act(
  access: Access,
  target: Target,
  action: Action,
  options: BulkOptions = {},
): Promise<number> {
  const where = `duckdive.${action.verb}()`;
  checkOptions(options, ["dryRun", "from", "onProgress", "signal"], `the options of ${where}`);
  const from = options.from === undefined ? undefined : placeOf(options.from, action.verb);
  const ids = idsOf(target, where);
  if (ids !== undefined) {
    await access.opening();
    if (options.dryRun === true) return countIds(access, ids, action);
    const began = from?.began ?? access.store.now();
    return walk(action, options, from ?? { began, done: 0, at: undefined }, nextOf(ids));
  }
  const given = conditions(target as Exclude<Target, string | readonly string[]>, where);
  filterOf(given, where, 0);
  await access.opening();
  const began = from?.began ?? access.store.now();
  const filter = narrowed(filterOf(given, where, began), action, began);
  if (filter === undefined) return 0;
  if (options.dryRun === true) return access.store.count(filter);
  return walk(action, options, from ?? { began, done: 0, at: undefined }, pagesOf(access, filter, began));
}

/** Goes through all of it, chunk by chunk. */
async function walk(action: Action, options: BulkOptions, from: Place, next: Next): Promise<number> {
  const { signal, onProgress } = options;
  let { done, at } = from;
  do {
    signal?.throwIfAborted();
    const chunk = await next(at);
    if (chunk.ids.length > 0) done += howMany(await action.apply(chunk.ids));
    at = chunk.next;
    const cursor = at === undefined ? undefined : placeIn({ ...from, done, at }, action.verb);
    onProgress?.({ done, cursor });
  } while (at !== undefined);
  return done;
}

function idsOf(target: Target, where: string): readonly string[] | undefined {
  if (typeof target === "string") return [target];
  if (!isIds(target)) return undefined;
  if (target.every((id) => typeof id === "string")) return [...new Set(target)];
  throw new InvalidOptionError(
    `${where} was given a list with something that is no id. Use a list of texts.`,
  );
}

function isIds(target: Target): target is readonly string[] {
  return Array.isArray(target);
}

function conditions(target: Exclude<Target, string | readonly string[]>, where: string): Filter {
  if (typeof target === "object" && target !== null && "all" in target) {
    if (target.all === true && Object.keys(target).length === 1) return {};
    throw new InvalidOptionError(
      `${where} was given \`all\` beside something else. Use { all: true }, or a filter.`,
    );
  }
  if (typeof target === "object" && target !== null && isEmptyFilter(target)) {
    throw new InvalidOptionError(
      `${where} was given a filter without a condition. If all runs are meant, say so: { all: true }.`,
    );
  }
  return target;
}

/** Those of the runs meant that can be acted upon and were there at the beginning. */
function narrowed(filter: RunFilter | undefined, { states }: Action, began: number): RunFilter | undefined {
  if (filter === undefined) return undefined;
  const wanted = states.filter((state) => filter.states?.includes(state) ?? true);
  if (wanted.length === 0) return undefined;
  const bound = began + tolerance;
  return { ...filter, states: wanted, until: Math.min(filter.until ?? bound, bound) };
}

function nextOf(ids: readonly string[]): Next {
  return async (at = "0") => {
    const start = Number(at);
    const end = start + chunkSize;
    return { ids: ids.slice(start, end), next: end < ids.length ? String(end) : undefined };
  };
}

function pagesOf({ store }: Access, filter: RunFilter, began: number): Next {
  const wasThere = ({ finishedAt }: StoredRun): boolean =>
    finishedAt === undefined || finishedAt < began + tolerance;
  return async (at) => {
    const { runs, next } = await store.list(filter, { limit: chunkSize, cursor: at });
    return { ids: runs.filter(wasThere).map(({ id }) => id), next };
  };
}

async function countIds({ store }: Access, ids: readonly string[], { states }: Action): Promise<number> {
  let count = 0;
  for (let start = 0; start < ids.length; start += chunkSize) {
    const runs = await store.find(ids.slice(start, start + chunkSize));
    count += runs.filter((run) => run !== undefined && states.includes(run.state)).length;
  }
  return count;
}

function howMany(done: readonly boolean[]): number {
  return done.filter(Boolean).length;
}
