// Acting on many runs: cancel, retry and delete, by id, by ids, or by filter.
//
// A filter is walked page by page, newest first, and the cursor only moves to older runs, so no run is met twice,
// also when acting on one changes whether it matches, and those that come meanwhile are left alone. Runs whose state
// the action cannot touch are not even read. Nothing acts on everything unless `{ all: true }` says so.
//
// Before this file come targets as an application writes them. After it come the store's verbs, in batches.
import { InvalidOptionError } from "../kernel/index.js";
import type { RunFilter } from "../store/contract.js";
import type { Access } from "./access.js";
import { filterOf, isEmptyFilter } from "./filter.js";
import type { Filter, Target } from "./types.js";

const pageSize = 500;

/** One of the three verbs. */
export interface Action {
  /** For messages: `duckdive.cancel()`. */
  readonly where: string;
  /** The states in which it does something. */
  readonly states: NonNullable<RunFilter["states"]>;
  readonly apply: (ids: readonly string[]) => Promise<boolean[]>;
}

/** Acts, and answers on how many runs it did something. */
export async function act(access: Access, target: Target, action: Action): Promise<number> {
  const { where } = action;
  if (typeof target === "string") return onIds(access, [target], action);
  if (isIds(target)) {
    if (!target.every((id) => typeof id === "string"))
      throw new InvalidOptionError(
        `${where} was given a list with something that is no id. Use a list of texts.`,
      );
    return onIds(access, [...new Set(target)], action);
  }
  const filter = filterOf(conditions(target, where), where);
  await access.opening();
  return filter === undefined ? 0 : onFilter(access, filter, action);
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

async function onIds(access: Access, ids: readonly string[], { apply }: Action): Promise<number> {
  await access.opening();
  let count = 0;
  for (let start = 0; start < ids.length; start += pageSize)
    count += howMany(await apply(ids.slice(start, start + pageSize)));
  return count;
}

async function onFilter(access: Access, given: RunFilter, { states, apply }: Action): Promise<number> {
  const wanted = states.filter((state) => given.states?.includes(state) ?? true);
  if (wanted.length === 0) return 0;
  const filter = { ...given, states: wanted };
  let count = 0;
  let cursor: string | undefined;
  do {
    const page = await access.store.list(filter, { limit: pageSize, cursor });
    if (page.runs.length > 0) count += howMany(await apply(page.runs.map(({ id }) => id)));
    cursor = page.next;
  } while (cursor !== undefined);
  return count;
}

function howMany(done: readonly boolean[]): number {
  return done.filter(Boolean).length;
}
