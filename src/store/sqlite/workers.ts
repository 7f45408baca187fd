// Workers: who is registered, who has which job, who is asked to stop what, and who is dead.
//
// Death is told in two ways. On this host the process itself is looked at: gone is dead, there is alive, however late
// its heartbeat. A worker of another host is dead when its count of heartbeats has stood still for thirty seconds of
// this process's own monotonic time, so no clock that jumps can kill anybody. Asking is cheap: the list of workers is
// kept, and read again only when somebody else committed something (`PRAGMA data_version`) or this process did.
//
// Whoever is found dead is rescued by `upkeep.ts`: its runs go back and its row is removed, and should it come back
// it is told so by its heartbeat, its claims and every settlement.
import { processLives, thisHost } from "../../kernel/index.js";
import type {
  Death,
  DepartedWorker,
  Message,
  NewMessage,
  NewWorker,
  Pulse,
  WorkerReport,
} from "../contract.js";
import { type Corpse, causes, runnersFirst } from "../deaths.js";
import type { Sql } from "./driver.js";
import { parseRoute } from "./lanes.js";
import { readSlots } from "./routing.js";
import { listing, type Session } from "./session.js";
import { statements } from "./statements.js";
import { unpark } from "./unpark.js";

/** Enters a worker and what it has, and wakes what waited for that. */
export async function register(session: Session, worker: NewWorker): Promise<void> {
  const { id, host, pid, processStart, release, runner, abilities } = worker;
  const versions = new Map(abilities.map((ability) => [ability.job, ability.version]));
  const has = (route: string): boolean => {
    const needed = parseRoute(route);
    return (versions.get(needed.job) ?? Number.NEGATIVE_INFINITY) >= needed.version;
  };
  await session.write((transaction) => {
    const { sql, found } = transaction;
    const now = session.clock.now();
    const queues = JSON.stringify(worker.queues);
    sql.run(statements.registerWorker, { id, host, pid, processStart, release, runner, queues, now });
    sql.run(statements.deleteAbilities, { worker: id });
    for (const { job, version } of abilities) {
      sql.run(statements.insertAbility, { job, worker: id, version });
    }
    found.workers = true;
    for (const [route] of sql.all<[string]>(statements.waitsForWorker)) {
      if (has(route)) unpark(transaction, "worker", route, now);
    }
  });
}

/** Shows that the worker lives. */
export async function heartbeat(session: Session, worker: string, report?: WorkerReport): Promise<Pulse> {
  return session.write(({ sql, found }) => {
    const text = report === undefined ? null : JSON.stringify(report);
    sql.run(statements.beat, { worker, report: text, now: session.clock.now() });
    found.workers = true;
    return readPulse(sql, worker);
  });
}

/** The same answer without showing life. */
export async function pulse(session: Session, worker: string): Promise<Pulse> {
  return session.read((sql) => readPulse(sql, worker));
}

function readPulse(sql: Sql, worker: string): Pulse {
  const alive = sql.get(statements.workerExists, { worker }) !== undefined;
  type Row = [run: string, token: number, reason: string];
  const rows = sql.all<Row>(statements.cancelledOfWorker, { worker });
  const cancelled = rows.map(([run, token, reason]) => ({ run, token, reason }));
  return { alive, lost: [], cancelled, messages: readMessages(sql, worker), slots: readSlots(sql) };
}

function readMessages(sql: Sql, worker: string): Message[] {
  type Row = [id: string, name: string, payload: string | null, at: number];
  return sql
    .all<Row>(statements.messages, { worker })
    .map(([id, name, payload, at]) => ({ id, name, payload: payload ?? undefined, at }));
}

/** The worker has obeyed these messages. */
export async function heard(session: Session, worker: string, messages: readonly string[]): Promise<void> {
  if (messages.length === 0) return;
  await session.write(({ sql }) => {
    sql.run(statements.deleteMessages, { worker, messages: listing(messages) });
  });
}

/** Tells workers something. */
export async function tell(session: Session, messages: readonly NewMessage[]): Promise<number[]> {
  if (messages.length === 0) return [];
  return session.write(({ sql, found }) => {
    const now = session.clock.now();
    return messages.map(({ id, to, name, payload }) => {
      const [count = 0] = sql.get<[number]>(statements.countWorkers, { worker: to }) ?? [];
      sql.run(statements.tell, { message: id, worker: to, name, payload, now });
      if (count > 0) found.asked = true;
      return count;
    });
  });
}

/** The workers that are gone, newest first. */
export async function departed(session: Session, limit: number): Promise<DepartedWorker[]> {
  type Row = [string, string, number, string | null, number, number, number, ...Fate];
  type Fate = [how: DepartedWorker["how"], cause: string | null, lost: number, runs: string];
  const rows = await session.read((sql) => sql.all<Row>(statements.departed, { limit }));
  return rows.map(([id, host, pid, release, startedAt, heartbeatAt, endedAt, how, cause, lost, runs]) => ({
    id,
    host,
    pid,
    release: release ?? undefined,
    startedAt,
    heartbeatAt,
    endedAt,
    how,
    cause: cause ?? undefined,
    lost,
    runs: JSON.parse(runs),
  }));
}

interface Peer {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly processStart: string | undefined;
  readonly runner: number | undefined;
  readonly beats: number;
  /** When this process first saw that count, on its monotonic clock. */
  readonly seenAt: number;
}

/** How long the heartbeats of a worker elsewhere may stand still, in milliseconds. */
const patienceWithOthers = 30_000;

/** Finds the dead. Holds what it knows of the living between two questions. */
export class Morgue {
  readonly #session: Session;
  readonly #monotonic: () => number;
  readonly #host = thisHost().host;
  readonly #leaveToRunners = runnersFirst();
  #peers: ReadonlyMap<string, Peer> = new Map();
  #version: number | undefined;

  constructor(session: Session, monotonic: () => number) {
    this.#session = session;
    this.#monotonic = monotonic;
  }

  /** This process changed a worker's row: the list must be read again. */
  forget(): void {
    this.#version = undefined;
  }

  async findLost(): Promise<Death[]> {
    const now = this.#monotonic();
    await this.#session.read((sql) => {
      const [version] = sql.get<[number]>("pragma data_version") ?? [];
      if (version === this.#version) return;
      this.#peers = readPeers(sql, this.#peers, now);
      this.#version = version;
    });
    const dead = [...this.#peers.values()].flatMap((peer) => this.#corpseOf(peer, now) ?? []);
    return this.#leaveToRunners(dead, now);
  }

  /** Undefined: it lives. */
  #corpseOf({ id, host, pid, processStart, runner, seenAt }: Peer, now: number): Corpse | undefined {
    if (host === this.#host) {
      if (!processLives(pid, processStart)) return { id, cause: causes.process, runner };
      // Where a system does not tell when a process began, the id may be another process's by now: see its heartbeat.
      if (processStart !== undefined) return undefined;
    }
    return now - seenAt < patienceWithOthers ? undefined : { id, cause: causes.silence, runner: undefined };
  }
}

function readPeers(sql: Sql, known: ReadonlyMap<string, Peer>, now: number): Map<string, Peer> {
  type Row = [string, string, number, string | null, beats: number, runner: number | null];
  const peers = new Map<string, Peer>();
  for (const [id, host, pid, processStart, beats, runner] of sql.all<Row>(statements.peers)) {
    const before = known.get(id);
    const seenAt = before?.beats === beats ? before.seenAt : now;
    const kept = { processStart: processStart ?? undefined, runner: runner ?? undefined };
    peers.set(id, { id, host, pid, ...kept, beats, seenAt });
  }
  return peers;
}
