// Looking through runs, and what stands beside them: pages, counts, queues, workers and what is known of jobs.
//
// A page goes on by the place of its last run, its moment and its id: runs recorded meanwhile neither repeat nor skip any.
// The moment is the time in the id, where there is one, and otherwise that of the request.

import type { State } from "../../job/index.js";
import { InvalidOptionError, isId } from "../../kernel/index.js";
import type { Definition, OpenVersion, QueueRow, RunFilter, RunPage, WorkerRow } from "../contract.js";
import { find } from "./hand.js";
import type { Session, Values } from "./session.js";
import { statements } from "./statements.js";
import {
  idList,
  jsonText,
  numberOf,
  optionalNumber,
  optionalText,
  textList,
  truthOf,
  withoutNul,
} from "./text.js";

function filterValues(filter: RunFilter): Values {
  const list = (values: readonly string[] | undefined): string | null =>
    values === undefined ? null : textList(values);
  return {
    ids: filter.ids === undefined ? null : idList(filter.ids),
    jobs: list(filter.jobs),
    queues: list(filter.queues),
    parents: filter.parents === undefined ? null : idList(filter.parents),
    states: list(filter.states),
    reasons: list(filter.reasons),
    waiting: list(filter.waiting),
    tags: list(filter.tags),
    meta: filter.meta === undefined ? null : jsonText(filter.meta),
    errors: list(filter.errors),
    text: filter.text === undefined ? null : withoutNul(filter.text),
    since: filter.since,
    until: filter.until,
  };
}

/** A page of the runs that fit, newest first. */
export async function list(
  session: Session,
  filter: RunFilter,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<RunPage> {
  const place = page.cursor === undefined ? beforeAll : placeOf(page.cursor);
  // One more than asked for: whether there is a next page.
  const values = { ...filterValues(filter), ...place, limit: page.limit + 1 };
  const rows = await session.ask(listStatement(filter), values);
  const shown = rows.slice(0, page.limit);
  const runs = await find(
    session,
    shown.map((row) => row[0] ?? ""),
  );
  const last = shown.at(-1);
  return {
    // One that was removed in between is left out.
    runs: runs.filter((run) => run !== undefined),
    next: rows.length > page.limit && last !== undefined ? `${last[1]}.${last[0]}` : undefined,
  };
}

/** The statement that looks only where runs that fit can be. */
function listStatement({ parents, states }: RunFilter): string {
  if (parents !== undefined) return statements.listChildren;
  if (states === undefined || states.includes("succeeded")) return statements.listRuns;
  if (states.length === 1 && states[0] === "running") return statements.listRunningRuns;
  if (states.length === 1 && states[0] === "waiting") return statements.listWaitingRuns;
  const unwell = states.filter((state) => state === "failed" || state === "cancelled").length;
  if (unwell === 0) return statements.listLiveRuns;
  return unwell === states.length ? statements.listUnwellRuns : statements.listRuns;
}

/** Where a page begins: before this moment and id; no id that begins with a time is at or above the ceiling. */
interface Place {
  readonly moment: number;
  readonly before: string;
  readonly ceiling: string;
}

const highestId = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const beforeAll: Place = { moment: Number.MAX_SAFE_INTEGER, before: highestId, ceiling: highestId };

function placeOf(cursor: string): Place {
  const [, time, before = ""] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(cursor) ?? [];
  if (time === undefined || !isId(before)) {
    throw new InvalidOptionError(`"${cursor}" is no cursor of a page. Pass the \`next\` of the page before.`);
  }
  const next = (Number(time) + 1).toString(16).padStart(12, "0");
  return {
    moment: Number(time),
    before,
    ceiling: `${next.slice(0, 8)}-${next.slice(8, 12)}-0000-0000-000000000000`,
  };
}

/** How many runs fit. */
export async function count(session: Session, filter: RunFilter): Promise<number> {
  const [row] = await session.ask(statements.countRuns, filterValues(filter));
  return numberOf(row?.[0]);
}

/** Runs by state. */
export async function countByState(session: Session): Promise<Record<State, number>> {
  const counts = { scheduled: 0, ready: 0, running: 0, waiting: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const [state, number] of await session.ask(statements.countStates)) {
    counts[state as State] += numberOf(number);
  }
  return counts;
}

type MutableQueue = { -readonly [Key in keyof QueueRow]: QueueRow[Key] };

/** The queues that have live runs, are paused, have slots set, or belong to a published job. */
export async function queues(session: Session): Promise<QueueRow[]> {
  const rows = new Map<string, MutableQueue>();
  for (const [name, state, number, oldest] of await session.ask(statements.queueCounts, {
    now: session.now(),
  })) {
    const queue = name ?? "";
    const row = rows.get(queue) ?? {
      name: queue,
      paused: false,
      scheduled: 0,
      ready: 0,
      running: 0,
      waiting: 0,
      oldest: undefined,
      heldUntil: undefined,
      slots: undefined,
    };
    rows.set(queue, row);
    if (state === "paused") row.paused = true;
    else if (state === "held") row.heldUntil = numberOf(number);
    else if (state === "slots") row.slots = numberOf(number);
    else if (state !== "known")
      row[state as "scheduled" | "ready" | "running" | "waiting"] = numberOf(number);
    if (oldest !== null && oldest !== undefined) row.oldest = numberOf(oldest);
  }
  return [...rows.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** The workers that are registered. */
export async function workers(session: Session): Promise<WorkerRow[]> {
  const rows = await session.ask(statements.workers);
  return rows.map(([id, host, pid, release, slots, startedAt, heartbeatAt, running, abilities, ...rest]) => ({
    id: id ?? "",
    host: host ?? "",
    pid: numberOf(pid),
    release: optionalText(release),
    abilities: JSON.parse(abilities ?? "[]"),
    queues: JSON.parse(slots ?? "{}"),
    startedAt: numberOf(startedAt),
    heartbeatAt: numberOf(heartbeatAt),
    running: numberOf(running),
    runner: optionalNumber(rest[0]),
    report: rest[1] === null || rest[1] === undefined ? undefined : JSON.parse(rest[1]),
  }));
}

/** Publishes what a worker has. */
export async function publish(session: Session, definitions: readonly Definition[]): Promise<void> {
  if (definitions.length === 0) return;
  // What is recorded with SQL alone makes no lane, and would wait a moment for the next promotion to make it.
  const lanes = definitions.map(({ queue, priority }) => ({ queue, priority }));
  await session.ask(statements.makeLanes, { lanes: jsonText(lanes) });
  await session.ask(statements.publish, { definitions: jsonText(definitions), now: session.now() });
}

/** Enough for people, and soon counted. */
const mostCounted = 400_000;

/** Runs that have not ended, by job and version. */
export async function versions(session: Session): Promise<OpenVersion[]> {
  const rows = await session.ask(statements.openVersions, { limit: mostCounted });
  return rows.map(([job, version, runs]) => ({
    job: job ?? "",
    version: numberOf(version),
    runs: numberOf(runs),
  }));
}

/** What workers published. */
export async function definitions(session: Session): Promise<Definition[]> {
  const rows = await session.ask(statements.definitions);
  return rows.map(
    ([job, version, queue, priority, attempts, prepared, description, crashes, events, redact]) => ({
      job: job ?? "",
      version: numberOf(version),
      queue: queue ?? "",
      priority: numberOf(priority),
      attempts: numberOf(attempts),
      prepared: truthOf(prepared),
      description: optionalText(description),
      crashes: optionalNumber(crashes),
      ...(events === null || events === undefined ? {} : { events: JSON.parse(events) }),
      ...(redact === null || redact === undefined ? {} : { redact: JSON.parse(redact) }),
    }),
  );
}
