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
import type { NewWorker, Pulse } from "../contract.js";
import { parseRoute } from "./claim.js";
import type { Sql } from "./driver.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { unpark } from "./unpark.js";

/** Enters a worker and what it has, and wakes what waited for that. */
export async function register(session: Session, worker: NewWorker): Promise<void> {
  const { id, host, pid, processStart, release, abilities } = worker;
  const versions = new Map(abilities.map((ability) => [ability.job, ability.version]));
  const has = (route: string): boolean => {
    const needed = parseRoute(route);
    return (versions.get(needed.job) ?? Number.NEGATIVE_INFINITY) >= needed.version;
  };
  await session.write((transaction) => {
    const { sql, found } = transaction;
    const now = session.clock.now();
    const queues = JSON.stringify(worker.queues);
    sql.run(statements.registerWorker, { id, host, pid, processStart, release, queues, now });
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
export async function heartbeat(session: Session, worker: string): Promise<Pulse> {
  return session.write(({ sql, found }) => {
    sql.run(statements.beat, { worker, now: session.clock.now() });
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
  return { alive, lost: [], cancelled: rows.map(([run, token, reason]) => ({ run, token, reason })) };
}

interface Peer {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly processStart: string | undefined;
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

  async findLost(): Promise<string[]> {
    const now = this.#monotonic();
    await this.#session.read((sql) => {
      const [version] = sql.get<[number]>("pragma data_version") ?? [];
      if (version === this.#version) return;
      this.#peers = readPeers(sql, this.#peers, now);
      this.#version = version;
    });
    return [...this.#peers.values()].filter((peer) => !this.#lives(peer, now)).map((peer) => peer.id);
  }

  #lives(peer: Peer, now: number): boolean {
    if (peer.host === this.#host) {
      if (!processLives(peer.pid, peer.processStart)) return false;
      // Where a system does not tell when a process began, the id may be another process's by now: see its heartbeat.
      if (peer.processStart !== undefined) return true;
    }
    return now - peer.seenAt < patienceWithOthers;
  }
}

function readPeers(sql: Sql, known: ReadonlyMap<string, Peer>, now: number): Map<string, Peer> {
  type Row = [id: string, host: string, pid: number, processStart: string | null, beats: number];
  const peers = new Map<string, Peer>();
  for (const [id, host, pid, processStart, beats] of sql.all<Row>(statements.peers)) {
    const before = known.get(id);
    const seenAt = before?.beats === beats ? before.seenAt : now;
    peers.set(id, { id, host, pid, processStart: processStart ?? undefined, beats, seenAt });
  }
  return peers;
}
