// A load that is hard on lanes: many transactions that record runs and commit late, in every order and manner there is,
// and many workers that claim, finish and give back. What was promised and what was handed out is kept here, so that
// afterwards it can be told whether anything came twice, never, or from nowhere.
//
// Pauses in here are the load itself, a transaction that takes its time; nothing is waited for by them.
import type { Client } from "pg";
import { newId } from "../../src/kernel/index.js";
import type { Claimed, NewRun, Store } from "../../src/store/contract.js";
import { statements } from "../../src/store/postgres/statements.js";
import { jsonText, listOf, plainList } from "../../src/store/postgres/text.js";
import { aWorker, copy, fenceOf } from "../../src/testing/conformance/build.js";
import { plainRun, recordIn, send } from "../postgres/direct.js";

export const queues = ["left", "middle", "right"] as const;
const priorities = [0, 5] as const;

/** What was promised, and what was handed out. */
export class Ledger {
  /** How many times each committed run is to be handed out: once, and once more for each time it was given back. */
  readonly promised = new Map<string, number>();
  /** The tokens under which each was handed out. */
  readonly handed = new Map<string, number[]>();
  readonly rolledBack = new Set<string>();
  twice = 0;

  promise(run: string): void {
    this.promised.set(run, (this.promised.get(run) ?? 0) + 1);
  }

  handOut({ run, token }: Claimed): void {
    const tokens = this.handed.get(run) ?? [];
    if (tokens.includes(token)) this.twice++;
    this.handed.set(run, [...tokens, token]);
  }

  /** Runs that were handed out less often than promised. */
  missed(): string[] {
    return [...this.promised].flatMap(([run, times]) => (this.times(run) < times ? run : []));
  }

  /** Runs that were handed out and never committed, or more often than they were given back. */
  ghosts(): string[] {
    return [...this.handed.keys()].filter((run) => this.times(run) > (this.promised.get(run) ?? 0));
  }

  times(run: string): number {
    return this.handed.get(run)?.length ?? 0;
  }
}

export const chance = (of: number): boolean => Math.random() * of < 1;
export const below = (limit: number): number => Math.floor(Math.random() * limit);
const oneOf = <T>(values: readonly [T, ...T[]]): T => values[below(values.length)] ?? values[0];
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export function someRuns(count: number): NewRun[] {
  const place = { queue: oneOf(queues), priority: oneOf(priorities) };
  return Array.from({ length: count }, () =>
    plainRun(newId(), { ...place, ...(chance(8) ? { due: { after: below(300) } } : {}) }),
  );
}

/** Makes all lanes, so that no run is recorded before its own. */
export async function makeLanes(store: Store): Promise<string[]> {
  const runs = queues.flatMap((queue) =>
    priorities.map((priority) => plainRun(newId(), { queue, priority })),
  );
  await store.insert(runs);
  return runs.map((run) => run.id);
}

/** Commits transactions that record runs, one after another, until the time is over. */
export async function record(store: Store, client: Client, ledger: Ledger, until: number): Promise<void> {
  while (performance.now() < until) {
    await client.query("begin");
    // Some have their number long before they record anything.
    if (chance(3)) await client.query("select pg_current_xact_id()");
    if (chance(3)) await pause(below(chance(10) ? 2_500 : 60));
    const mine: string[] = [];
    for (let part = 0; part <= below(3); part++) mine.push(...(await recordPart(store, client, ledger)));
    await end(client, mine, ledger);
  }
}

async function recordPart(store: Store, client: Client, ledger: Ledger): Promise<string[]> {
  const runs = someRuns(1 + below(chance(8) ? 300 : 20));
  const ids = runs.map((run) => run.id);
  const isInside = chance(3);
  if (isInside) await client.query("savepoint inner_part");
  await recordIn(store, client, runs);
  if (chance(2)) await pause(below(20));
  if (!isInside) return ids;
  if (chance(2)) {
    await client.query("release inner_part");
    return ids;
  }
  await client.query("rollback to inner_part");
  for (const id of ids) ledger.rolledBack.add(id);
  return [];
}

async function end(client: Client, mine: readonly string[], ledger: Ledger): Promise<void> {
  const manner = below(10);
  if (manner === 0) {
    await client.query("rollback");
    for (const id of mine) ledger.rolledBack.add(id);
    return;
  }
  if (manner === 1) {
    const name = `late_${newId()}`;
    await client.query(`prepare transaction '${name}'`);
    await pause(below(1_500));
    await client.query(`commit prepared '${name}'`);
  } else {
    await client.query("commit");
  }
  for (const id of mine) ledger.promise(id);
}

/** Claims, finishes, and gives some back in transactions that commit late, until told that it is enough. */
export async function work(
  store: Store,
  client: Client,
  ledger: Ledger,
  isOver: () => boolean,
): Promise<void> {
  const worker = aWorker();
  await store.register(worker);
  while (!isOver()) {
    const slots = chance(2) ? { "*": 1 + below(300) } : { [oneOf(queues)]: 1 + below(300) };
    const claimed = await store.claim({ worker: worker.id, queues: slots, abilities: [copy] });
    for (const one of claimed) ledger.handOut(one);
    if (claimed.length === 0) {
      await pause(5);
      continue;
    }
    if (chance(4)) await pause(below(50));
    const givenBack = claimed.filter(() => chance(20));
    const done = claimed.filter((one) => !givenBack.includes(one));
    if (givenBack.length > 0) await giveBackLate(client, givenBack, ledger);
    const answers = await store.settle(done.map((one) => ({ ...fenceOf(one), state: "succeeded" })));
    if (answers.some((answer) => !answer.taken)) throw new Error("A settlement was refused.");
  }
}

async function giveBackLate(client: Client, runs: readonly Claimed[], ledger: Ledger): Promise<void> {
  await client.query("begin");
  if (chance(2)) await pause(below(30));
  const items = runs.map((one) => {
    const rest = chance(2) ? { state: "ready" } : { state: "scheduled", due: { after: below(50) } };
    return { ...fenceOf(one), ...rest };
  });
  const [row] = await send(client, statements.settle, {
    items: jsonText(items),
    done: plainList([]),
    now: null,
  });
  if (chance(2)) await pause(below(30));
  await client.query("commit");
  for (const [index, state] of listOf(row?.[0]).entries()) {
    const run = runs[index]?.run;
    if (state !== null && run !== undefined) ledger.promise(run);
  }
}

/** Makes ready what is due, until told that it is enough. */
export async function keepUp(store: Store, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await store.promote(200);
    await pause(10);
  }
}
