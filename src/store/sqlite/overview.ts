// What stands beside the runs, for people: queues, workers, and what is known of jobs.
//
// Workers publish their definitions here, so that a caller without JavaScript can record a run with the right queue
// and priority, and so that people see what exists. In a rolling deploy an old worker does not overwrite a new one.
import type { Ability, Definition, OpenVersion, QueueRow, WorkerRow } from "../contract.js";
import { heldQueues, pausesOf } from "./lanes.js";
import { readSlots } from "./routing.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";

type LiveState = "scheduled" | "ready" | "running" | "waiting";
type MutableQueue = { -readonly [Key in keyof QueueRow]: QueueRow[Key] };

/** The queues that have live runs, are paused, have slots that were set, or belong to a published job. */
export async function queues(session: Session): Promise<QueueRow[]> {
  return session.read((sql) => {
    const rows = new Map<string, MutableQueue>();
    const paused = pausesOf(sql, "queue");
    const held = heldQueues(sql, session.clock.now());
    const slots = readSlots(sql);
    const rowOf = (name: string): MutableQueue => {
      const known = rows.get(name);
      if (known !== undefined) return known;
      const counts = { scheduled: 0, ready: 0, running: 0, waiting: 0 };
      const row = {
        name,
        paused: paused.has(name),
        ...counts,
        oldest: undefined,
        heldUntil: held.get(name),
        slots: slots[name],
      };
      rows.set(name, row);
      return row;
    };
    for (const [queue, state, number] of sql.all<[string, LiveState, number]>(statements.queueCounts)) {
      rowOf(queue)[state] += number;
    }
    for (const [queue, , , oldest] of sql.all<[string, number, string, number]>(statements.lanes)) {
      const row = rowOf(queue);
      row.oldest = Math.min(row.oldest ?? oldest, oldest);
    }
    for (const [queue, oldest] of sql.all<[string, number]>(statements.oldestFair)) {
      const row = rowOf(queue);
      row.oldest = Math.min(row.oldest ?? oldest, oldest);
    }
    for (const queue of [...paused, ...held.keys(), ...Object.keys(slots)]) rowOf(queue);
    for (const row of sql.all<DefinitionRow>(statements.definitions)) rowOf(row[2]);
    return [...rows.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  });
}

/** The workers that are registered. */
export async function workers(session: Session): Promise<WorkerRow[]> {
  type Row = [string, string, number, string | null, string, number, number, number, ...Rest];
  type Rest = [runner: number | null, report: string | null];
  return session.read((sql) => {
    const abilities = new Map<string, Ability[]>();
    for (const [worker, job, version] of sql.all<[string, string, number]>(statements.abilities)) {
      const some = abilities.get(worker);
      if (some === undefined) abilities.set(worker, [{ job, version }]);
      else some.push({ job, version });
    }
    return sql
      .all<Row>(statements.workers)
      .map(([id, host, pid, release, slots, startedAt, heartbeatAt, running, runner, report]) => ({
        id,
        host,
        pid,
        release: release ?? undefined,
        abilities: abilities.get(id) ?? [],
        queues: JSON.parse(slots),
        startedAt,
        heartbeatAt,
        running,
        runner: runner ?? undefined,
        report: report === null ? undefined : JSON.parse(report),
      }));
  });
}

/** Enough for people, and soon counted. */
const mostCounted = 100_000;

/** Runs that have not ended, by job and version. */
export async function versions(session: Session): Promise<OpenVersion[]> {
  const rows = await session.read((sql) =>
    sql.all<[string, number, number]>(statements.openVersions, { limit: mostCounted }),
  );
  return rows.map(([job, version, runs]) => ({ job, version, runs }));
}

/** Publishes what a worker has. */
export async function publish(session: Session, definitions: readonly Definition[]): Promise<void> {
  if (definitions.length === 0) return;
  await session.write(({ sql }) => {
    for (const { job, version, queue, priority, attempts, crashes, ...rest } of definitions) {
      const { prepared, description, events = [], redact = [] } = rest;
      const values = { job, version, queue, priority, attempts, crashes, description };
      sql.run(statements.publishDefinition, {
        ...values,
        prepared: prepared ? 1 : 0,
        events: events.length === 0 ? null : JSON.stringify(events),
        redact: redact.length === 0 ? null : JSON.stringify(redact),
        now: session.clock.now(),
      });
    }
  });
}

type DefinitionRow = [
  job: string,
  version: number,
  queue: string,
  priority: number,
  attempts: number,
  prepared: number,
  description: string | null,
  crashes: number | null,
  events: string | null,
  redact: string | null,
];

/** What workers published. */
export async function definitions(session: Session): Promise<Definition[]> {
  const rows = await session.read((sql) => sql.all<DefinitionRow>(statements.definitions));
  return rows.map(
    ([job, version, queue, priority, attempts, prepared, description, crashes, events, redact]) => ({
      job,
      version,
      queue,
      priority,
      attempts,
      prepared: prepared === 1,
      description: description ?? undefined,
      crashes: crashes ?? undefined,
      ...(events === null ? {} : { events: JSON.parse(events) }),
      ...(redact === null ? {} : { redact: JSON.parse(redact) }),
    }),
  );
}
