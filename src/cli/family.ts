// The family of a run: the runs above it, up to the first, and those below it, as a tree.
//
// The tree is read level by level, and of a run only what is shown is kept: ten thousand tiles are nothing to be afraid of. What
// is more than can be looked through by a person is counted and not read.
//
// Before this file comes `show`. After it come the client's lists, and tree.ts, which draws.
import type { RunRecord, State } from "../job/index.js";
import { childId, originOf } from "../run/index.js";
import type { Entry } from "../store/contract.js";
import { remark } from "./runs-table.js";
import type { Session } from "./session.js";

/** So many runs are read, and no more. */
const mostRead = 20_000;
const page = 1_000;
const highest = 20;

/** What is shown of a run in its family. */
export interface Relative {
  readonly id: string;
  readonly job: string;
  readonly state: State;
}

/** A run below, with those below it. */
export interface Descendant extends Relative {
  /** The call of the run at the top that started it. */
  readonly call?: string;
  /** The one thing to be said of it in this state, to people: its times are relative. */
  readonly remark: string;
  readonly error?: { readonly name: string; readonly message: string };
  /** How long it took, in milliseconds. */
  readonly took?: number;
  readonly children: Descendant[];
}

export interface Family {
  /** The nearest first. */
  readonly parents: readonly Relative[];
  /** In the order in which they were asked for. */
  readonly children: readonly Descendant[];
  /** How many are there besides. */
  readonly leftOut: number;
}

type Lists = Pick<Session["duckdive"], "get" | "list" | "count">;

export async function familyOf(
  duckdive: Lists,
  run: RunRecord,
  entries: readonly Entry[],
  now: number,
): Promise<Family> {
  const [parents, below] = await Promise.all([
    parentsOf(duckdive, run),
    descendantsOf(duckdive, run.id, now),
  ]);
  return { parents, children: named(run.id, entries, below.children), leftOut: below.leftOut };
}

async function parentsOf(duckdive: Lists, { parent }: RunRecord): Promise<Relative[]> {
  const parents: Relative[] = [];
  let next = parent;
  while (next !== undefined && parents.length < highest) {
    const found = await duckdive.get(next);
    if (found === undefined) break;
    const { id, job, state } = found;
    parents.push({ id, job, state });
    next = found.parent;
  }
  return parents;
}

async function descendantsOf(
  duckdive: Lists,
  top: string,
  now: number,
): Promise<Pick<Family, "children" | "leftOut">> {
  const children: Descendant[] = [];
  const lists = new Map([[top, children]]);
  let level = [top];
  let room = mostRead;
  while (level.length > 0) {
    const { runs, isAll } = await readBelow(duckdive, level, room);
    for (const run of runs) {
      const own: Descendant[] = [];
      lists.get(run.parent ?? "")?.push(descendantOf(run, own, now));
      lists.set(run.id, own);
    }
    if (!isAll) return { children, leftOut: (await duckdive.count({ parent: level })) - runs.length };
    level = runs.map(({ id }) => id);
    room -= runs.length;
  }
  return { children, leftOut: 0 };
}

/** The children of these runs, as far as there is room, in the order in which they were asked for. */
async function readBelow(
  duckdive: Lists,
  parent: readonly string[],
  room: number,
): Promise<{ readonly runs: RunRecord[]; readonly isAll: boolean }> {
  const runs: RunRecord[] = [];
  let cursor: string | undefined;
  do {
    if (runs.length >= room) return { runs: runs.reverse(), isAll: false };
    const some = await duckdive.list({ parent }, { limit: Math.min(page, room - runs.length), cursor });
    for (const run of some.runs) runs.push({ ...run, input: undefined, output: undefined });
    cursor = some.cursor;
  } while (cursor !== undefined);
  return { runs: runs.reverse(), isAll: true };
}

function descendantOf(run: RunRecord, children: Descendant[], now: number): Descendant {
  const { id, job, state, startedAt, finishedAt } = run;
  const took =
    startedAt === undefined || finishedAt === undefined
      ? {}
      : { took: finishedAt.getTime() - startedAt.getTime() };
  const { error } = run;
  const failure = error === undefined ? {} : { error: { name: error.name, message: error.message } };
  return { id, job, state, remark: remark(run, now), ...failure, ...took, children };
}

/** With the calls that started them: a child's id is made of the name of its call. */
function named(run: string, entries: readonly Entry[], children: readonly Descendant[]): Descendant[] {
  const origin = originOf(run, entries);
  const calls = new Map<string, string>();
  for (const { name, kind } of entries) {
    if (kind === "child") calls.set(childId(origin, name), name);
    if (kind !== "children") continue;
    for (let number = 0; number < children.length; number++) calls.set(childId(origin, name, number), name);
  }
  return children.map((child) => {
    const call = calls.get(child.id);
    return call === undefined ? child : { ...child, call };
  });
}
