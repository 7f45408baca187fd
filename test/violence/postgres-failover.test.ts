// Failover: a primary whose commits wait for a standby is killed in the middle of work, the standby is promoted, and the
// address that the application uses leads to it. What was acknowledged is there, work goes on, and whatever was executed
// twice has its reason on record.
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { open } from "../../src/index.js";
import { postgres } from "../../src/store/postgres/index.js";
import { databaseOn } from "../postgres/database.js";
import { startProxy } from "../postgres/proxy.js";
import { startPrimaryWithStandby } from "../postgres/standby.js";
import {
  copy,
  executionsIn,
  logged,
  now,
  publish,
  requesting,
  silent,
  unexplained,
  unhandled,
  wallClock,
} from "./outage.js";
import { eventually, ownFolder, startWorker } from "./processes.js";

test("a killed primary and a promoted standby lose nothing that was acknowledged, and work goes on", {
  timeout: 120_000,
}, async () => {
  const pair = await startPrimaryWithStandby();
  onTestFinished(() => pair.end());
  const { url } = await databaseOn(pair.primary.url());
  const proxy = await startProxy(pair.primary.port);
  onTestFinished(() => proxy.stop());
  const address = proxy.through(url);

  const executionsFile = join(ownFolder(), "executions.log");
  const given = { address, executions: executionsFile, longest: 200 };
  const workers = await Promise.all([startWorker(given), startWorker(given)]);
  await using duckdive = open(address, { log: silent });
  const requester = requesting(duckdive, copy);
  await eventually(async () => requester.acknowledged.length > 100, 30_000);

  const killed = wallClock();
  const before = requester.acknowledged.length;
  await pair.primary.kill("SIGKILL");
  await pair.promote();
  const promoted = wallClock();
  proxy.redirect(pair.standby.port);
  proxy.cut();
  const witness = await duckdive.enqueue(now);
  const heard = workers.map((worker) => worker.hears(({ began }) => began === witness.id));
  const first = await Promise.race(heard);
  for (const one of heard) one.catch(() => {});
  await eventually(async () => requester.acknowledged.length > before + 100, 20_000);
  publish("postgres.failover.promotion", promoted - killed);
  publish("postgres.failover.resume.after.promotion", Number(first.at) - promoted);
  publish("postgres.failover.whole", Number(first.at) - killed);
  expect(Number(first.at) - promoted).toBeLessThan(5_000);
  await requester.stop();

  const target = new URL(url);
  target.port = String(pair.standby.port);
  const store = postgres({ database: target.href });
  onTestFinished(() => store.close());
  const ids = requester.acknowledged;
  const isOver = async () => {
    const { ready, running, scheduled } = await store.countByState();
    return ready + running + scheduled === 0;
  };
  await eventually(isOver, 30_000);
  const runs = await store.find(ids);
  expect(runs.filter((run) => run?.state !== "succeeded")).toEqual([]);
  const executions = executionsIn(executionsFile);
  expect(ids.filter((id) => !executions.has(id))).toEqual([]);
  expect(await unexplained(store, executions)).toEqual([]);
  publish("postgres.failover.acknowledged", ids.length, "runs");
  publish("postgres.failover.repeated", [...executions.values()].filter((count) => count > 1).length, "runs");
  for (const worker of workers) {
    expect(unhandled(worker)).toEqual([]);
    expect(logged(worker).length, JSON.stringify(logged(worker))).toBeLessThanOrEqual(2);
  }
});
