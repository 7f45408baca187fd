// Workers that are lost, or seem to be: found dead in time, never taken for dead while they live, refused when they come
// back; and claims that a crash of the database undoes, each on record.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { open, type Run } from "../../src/index.js";
import { manualClock } from "../../src/kernel/index.js";
import type { Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { ask } from "../postgres/ask.js";
import { type Server, startServer } from "../postgres/server.js";
import {
  copy,
  executionsIn,
  logged,
  moveElsewhere,
  ownDatabase,
  publish,
  silent,
  slow,
  terminateAll,
  unexplained,
  unhandled,
  wallClock,
} from "./outage.js";
import { eventually, ownFolder, startWorker } from "./processes.js";

let server: Server;

beforeAll(async () => {
  // What is not synced is written as late as can be, so that a crash surely takes the claims with it.
  server = await startServer({ settings: { wal_writer_delay: "10s", wal_writer_flush_after: "1GB" } });
}, 60_000);

afterAll(() => server?.end());

function storeAt(url: string): Store {
  const store = postgres({ database: url, onError: () => {} });
  onTestFinished(() => store.close());
  return store;
}

describe("a worker that is killed", () => {
  for (const where of ["this host", "another host"]) {
    test(`on ${where} is found, and its runs start again, in under two seconds`, {
      timeout: 60_000,
    }, async () => {
      const { url, superuserUrl } = await ownDatabase(server);
      await using duckdive = open(url, { log: silent });
      const victim = await startWorker({ address: url, hold: true });
      const runs = await duckdive.enqueueMany(Array.from({ length: 10 }, () => copy.with()));
      await eventually(async () => (await duckdive.count({ state: "running" })) === 10, 10_000);
      const heir = await startWorker({ address: url });
      if (where === "another host") await moveElsewhere(superuserUrl, victim.id);
      // By then the heir has looked at the living one.
      const store = storeAt(url);
      expect(await store.findLost()).toEqual([]);
      const killed = wallClock();
      await victim.kill();
      const all = runs.map((run) => run.outcome({ timeout: "10s" }));
      expect((await Promise.all(all)).every(({ state }) => state === "succeeded")).toBe(true);
      const [first] = await store.find(runs.map(({ id }) => id));
      const started = (first?.startedAt ?? Number.NaN) - killed;
      publish(`postgres.restart.${where === "this host" ? "here" : "elsewhere"}`, started);
      expect(first).toMatchObject({ output: String(heir.process.pid), attempt: 2, crashes: 1 });
      expect(started).toBeLessThan(2_000);
    });
  }
});

test("a worker whose connections break for a moment is not taken for dead", { timeout: 60_000 }, async () => {
  const { url, superuserUrl } = await ownDatabase(server);
  await using duckdive = open(url, { log: silent });
  const worker = await startWorker({ address: url, hold: true });
  const run = await duckdive.enqueue(copy);
  await eventually(async () => (await duckdive.count({ state: "running" })) === 1, 10_000);
  await moveElsewhere(superuserUrl, worker.id);
  const looking = await startWorker({ address: url });
  const holder = `select pid from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
    and (classid::bigint << 32) | objid::bigint = (select lock from duckdive.worker where id = '${worker.id}')`;
  const [before] = await ask(url, holder);
  expect(await terminateAll(superuserUrl, `and pid = ${before?.pid}`)).toBe(1);
  // It holds its lock again, by another connection, and those who look for the dead have looked more than once since.
  await eventually(async () => {
    const [after] = await ask(url, holder);
    return after !== undefined && after.pid !== before?.pid;
  }, 5_000);
  await (await duckdive.enqueue(slow)).outcome({ timeout: "20s" });
  expect(await run.get()).toMatchObject({ state: "running", attempt: 1 });
  worker.tell("release");
  expect(await run.outcome({ timeout: "10s" })).toMatchObject({ state: "succeeded" });
  expect(looking.said.filter(({ lost }) => lost !== undefined)).toEqual([]);
});

test("a worker that is stopped for longer than others have patience is refused when it goes on", {
  timeout: 60_000,
}, async () => {
  const { url, superuserUrl } = await ownDatabase(server);
  await using duckdive = open(url, { log: silent });
  const zombie = await startWorker({ address: url, hold: true });
  const runs = await duckdive.enqueueMany(Array.from({ length: 5 }, () => copy.with()));
  await eventually(async () => (await duckdive.count({ state: "running" })) === 5, 10_000);
  await moveElsewhere(superuserUrl, zombie.id);
  zombie.process.kill("SIGSTOP");
  // Its connections stand, and with them its lock: only its silence tells, by the clock of whoever looks.
  const clock = manualClock(Date.now());
  const store = postgres({ database: url, clock });
  onTestFinished(() => store.close());
  expect(await store.findLost()).toEqual([]);
  await clock.advance(20_000);
  expect(await store.findLost()).toEqual([]);
  await clock.advance(10_000);
  expect(await store.findLost()).toEqual([{ worker: zombie.id, cause: "no sign of life for 30 s" }]);
  expect(await store.rescue([{ worker: zombie.id }])).toHaveLength(5);
  const heir = await startWorker({ address: url });
  await Promise.all(runs.map((run) => run.outcome({ timeout: "10s" })));
  const ids = runs.map(({ id }) => id);
  const before = await store.find(ids);
  const output = String(heir.process.pid);
  for (const run of before) expect(run).toMatchObject({ state: "succeeded", output, attempt: 2 });
  zombie.process.kill("SIGCONT");
  zombie.tell("release");
  await Promise.all(ids.map((id) => zombie.hears(({ refused }) => refused === id)));
  expect(await store.find(ids)).toEqual(before);
  expect(unhandled(zombie)).toEqual([]);
});

test("claims that a crash undid are aborted, executed by others, refused to their first owner, and on record", {
  timeout: 60_000,
}, async () => {
  const { url } = await ownDatabase(server);
  await using duckdive = open(url, { log: silent });
  // Its slots are taken by what it holds; what it has lost goes to whoever comes.
  const owner = await startWorker({ address: url, hold: true });
  // Whatever is synced after a claim carries it to the disk: nothing of the worker's beginning may come that late.
  const locked = "select lock from duckdive.worker where id = $1 and lock is not null";
  await eventually(async () => (await ask(url, locked, [owner.id])).length === 1, 10_000);
  const runs = await duckdive.enqueueMany(Array.from({ length: 10 }, () => copy.with()));
  const ids = runs.map(({ id }) => id);
  await eventually(async () => (await duckdive.count({ state: "running" })) === 10, 10_000);
  await server.restart("immediate");
  const back = wallClock();
  const store = storeAt(url);
  const [row] = await ask(url, "select count(*)::integer as claims from duckdive.claims");
  const heir = await startWorker({ address: url });
  await Promise.all(ids.map((id) => owner.hears(({ aborted, why }) => aborted === id && why === "lost")));
  publish("postgres.lost.claim.known", wallClock() - back);
  owner.tell("release");
  const outcomes = await Promise.all(runs.map((run) => run.outcome({ timeout: "20s" })));
  expect(outcomes.every(({ state }) => state === "succeeded")).toBe(true);
  await Promise.all(ids.map((id) => owner.hears(({ refused }) => refused === id)));
  for (const id of ids) {
    const { events } = await store.timeline(id);
    expect(events[0]).toMatchObject({
      kind: "lost",
      attempt: 1,
      worker: owner.id,
      detail: { worker: owner.id, cause: "a crash of the database undid the claim" },
    });
  }
  expect(row).toEqual({ claims: 0 });
  for (const worker of [owner, heir]) {
    expect(unhandled(worker)).toEqual([]);
    expect(logged(worker).length).toBeLessThanOrEqual(1);
  }
});

test("a worker that claims again what crashes took from it has every execution on record", {
  timeout: 90_000,
}, async () => {
  const { url } = await ownDatabase(server);
  await using duckdive = open(url, { log: silent });
  const executions = join(ownFolder(), "executions.log");
  writeFileSync(executions, "");
  const worker = await startWorker({ address: url, executions, longest: 300 });
  const runs: Run[] = [];
  for (let crashes = 1; crashes <= 4; crashes++) {
    runs.push(...(await duckdive.enqueueMany(Array.from({ length: 10 }, () => copy.with()))));
    // Some of it is being executed, and no commit has carried the claims to the disk.
    await eventually(async () => executionsIn(executions).size >= runs.length - 5, 10_000);
    await server.restart("immediate");
    await Promise.all(runs.map((run) => run.outcome({ timeout: "20s" })));
  }
  const store = storeAt(url);
  const counts = executionsIn(executions);
  expect(counts.size).toBe(runs.length);
  const repeated = [...counts].filter(([, count]) => count > 1);
  publish("postgres.crash.repeated", repeated.length, "runs");
  expect(repeated.length).toBeGreaterThan(0);
  // What the worker heard last it writes at its next heartbeat, at the latest.
  await eventually(async () => (await unexplained(store, counts)).length === 0, 15_000);
  for (const run of await store.find(runs.map(({ id }) => id)))
    expect(run).toMatchObject({ state: "succeeded", attempt: 1, crashes: 0 });
  expect(unhandled(worker)).toEqual([]);
});
