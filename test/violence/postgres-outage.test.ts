// A database that is away, comes back, cuts connections or falls silent: a worker and a client outlive it, quietly, and
// work goes on when it is there again.
import { Pool } from "pg";
import postgresJs from "postgres";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { job, open } from "../../src/index.js";
import { postgres } from "../../src/store/postgres/index.js";
import { startProxy } from "../postgres/proxy.js";
import { type Server, startServer } from "../postgres/server.js";
import {
  executionsOf,
  logged,
  moveElsewhere,
  now,
  ownDatabase,
  processorTime,
  publish,
  requesting,
  silent,
  terminateAll,
  unexplained,
  unhandled,
  wallClock,
} from "./outage.js";
import { type Child, eventually, start, startWorker } from "./processes.js";

let server: Server;

beforeAll(async () => {
  server = await startServer();
}, 60_000);

afterAll(() => server?.end());

/** Work must have gone on by then. On a quiet machine it takes well under two seconds; this one is shared. */
const patience = 5_000;

/** Resolves with the moment of the first execution that began after this one. */
async function beganAfter(child: Child, moment: number): Promise<number> {
  const { at } = await child.hears(({ began, at }) => began !== undefined && Number(at) > moment);
  return Number(at);
}

async function allSucceeded(url: string, ids: readonly string[], children: readonly Child[]): Promise<void> {
  const store = postgres({ database: url });
  try {
    await eventually(async () => (await store.countByState()).succeeded >= ids.length, 20_000);
    const runs = await store.find(ids);
    expect(runs.filter((run) => run?.state !== "succeeded")).toEqual([]);
    expect(await unexplained(store, executionsOf(children))).toEqual([]);
  } finally {
    await store.close();
  }
}

test("a worker that finds no database waits for it, says so once, and starts when it comes", {
  timeout: 60_000,
}, async () => {
  const { url } = await ownDatabase(server);
  await server.stop("fast");
  const worker = start("worker.mjs", { address: url });
  await worker.hears(({ logged: line }) => line !== undefined);
  await using duckdive = open(url, { log: silent });
  await expect(duckdive.enqueue(now)).rejects.toMatchObject({ code: "STORE_UNREACHABLE", passes: true });
  await server.start();
  const back = wallClock();
  await worker.hears(({ ready }) => ready !== undefined);
  const { id } = await duckdive.enqueue(now);
  await worker.hears(({ began }) => began === id);
  publish("postgres.start.after.outage", wallClock() - back);
  expect(wallClock() - back).toBeLessThan(patience);
  expect(logged(worker)).toHaveLength(1);
  expect(unhandled(worker)).toEqual([]);
});

test("a crash of the server in the middle of work loses nothing that was acknowledged, and work goes on", {
  timeout: 60_000,
}, async () => {
  const { url } = await ownDatabase(server);
  const worker = await startWorker({ address: url });
  await using duckdive = open(url, { log: silent });
  const requester = requesting(duckdive);
  await eventually(async () => requester.acknowledged.length > 50, 20_000);
  await server.restart("immediate");
  const back = wallClock();
  const resumed = (await beganAfter(worker, back)) - back;
  publish("postgres.resume.after.crash", resumed);
  expect(resumed).toBeLessThan(patience);
  const acknowledged = requester.acknowledged.length;
  await eventually(async () => requester.acknowledged.length > acknowledged + 20, patience);
  await requester.stop();
  await allSucceeded(url, requester.acknowledged, [worker]);
  expect(unhandled(worker)).toEqual([]);
  expect(logged(worker).length).toBeLessThanOrEqual(2);
});

test("while the database is away a worker rests, and a client is told after a while what is the matter", {
  timeout: 60_000,
}, async () => {
  const { url } = await ownDatabase(server);
  const worker = await startWorker({ address: url });
  await using duckdive = open(url, { log: silent });
  await duckdive.ready();
  await server.stop("immediate");
  await worker.hears(({ logged: line }) => line !== undefined);
  const [before, began] = [processorTime(worker), performance.now()];
  // It takes the patience of a call: ten seconds.
  await expect(duckdive.enqueue(now)).rejects.toMatchObject({ code: "STORE_UNREACHABLE", passes: true });
  const [after, ended] = [processorTime(worker), performance.now()];
  await server.start();
  const back = wallClock();
  const { id } = await duckdive.enqueue(now);
  await worker.hears((value) => value.began === id);
  publish("postgres.resume.after.outage", wallClock() - back);
  expect(wallClock() - back).toBeLessThan(patience);
  if (before !== undefined && after !== undefined) {
    const share = ((after - before) * 1_000) / (ended - began);
    publish("postgres.outage.processor", share * 100, "%");
    expect(share).toBeLessThan(0.2);
  }
  expect(logged(worker).length).toBeLessThanOrEqual(2);
  expect(unhandled(worker)).toEqual([]);
});

test("connections that are cut ten times a second cost nothing but time", { timeout: 90_000 }, async () => {
  const { url, superuserUrl } = await ownDatabase(server);
  const worker = await startWorker({ address: url });
  // From another host nothing but its lock and its heartbeat speak for it; this one looks for the dead.
  const looking = await startWorker({ address: url });
  await moveElsewhere(superuserUrl, worker.id);
  await using duckdive = open(url, { log: silent });
  const requester = requesting(duckdive);
  await eventually(async () => requester.acknowledged.length > 20, 20_000);
  let cut = 0;
  for (let n = 0; n < 50; n++) {
    const tick = new Promise((resolve) => setTimeout(resolve, 100));
    cut += await terminateAll(superuserUrl);
    await tick;
  }
  const over = wallClock();
  publish("postgres.storm.connections", cut, "connections");
  publish("postgres.storm.requests", requester.acknowledged.length, "runs");
  const resumed = (await Promise.race([beganAfter(worker, over), beganAfter(looking, over)])) - over;
  publish("postgres.resume.after.storm", resumed);
  expect(resumed).toBeLessThan(patience);
  await requester.stop();
  await allSucceeded(url, requester.acknowledged, [worker, looking]);
  for (const child of [worker, looking]) {
    expect(unhandled(child)).toEqual([]);
    expect(child.said.filter(({ lost }) => lost !== undefined)).toEqual([]);
    expect(logged(child).length, JSON.stringify(logged(child))).toBeLessThanOrEqual(3);
  }
});

test("a network that falls silent and speaks again delivers what it held, and nothing is done twice", {
  timeout: 60_000,
}, async () => {
  const { url } = await ownDatabase(server);
  const proxy = await startProxy(server.port);
  try {
    const worker = await startWorker({ address: proxy.through(url) });
    await using duckdive = open(proxy.through(url), { log: silent });
    const requester = requesting(duckdive);
    await eventually(async () => requester.acknowledged.length > 20, 20_000);
    proxy.silence();
    const held = requester.acknowledged.length;
    // The lookout asks every five seconds, waits as long for the answer, and ten for another connection: then it says so.
    await worker.hears(({ logged: line }) => line !== undefined);
    expect(requester.acknowledged.length).toBeLessThanOrEqual(held + 1);
    proxy.resume();
    const back = wallClock();
    const resumed = (await beganAfter(worker, back)) - back;
    publish("postgres.resume.after.silence", resumed);
    expect(resumed).toBeLessThan(patience);
    await requester.stop();
    await allSucceeded(url, requester.acknowledged, [worker]);
    expect(unhandled(worker)).toEqual([]);
    expect(logged(worker).length).toBeLessThanOrEqual(2);
  } finally {
    await proxy.stop();
  }
});

test("a network that falls silent and then breaks is a broken one", { timeout: 60_000 }, async () => {
  const { url } = await ownDatabase(server);
  const proxy = await startProxy(server.port);
  try {
    const worker = await startWorker({ address: proxy.through(url) });
    await using duckdive = open(proxy.through(url), { log: silent });
    const requester = requesting(duckdive);
    await eventually(async () => requester.acknowledged.length > 20, 20_000);
    proxy.silence();
    const connections = proxy.connections();
    await eventually(async () => proxy.connections() !== connections, 20_000);
    proxy.cut();
    proxy.resume();
    const back = wallClock();
    const resumed = (await beganAfter(worker, back)) - back;
    publish("postgres.resume.after.cut", resumed);
    expect(resumed).toBeLessThan(patience);
    await requester.stop();
    await allSucceeded(url, requester.acknowledged, [worker]);
    expect(unhandled(worker)).toEqual([]);
    expect(logged(worker).length).toBeLessThanOrEqual(2);
  } finally {
    await proxy.stop();
  }
});

describe.each([
  ["a pool of the application's", (url: string) => poolAt(url)],
  ["a client of postgres.js", (url: string) => clientAt(url)],
])("%s", (_name, connect) => {
  test("carries work over a restart of the server, and nobody has to listen to its errors", {
    timeout: 60_000,
  }, async () => {
    const { url } = await ownDatabase(server);
    const told: unknown[] = [];
    const quick = job({ name: "quick", handle: () => "done" });
    await using duckdive = open(connect(url), {
      jobs: [quick],
      log: { ...silent, error: (line) => told.push(line) },
    });
    await using worker = duckdive.work();
    await worker.ready;
    const before = await duckdive.enqueue(quick);
    expect(await before.result({ timeout: "10s" })).toBe("done");
    await server.restart("immediate");
    const back = wallClock();
    const after = await duckdive.enqueue(quick);
    expect(await after.result({ timeout: "15s" })).toBe("done");
    publish("postgres.resume.of.connections", wallClock() - back);
    expect(wallClock() - back).toBeLessThan(patience);
    expect(told.length, JSON.stringify(told)).toBeLessThanOrEqual(2);
  });
});

function poolAt(url: string): Pool {
  const pool = new Pool({ connectionString: url, max: 5 });
  onTestFinished(() => pool.end());
  return pool;
}

function clientAt(url: string): ReturnType<typeof postgresJs> {
  const sql = postgresJs(url, { max: 5, onnotice: () => {} });
  onTestFinished(() => sql.end({ timeout: 1 }));
  return sql;
}
