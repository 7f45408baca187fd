// kill -9 of workers in the middle of their work: nothing is missing, nothing is done twice without a reason on record.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { job, open } from "../../src/index.js";
import type { Store, StoredRun } from "../../src/store/contract.js";
import { places } from "./place.js";
import { type Child, eventually, ownFolder, startWorker } from "./processes.js";

const copy = job({ name: "copy" });
const kills = 10;
/** There is always more to do than is done until the next kill, however slowly workers start. */
const backlog = 2_000;

describe.each(places)("$name", ({ place }) => {
  test("ten kill -9 at random moments of a drain over two workers lose nothing and explain every second execution", {
    timeout: 60_000,
  }, async () => {
    const { address, store } = await place();
    const executions = join(ownFolder(), "executions.log");
    await using duckdive = open(address);
    let runs = 0;
    const replenish = async (): Promise<void> => {
      if ((await duckdive.count({ state: "ready" })) >= backlog) return;
      await duckdive.enqueueMany(Array.from({ length: backlog }, () => copy.with()));
      runs += backlog;
    };
    await replenish();

    const given = { address, executions, slots: 10, longest: 40 };
    const workers = await Promise.all([startWorker(given), startWorker(given)]);
    const killed: { readonly worker: string; readonly at: number }[] = [];
    await killer(workers, given, killed, replenish);
    const finished = async () => (await duckdive.count({ state: "succeeded" })) === runs;
    await eventually(finished, 30_000);

    expect(await duckdive.stats()).toEqual({
      scheduled: 0,
      ready: 0,
      running: 0,
      waiting: 0,
      succeeded: runs,
      failed: 0,
      cancelled: 0,
    });
    const losses = await explained(store(), readFileSync(executions, "utf8"), runs);
    expect(killed).toHaveLength(kills);
    for (const { worker, at } of killed) {
      const first = losses.filter((loss) => loss.worker === worker).map((loss) => loss.at - at);
      expect(first.length, `worker ${worker} was killed at work`).toBeGreaterThan(0);
      expect(Math.min(...first), "rescue began in time").toBeLessThan(2_000);
    }
  });
});

/** Kills one of the two at random, ten times, each time when both are at work; starts another in its place. */
async function killer(
  workers: (Child & { readonly id: string })[],
  given: object,
  killed: { worker: string; at: number }[],
  replenish: () => Promise<void>,
): Promise<void> {
  while (killed.length < kills) {
    await replenish();
    await new Promise((resolve) => setTimeout(resolve, 30 + Math.random() * 250));
    const place = Math.random() < 0.5 ? 0 : 1;
    const victim = workers[place];
    if (victim === undefined) throw new RangeError("there are two workers");
    killed.push({ worker: victim.id, at: Date.now() });
    await victim.kill();
    workers[place] = await startWorker(given);
  }
}

interface Loss {
  readonly worker: string;
  readonly token: number;
  readonly at: number;
}

/** Holds every execution against the record of its run, and answers all losses on record. */
async function explained(store: Store, log: string, runs: number): Promise<Loss[]> {
  const executed = new Map<string, number[]>();
  for (const line of log.trim().split("\n")) {
    const [run = "", token] = line.split(" ");
    executed.set(run, [...(executed.get(run) ?? []), Number(token)]);
  }
  expect(executed.size).toBe(runs);
  const all = await allRuns(store);
  const losses: Loss[] = [];
  let repeated = 0;
  for (const run of all) {
    const tokens = executed.get(run.id) ?? [];
    const lost = run.crashes === 0 ? [] : await lossesOf(store, run.id);
    losses.push(...lost);
    expect(new Set(tokens).size, `one execution a claim of ${run.id}`).toBe(tokens.length);
    const unexplained = tokens.filter((token) => !lost.some((loss) => loss.token === token));
    expect(unexplained, `executions of ${run.id} beside its lost ones`).toEqual([run.token]);
    expect(run.attempt).toBe(lost.length + 1);
    expect(run.crashes).toBe(lost.length);
    repeated += tokens.length - 1;
  }
  expect(repeated, "some run was killed in its handler").toBeGreaterThan(0);
  return losses;
}

async function allRuns(store: Store): Promise<StoredRun[]> {
  const all: StoredRun[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.list({}, { limit: 1_000, cursor });
    all.push(...page.runs);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

async function lossesOf(store: Store, run: string): Promise<Loss[]> {
  const { events } = await store.timeline(run);
  return events
    .filter(({ kind }) => kind === "lost")
    .map(({ token, at, detail }) => ({ token, at, worker: (detail as { worker: string }).worker }));
}
