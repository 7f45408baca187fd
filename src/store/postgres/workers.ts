// Workers: who is there, and who is dead.
//
// Death is told in three ways. On this host the process itself is looked at: gone is dead, there is alive. A worker of
// another host that said it holds a lock with its connection is dead when that lock is free at two looks with a moment
// between them, so that a connection which is being made anew kills nobody. And whoever's count of heartbeats has stood
// still for thirty seconds of this process's own monotonic time is dead, whatever the clocks say. Of this host only when
// its lock has been free for as long: a copy of a database names workers that live, and work for the other.
//
// Looking costs a statement. While no other worker holds anything there is nobody to rescue, and looks are rare, until a
// notice from elsewhere comes or a heartbeat is told that others execute something, or have fallen silent.
import { processLives, thisHost } from "../../kernel/index.js";
import type { Death, DepartedWorker, NewMessage, NewWorker, Pulse, WorkerReport } from "../contract.js";
import { type Corpse, causes, runnersFirst } from "../deaths.js";
import { Findings } from "../findings.js";
import type { Claims, Loss } from "./claim.js";
import type { Row, Text } from "./driver.js";
import type { Gates } from "./gates.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import {
  jsonText,
  listOf,
  numberOf,
  optionalNumber,
  optionalText,
  plainList,
  textList,
  truthOf,
} from "./text.js";

/** Enters a worker; answers the lock by which its connection may show that it lives. */
export async function register(
  session: Session,
  claims: Claims,
  worker: NewWorker,
  tell: (found: Findings) => void,
): Promise<string> {
  const { id, host, pid, processStart, release, runner, queues, abilities } = worker;
  claims.loseAll(id);
  const asked = { id, host, pid, process_start: processStart, release, runner, queues, abilities };
  const [row] = await session.ask(statements.register, { worker: jsonText(asked), now: session.now() });
  const found = new Findings();
  found.claimable = true;
  tell(found);
  return row?.[0] ?? "0";
}

/** Shows that the worker lives, or with `pulse` only asks. */
export async function heartbeat(
  session: Session,
  claims: Claims,
  { worker, report }: { readonly worker: string; readonly report: WorkerReport | undefined },
  statement: typeof statements.heartbeat | typeof statements.pulse,
  { tell, gates }: { readonly tell: (found: Findings) => void; readonly gates: Gates },
): Promise<Pulse & { readonly databaseTime: number; readonly mayHaveDied: boolean }> {
  const own = claims.ofWorker(worker);
  const [row] = await session.ask(statement, {
    worker,
    report: report === undefined ? null : jsonText(report),
    claims: plainList(own),
    now: session.now(),
  });
  const alive = truthOf(row?.[0]);
  if (!alive) claims.loseAll(worker);
  if (await giveBack(session, claims, worker, listOf(row?.[4]), gates)) {
    const found = new Findings();
    found.claimable = true;
    tell(found);
  }
  return {
    alive,
    cancelled: JSON.parse(row?.[1] ?? "[]"),
    lost: alive
      ? [
          ...(await writeLost(session, claims, worker, listOf(row?.[2]))),
          ...(await supersededOf(session, claims, worker)),
        ]
      : [],
    messages: messagesIn(row?.[5]),
    slots: JSON.parse(row?.[6] ?? "{}"),
    databaseTime: numberOf(row?.[3]),
    mayHaveDied: truthOf(row?.[7]),
  };
}

function messagesIn(text: Text | undefined): Pulse["messages"] {
  type Told = { id: string; name: string; payload: string | null; at: number };
  const told: Told[] = JSON.parse(text ?? "[]");
  return told.map((message) => ({ ...message, payload: message.payload ?? undefined }));
}

/** The worker has obeyed these messages. */
export async function heard(session: Session, worker: string, messages: readonly string[]): Promise<void> {
  if (messages.length > 0) await session.ask(statements.heard, { worker, messages: textList(messages) });
}

/** Tells workers something. */
export async function tellWorkers(
  session: Session,
  messages: readonly NewMessage[],
  tell: (found: Findings) => void,
): Promise<number[]> {
  if (messages.length === 0) return [];
  const [row] = await session.ask(statements.tell, { messages: jsonText(messages), now: session.now() });
  const told = listOf(row?.[0]).map(numberOf);
  const found = new Findings();
  found.asked = told.some((count) => count > 0);
  tell(found);
  return told;
}

/** The workers that are gone, newest first. */
export async function departed(session: Session, limit: number): Promise<DepartedWorker[]> {
  const rows = await session.ask(statements.departed, { limit });
  return rows.map(([id, host, pid, release, startedAt, heartbeatAt, endedAt, how, cause, lost, runs]) => ({
    id: id ?? "",
    host: host ?? "",
    pid: numberOf(pid),
    release: optionalText(release),
    startedAt: numberOf(startedAt),
    heartbeatAt: numberOf(heartbeatAt),
    endedAt: numberOf(endedAt),
    how: how as DepartedWorker["how"],
    cause: optionalText(cause),
    lost: numberOf(lost),
    runs: listOf(runs).map((run) => run ?? ""),
  }));
}

/** A claim that was asked for and not answered may have been made all the same, long after it was given up. */
async function giveBack(
  session: Session,
  claims: Claims,
  worker: string,
  unknown: readonly (string | null)[],
  gates: Gates,
): Promise<boolean> {
  if (unknown.length === 0) return false;
  // The question may have waited for long, and what was not known when it was asked may be executing by now.
  const own = new Set<string | null>(claims.ofWorker(worker));
  const orphaned = unknown.flatMap((claim) => (claim === null || own.has(claim) ? [] : claim));
  if (orphaned.length === 0) return false;
  const values = { worker, claims: plainList(orphaned), now: session.now() };
  await gates.aroundWorkers([worker], () => session.ask(statements.giveBack, values));
  return true;
}

/** What is executed in vain: an application's transaction has changed the run, and did not wait for its claim. */
async function supersededOf(session: Session, claims: Claims, worker: string): Promise<Pulse["lost"]> {
  const held = claims.keyedOf(worker);
  if (held.length === 0) return [];
  const [row] = await session.ask(statements.superseded, {
    runs: plainList(held.map(({ run }) => run)),
    tokens: plainList(held.map(({ token }) => token)),
  });
  const superseded = new Set(listOf(row?.[0]));
  // One whose settlement was answered meanwhile has another seq by that.
  return held.flatMap((loss) => {
    const { run, token, claim } = loss;
    if (!superseded.has(run) || claims.held(loss) === undefined) return [];
    claims.answered(loss);
    return { run, token, claim };
  });
}

/** Claims that a crash of the database has undone: it is written down before they are forgotten here. */
async function writeLost(
  session: Session,
  claims: Claims,
  worker: string,
  missing: readonly (string | null)[],
): Promise<Pulse["lost"]> {
  const superseded = claims.takeSuperseded(worker);
  const lost = [...superseded, ...missing.flatMap((claim) => claims.heldBy(claim ?? ""))];
  try {
    await recordLosses(session, lost);
  } catch (error) {
    claims.giveBackSuperseded(superseded);
    throw error;
  }
  for (const claim of missing) claims.lose(claim ?? "");
  return lost.map(({ run, token, claim }) => ({ run, token, claim }));
}

/** Writes down that these executions have lost their claim, as far as that is so and is not on record. */
export async function recordLosses(session: Session, losses: readonly Loss[]): Promise<void> {
  if (losses.length === 0) return;
  await session.ask(statements.writeLost, { items: jsonText(losses), now: session.now() });
}

interface Peer {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly processStart: string | undefined;
  readonly runner: number | undefined;
  readonly beats: number;
  readonly holds: boolean;
  /** When this process first saw that count of heartbeats, and when it first saw the lock free; monotonic. */
  readonly seenAt: number;
  readonly unlockedAt: number | undefined;
}

/** How long heartbeats may stand still, and how long a lock may be free, in milliseconds. */
export const patienceWithBeats = 30_000;
const patienceWithLock = 600;
/** A restart of the server frees all locks, and everybody needs a moment to take his own again. */
const patienceAfterTrouble = 5_000;
/** Whoever could not look for so long has seen nobody's silence. */
const longestGap = 15_000;
/** How often is looked while nobody else holds anything. */
const slowly = 60_000;

/** Finds the dead. Holds what it knows of the living between two questions. */
export class Morgue {
  readonly #session: Session;
  readonly #monotonic: () => number;
  readonly #host = thisHost().host;
  readonly #leaveToRunners = runnersFirst();
  #peers: ReadonlyMap<string, Peer> = new Map();
  #quietUntil = Number.NEGATIVE_INFINITY;
  #wasAway = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #locksCountFrom = Number.NEGATIVE_INFINITY;

  readonly #rest: ((milliseconds: number) => Promise<void>) | undefined;

  /** With `rest` a look that finds a free lock waits and looks again, so that it need not wait for the next one. */
  constructor(
    session: Session,
    monotonic: () => number,
    rest?: ((milliseconds: number) => Promise<void>) | undefined,
  ) {
    this.#session = session;
    this.#monotonic = monotonic;
    this.#rest = rest;
  }

  /** Something happened elsewhere or to the workers here: there may be somebody to lose. */
  wake(): void {
    this.#quietUntil = Number.NEGATIVE_INFINITY;
  }

  /** The database was away, or a connection broke: a free lock may be one of the living. */
  doubt(): void {
    this.#wasAway = true;
    this.#locksCountFrom = this.#monotonic() + patienceAfterTrouble;
    this.wake();
  }

  async findLost(): Promise<Death[]> {
    if (this.#monotonic() < this.#quietUntil) return [];
    const lost = await this.#look();
    const isSuspected = [...this.#peers.values()].some(
      ({ host, unlockedAt }) => host !== this.#host && unlockedAt !== undefined,
    );
    const isToBeSeen = isSuspected && this.#monotonic() >= this.#locksCountFrom;
    if (lost.length > 0 || !isToBeSeen || this.#rest === undefined) return lost;
    await this.#rest(patienceWithLock);
    return this.#look();
  }

  async #look(): Promise<Death[]> {
    const rows = await this.#session.ask(statements.peers);
    const now = this.#monotonic();
    // While the database was away nobody could show life, and silence counts from now.
    if (this.#wasAway && now - this.#lookedAt > longestGap) this.#peers = new Map();
    this.#wasAway = false;
    this.#lookedAt = now;
    this.#peers = new Map(rows.map((row) => peerFrom(row, this.#peers, now)).map((peer) => [peer.id, peer]));
    const peers = [...this.#peers.values()];
    const isOthers = (peer: Peer): boolean => !(peer.host === this.#host && peer.pid === process.pid);
    const dead = peers.flatMap((peer) => this.#corpseOf(peer, now) ?? []);
    if (dead.length === 0 && !peers.some((peer) => isOthers(peer) && peer.holds))
      this.#quietUntil = now + slowly;
    return this.#leaveToRunners(dead, now);
  }

  /** Undefined: it lives. */
  #corpseOf(peer: Peer, now: number): Corpse | undefined {
    const { id, host, pid, processStart, runner } = peer;
    const of = (cause: string): Corpse => ({ id, cause, runner: undefined });
    if (host === "") return of(causes.takenOut);
    const freeFor = now - Math.max(peer.unlockedAt ?? now, this.#locksCountFrom);
    const beats = now - peer.seenAt < patienceWithBeats;
    if (host === this.#host) {
      if (!processLives(pid, processStart)) return { id, cause: causes.process, runner };
      // A process that lives and is heard of in no way works for another database, which this is a copy of. Where a
      // system does not tell when a process began, the id may be another process's by now: see its heartbeat.
      if (processStart !== undefined)
        return beats || freeFor < patienceWithBeats ? undefined : of(causes.silence);
    }
    if (!beats) return of(causes.silence);
    return freeFor < patienceWithLock ? undefined : of(causes.connection);
  }
}

function peerFrom(row: Row, known: ReadonlyMap<string, Peer>, now: number): Peer {
  const [id, host, pid, processStart, beats, isLocked, hasLock, holds, runner] = row;
  const before = known.get(id ?? "");
  const isFree = truthOf(isLocked) && !truthOf(hasLock);
  return {
    id: id ?? "",
    host: host ?? "",
    pid: numberOf(pid),
    processStart: processStart ?? undefined,
    runner: optionalNumber(runner),
    beats: numberOf(beats),
    holds: truthOf(holds),
    seenAt: before?.beats === numberOf(beats) ? before.seenAt : now,
    unlockedAt: isFree ? (before?.unlockedAt ?? now) : undefined,
  };
}
