// Claiming: how a worker takes runs.
//
// Two statements: the first takes runs under a random id of ours and answers only how many, the second fetches what they
// are. A worker that stops while it reads can then hold no lane. When the connection breaks in between, or before the
// first answer, the claim may stand without anybody knowing of it: its id is remembered, and the next claim of that
// worker asks first what became of it.
//
// What was handed out is remembered until it is answered, so that a claim's row is taken out by the settlement that is
// the last of it, and so that a worker can ask which of its claims are still there after a crash of the database.
import { randomUUID } from "node:crypto";
import type { Claimed, ClaimRequest } from "../contract.js";
import { WorkerLostError } from "../errors.js";
import type { Row } from "./driver.js";
import { type Gates, type GatesOfRun, namesIn } from "./gates.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { jsonText, numberOf, optionalNumber, optionalText, truthOf } from "./text.js";

/** The bit of a run's `durable` that says so. */
const hasRecorded = 1;

interface Open {
  readonly worker: string;
  /** Runs by id that have not been answered. */
  readonly runs: Map<string, Pick<Claimed, "run" | "token" | "attempt" | "queue">>;
  /** Of the runs that have any. */
  readonly gates: ReadonlyMap<string, GatesOfRun>;
  /** Those of them that have a unique key. */
  readonly keyed: ReadonlySet<string>;
  /** Those of them that have to do with durable work. */
  readonly durable: Set<string>;
}

/** An execution whose claim is gone, or may be. */
export interface Loss {
  readonly run: string;
  readonly token: number;
  readonly attempt: number;
  readonly claim: string;
  readonly worker: string;
  /** The run was handed out again: no settlement of it can have been this execution's. */
  readonly isSure: boolean;
}

interface Answered {
  readonly claim?: string | undefined;
  readonly run: string;
  readonly token: number;
}

/** The claims that this process holds. */
export class Claims {
  readonly #open = new Map<string, Open>();
  /** Claims from before trouble with the database, which may have undone them. */
  #suspects: string[] = [];
  #superseded: Loss[] = [];
  /** Runs whose end stands in a transaction of the application. */
  readonly #entrusted = new Set<string>();
  readonly #unsure = new Map<string, Set<string>>();
  #done: string[] = [];

  add(
    claim: string,
    worker: string,
    runs: readonly Claimed[],
    of: Partial<Pick<Open, "gates" | "keyed" | "durable">> = {},
  ): void {
    for (const suspect of this.#suspects) {
      for (const loss of this.heldBy(suspect)) {
        if (!runs.some(({ run }) => run === loss.run) || suspect === claim) continue;
        this.#open.get(suspect)?.runs.delete(loss.run);
        this.#superseded.push({ ...loss, isSure: true });
      }
    }
    if (runs.length === 0) this.#done.push(claim);
    else {
      const none = { gates: new Map(), keyed: new Set<string>(), durable: new Set<string>() };
      const byId = new Map<string, Claimed>();
      for (const run of runs) byId.set(run.run, run);
      this.#open.set(claim, { worker, runs: byId, ...none, ...of });
    }
  }

  /** Whether this process made the claim: another one knows nothing of its gates. */
  knows({ claim = "" }: Answered): boolean {
    return this.#open.has(claim);
  }

  /** The gates under which this execution was claimed. */
  gatesOf({ claim = "", run }: Answered): GatesOfRun | undefined {
    return this.#open.get(claim)?.gates.get(run);
  }

  queueOf({ claim = "", run }: Answered): string | undefined {
    return this.#open.get(claim)?.runs.get(run)?.queue;
  }

  /** It may stand in the database or not. */
  doubt(claim: string, worker: string): void {
    const claims = this.#unsure.get(worker) ?? new Set();
    this.#unsure.set(worker, claims.add(claim));
  }

  doubted(worker: string): string[] {
    return [...(this.#unsure.get(worker) ?? [])];
  }

  settleDoubt(claim: string, worker: string): void {
    this.#unsure.get(worker)?.delete(claim);
  }

  /** Whether somebody may want to change this run while it is settled: it has a unique key, as far as is known. */
  isKeyed({ claim = "", run }: Answered): boolean {
    return this.#open.get(claim)?.keyed.has(run) ?? true;
  }

  /** Whether this run has recorded calls, or has a parent or children, as far as is known. */
  isDurable({ claim = "", run }: Answered): boolean {
    return this.#open.get(claim)?.durable.has(run) ?? true;
  }

  /** It has recorded something. */
  markDurable({ claim = "", run }: Answered): void {
    this.#open.get(claim)?.durable.add(run);
  }

  /** What this worker executes of runs with unique keys, which an application's transaction may change meanwhile. */
  keyedOf(worker: string): Loss[] {
    return this.ofWorker(worker).flatMap((claim) =>
      this.heldBy(claim).filter(({ run }) => this.#open.get(claim)?.keyed.has(run)),
    );
  }

  /** This settlement has been answered. One with another token than the claim gave says nothing of the claim's run. */
  answered({ claim = "", run, token }: Answered): void {
    if (this.#entrusted.size > 0) this.#entrusted.delete(`${claim} ${run}`);
    const open = this.#open.get(claim);
    if (open?.runs.get(run)?.token !== token) return;
    open.runs.delete(run);
    if (open.runs.size > 0) return;
    this.#open.delete(claim);
    this.#done.push(claim);
  }

  /** Claims whose rows can go: everything they held was answered, or will be by `last`. */
  takeDone(last: readonly Answered[]): string[] {
    const done = this.#done;
    this.#done = [];
    const ending = new Map<string, Set<string>>();
    for (const { claim = "", run, token } of last) {
      if (this.#open.get(claim)?.runs.get(run)?.token !== token) continue;
      ending.set(claim, (ending.get(claim) ?? new Set()).add(run));
    }
    for (const [claim, runs] of ending) if (this.#open.get(claim)?.runs.size === runs.size) done.push(claim);
    return done;
  }

  /** They were not taken out after all. */
  giveBackDone(claims: readonly string[]): void {
    this.#done.push(...claims);
  }

  ofWorker(worker: string): string[] {
    return [...this.#open].flatMap(([claim, open]) => (open.worker === worker ? claim : []));
  }

  /** A transaction of the application ends it, and tells whoever began it whether it did. */
  entrust({ claim = "", run }: Answered): void {
    this.#entrusted.add(`${claim} ${run}`);
  }

  /** The database was away: a claim is not synced, and what is handed out twice from now on was lost. */
  suspect(): void {
    this.#suspects = [...this.#open.keys()];
  }

  /** What was handed out again although it was held; told once. */
  takeSuperseded(worker: string): Loss[] {
    const own = this.#superseded.filter((loss) => loss.worker === worker);
    this.#superseded = this.#superseded.filter((loss) => loss.worker !== worker);
    return own;
  }

  get hasSuperseded(): boolean {
    return this.#superseded.length > 0;
  }

  /** They were not told after all. */
  giveBackSuperseded(losses: readonly Loss[]): void {
    this.#superseded.push(...losses);
  }

  /** This execution, if nothing has been heard of its settlement. */
  held({ claim = "", run, token }: Answered): Loss | undefined {
    if (this.#entrusted.has(`${claim} ${run}`)) return undefined;
    const open = this.#open.get(claim);
    const own = open?.runs.get(run);
    if (open === undefined || own?.token !== token) return undefined;
    return { run, token, attempt: own.attempt, claim, worker: open.worker, isSure: false };
  }

  /** What this claim holds and has not been answered. */
  heldBy(claim: string): Loss[] {
    const open = this.#open.get(claim);
    return [...(open?.runs.values() ?? [])].flatMap(
      ({ run, token }) => this.held({ claim, run, token }) ?? [],
    );
  }

  /** The database does not know it: what it holds belongs to somebody else. */
  lose(claim: string): void {
    this.#open.delete(claim);
  }

  loseAll(worker: string): void {
    for (const claim of this.ofWorker(worker)) this.#open.delete(claim);
    this.#unsure.delete(worker);
  }
}

/** Takes runs. Writes nothing when there are none. */
export async function claim(
  session: Session,
  claims: Claims,
  gates: Gates,
  request: ClaimRequest,
): Promise<Claimed[]> {
  const { worker } = request;
  for (const doubted of claims.doubted(worker)) {
    const found = await fetch(session, claims, doubted, worker);
    claims.settleDoubt(doubted, worker);
    if (found.length > 0) return found;
  }
  const id = randomUUID();
  try {
    return await take(session, claims, gates, request, id);
  } catch (error) {
    if (!(error instanceof WorkerLostError)) claims.doubt(id, worker);
    throw error;
  }
}

async function take(
  session: Session,
  claims: Claims,
  gates: Gates,
  request: ClaimRequest,
  id: string,
): Promise<Claimed[]> {
  const { worker } = request;
  const [row] = await session.askOnce(statements.claim, {
    worker,
    claim: id,
    queues: jsonText(request.queues),
    abilities: jsonText(request.abilities),
    now: session.now(),
    ageing: request.ageing,
  });
  const letGo = namesIn(row?.[1]);
  if (letGo.length > 0) await gates.handOver(letGo);
  const amount = numberOf(row?.[0]);
  // Others were faster wherever it looked, or all was parked, and it did not look everywhere.
  if (amount === -2) return take(session, claims, gates, request, id);
  if (amount >= 0) return amount === 0 ? [] : fetch(session, claims, id, worker);
  claims.loseAll(worker);
  throw new WorkerLostError(
    `The worker ${worker} is not registered: somebody took it for dead and gave its runs away. ` +
      "Stop what it executes and register again.",
  );
}

async function fetch(session: Session, claims: Claims, id: string, worker: string): Promise<Claimed[]> {
  const rows = await session.ask(statements.claimed, { claim: id });
  const claimed: Claimed[] = [];
  const gates = new Map<string, GatesOfRun>();
  const keyed = new Set<string>();
  const durable = new Set<string>();
  for (const row of rows) {
    const one = claimedFrom(row, id);
    const [gateKeys, rateKeys, isUnique] = [row[17], row[18], row[22]];
    claimed.push(one);
    if (gateKeys !== null) {
      const keys = namesIn(gateKeys);
      if (keys.length > 0) gates.set(one.run, { keys, rates: namesIn(rateKeys) });
    }
    if (isUnique === "t") keyed.add(one.run);
    if (row[20] !== "0") durable.add(one.run);
  }
  claims.add(id, worker, claimed, { gates, keyed, durable });
  return claimed;
}

/** By position, since there are many: the columns stand in claimed.sql. */
function claimedFrom(row: Row, claim: string): Claimed {
  const [tags, meta] = [row[14], row[15]];
  return {
    run: row[0] ?? "",
    token: numberOf(row[1]),
    claim,
    job: row[2] ?? "",
    version: numberOf(row[3]),
    queue: row[4] ?? "",
    priority: numberOf(row[5]),
    input: optionalText(row[6]),
    attempt: numberOf(row[7]),
    crashes: numberOf(row[8]),
    requestedAt: numberOf(row[9]),
    runAt: numberOf(row[10]),
    startedAt: numberOf(row[11]),
    startBy: optionalNumber(row[12]),
    finishBy: optionalNumber(row[13]),
    tags: tags === null || tags === undefined ? [] : JSON.parse(tags),
    meta: meta === null || meta === undefined ? {} : JSON.parse(meta),
    parent: optionalText(row[21]),
    batch: optionalText(row[19]),
    paused: truthOf(row[16]),
    hasEntries: (numberOf(row[20]) & hasRecorded) !== 0,
  };
}
