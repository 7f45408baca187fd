// Looking through runs: pages of them, and how many there are.
//
// A filter may fit one run in a million, and reading a million rows would stop the process for a second. So the
// table is walked in stretches of some ten thousand rows, newest first, and the process gets its turn after each. The
// filters people use most have an index to walk instead: ids, parents, one job, and the runs that ended otherwise than well.
// A page goes on by the place of its last run, so that runs recorded meanwhile neither repeat nor skip any.

import type { State } from "../../job/index.js";
import { InvalidOptionError } from "../../kernel/index.js";
import type { RunFilter, RunPage, StoredRun } from "../contract.js";
import type { Values } from "./driver.js";
import { readRuns } from "./hand.js";
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";

/** How many rows are looked at before the process gets its turn. */
const stretch = 10_000;
/** The same where texts must be read that may be long. */
const stretchOfTexts = 500;

function stretchFor({ text, errors }: RunFilter): number {
  return text === undefined && errors === undefined ? stretch : stretchOfTexts;
}

function filterValues(filter: RunFilter): Values {
  const list = (values: readonly string[] | undefined): string | null =>
    values === undefined ? null : listing(values);
  return {
    ids: list(filter.ids),
    jobs: list(filter.jobs),
    queues: list(filter.queues),
    parents: list(filter.parents),
    states: list(filter.states),
    reasons: list(filter.reasons),
    waiting: list(filter.waiting),
    tags: list(filter.tags),
    meta: filter.meta === undefined ? null : JSON.stringify(filter.meta),
    errors: list(filter.errors),
    text: filter.text,
    since: filter.since,
    until: filter.until,
    job: filter.jobs?.[0],
    state: filter.states?.[0],
  };
}

/** Live runs that are fewer than this are found by the index of their state. */
const fewLive = 20_000;

/**
 * The runs in the states of a filter, when none of those is an end and they are few: a handful that run among a million that
 * have ended. Undefined: they are many, and a walk from the newest on finds a page of them sooner.
 */
async function fewInStates(session: Session, { states = [], jobs }: RunFilter): Promise<string | undefined> {
  const isLive = states.length > 0 && !states.some((state) => endStates.has(state));
  if (!isLive || jobs?.length === 1) return undefined;
  const rows = await session.read((sql) =>
    sql.all<[number]>(statements.liveSeqs, { states: listing(states), limit: fewLive }),
  );
  return rows.length < fewLive ? JSON.stringify(rows.map(([seq]) => seq)) : undefined;
}

const endStates: ReadonlySet<State> = new Set<State>(["succeeded", "failed", "cancelled"]);

/** The statement whose index serves a filter best, and whether it must be walked in stretches. */
function listStatement(filter: RunFilter): { readonly sql: string; readonly inStretches: boolean } {
  if (filter.ids !== undefined) return { sql: statements.listRunsById, inStretches: false };
  if (filter.parents !== undefined) return { sql: statements.listChildren, inStretches: false };
  if (filter.waiting?.length === 1 && filter.waiting[0] === "preparation")
    return { sql: statements.listUnpreparedRuns, inStretches: false };
  const [state] = filter.states ?? [];
  if (filter.states?.length === 1 && (state === "failed" || state === "cancelled")) {
    return { sql: statements.listEndedRuns, inStretches: true };
  }
  if (filter.jobs?.length === 1) return { sql: statements.listRunsOfJob, inStretches: true };
  return { sql: statements.listRuns, inStretches: true };
}

/** A page of the runs that fit, newest first. */
export async function list(
  session: Session,
  filter: RunFilter,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<RunPage> {
  const indexed = listStatement(filter);
  const seqs = indexed.sql === statements.listRuns ? await fewInStates(session, filter) : undefined;
  const values = { ...filterValues(filter), seqs: seqs ?? null };
  const { sql: statement, inStretches } =
    seqs === undefined ? indexed : { sql: statements.listRunsOfSeqs, inStretches: false };
  const { newest, oldest } = await bounds(session);
  let before = page.cursor === undefined ? newest + 1 : placeOf(page.cursor);
  // One more than asked for: whether there is a next page.
  let missing = page.limit + 1;
  const runs: StoredRun[] = [];
  const places: number[] = [];
  while (missing > 0 && before > oldest) {
    const floor = inStretches ? Math.max(oldest, before - stretchFor(filter)) : oldest;
    const rows = await session.read((sql) => {
      const found = sql
        .all<[number]>(statement, { ...values, before, floor, limit: missing })
        .map((row) => row[0]);
      for (const run of readRuns(sql, found)) runs.push(run);
      return found;
    });
    places.push(...rows);
    missing -= rows.length;
    before = floor;
    if (missing > 0 && before > oldest) await turn();
  }
  if (runs.length <= page.limit) return { runs, next: undefined };
  return { runs: runs.slice(0, page.limit), next: String(places[page.limit - 1]) };
}

function placeOf(cursor: string): number {
  const place = Number(cursor);
  if (Number.isSafeInteger(place)) return place;
  throw new InvalidOptionError(`"${cursor}" is no cursor of a page. Pass the \`next\` of the page before.`);
}

async function bounds(session: Session): Promise<{ newest: number; oldest: number }> {
  return session.read((sql) => ({
    newest: sql.get<[number]>(statements.newestSeq)?.[0] ?? 0,
    oldest: sql.get<[number]>(statements.oldestSeq)?.[0] ?? 0,
  }));
}

/** How many runs fit. */
export async function count(session: Session, filter: RunFilter): Promise<number> {
  const values = filterValues(filter);
  const given = Object.values(filter).filter((part) => part !== undefined).length;
  if (given === 0) return session.read((sql) => sql.get<[number]>(statements.countAll)?.[0] ?? 0);
  if (filter.ids !== undefined) {
    return session.read((sql) => sql.get<[number]>(statements.countRunsById, values)?.[0] ?? 0);
  }
  if (filter.parents !== undefined) {
    return session.read((sql) => sql.get<[number]>(statements.countChildren, values)?.[0] ?? 0);
  }
  if (given === 1 && filter.states !== undefined) {
    const byState = await countByState(session);
    return [...new Set(filter.states)].reduce((sum, state) => sum + byState[state], 0);
  }
  const { newest, oldest } = await bounds(session);
  const step = stretchFor(filter);
  let sum = 0;
  for (let before = newest + 1; before > oldest; before -= step) {
    const range = { before, floor: Math.max(oldest, before - step) };
    sum += await session.read(
      (sql) => sql.get<[number]>(statements.countRuns, { ...values, ...range })?.[0] ?? 0,
    );
    await turn();
  }
  return sum;
}

/** Runs by state. Those that succeeded are what is left of all. */
export async function countByState(session: Session): Promise<Record<State, number>> {
  return session.read((sql) => {
    const counts = { scheduled: 0, ready: 0, running: 0, waiting: 0, succeeded: 0, failed: 0, cancelled: 0 };
    let others = 0;
    for (const [state, number] of sql.all<[State, number]>(statements.countStates)) {
      counts[state] = number;
      others += number;
    }
    counts.succeeded = (sql.get<[number]>(statements.countAll)?.[0] ?? 0) - others;
    return counts;
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
