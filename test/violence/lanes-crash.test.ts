// kill -9 of the PostgreSQL server in the middle of everything. Claims are not waited for by a sync of the disk, so a crash
// may undo some: then their runs are handed out again, and that is the only reason for which any is. What was
// acknowledged when it was recorded is never missed.

import type { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import type { Claimed, Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { aWorker, copy, fenceOf } from "../../src/testing/conformance/build.js";
import { ask } from "../postgres/ask.js";
import { connect, recordIn } from "../postgres/direct.js";
import { brokenRules } from "../postgres/invariants.js";
import { type Server, startServer } from "../postgres/server.js";
import { below, makeLanes, pause, someRuns } from "./lanes-load.js";
import { eventually } from "./processes.js";

const seconds = Number(process.env.DUCKDIVE_TORTURE_SECONDS ?? 5);
const crashes = Math.max(1, Math.floor(seconds / 5));

class Records {
  readonly acknowledged = new Set<string>();
  /** Executions that began, by run, as their tokens. */
  readonly begun = new Map<string, number[]>();
  /** Executions that the store said were lost. */
  readonly lost = new Set<string>();

  begin({ run, token }: Claimed): void {
    this.begun.set(run, [...(this.begun.get(run) ?? []), token]);
  }

  /** Runs that were executed twice without the first execution having been lost. */
  unexplained(): string[] {
    return [...this.begun].flatMap(([run, tokens]) => {
      const kept = tokens.length - [...this.lost].filter((one) => one.startsWith(`${run} `)).length;
      return kept > 1 ? run : [];
    });
  }
}

/** Connects as soon as there is somebody who answers. */
async function connectAgain(url: string): Promise<Client> {
  for (;;) {
    try {
      return await connect(url);
    } catch {
      await pause(20);
    }
  }
}

async function record(url: string, store: Store, records: Records, isOver: () => boolean): Promise<void> {
  let client = await connectAgain(url);
  while (!isOver()) {
    const runs = someRuns(1 + below(20));
    try {
      await client.query("begin");
      await recordIn(store, client, runs);
      await client.query("commit");
      for (const { id } of runs) records.acknowledged.add(id);
    } catch {
      client = await connectAgain(url);
    }
  }
}

async function work(store: Store, records: Records, isOver: () => boolean): Promise<void> {
  const worker = aWorker();
  await store.register(worker);
  while (!isOver()) {
    for (const { run, token } of (await store.heartbeat(worker.id)).lost) records.lost.add(`${run} ${token}`);
    const request = { worker: worker.id, queues: { "*": 1 + below(50) }, abilities: [copy] };
    const claimed = await store.claim(request).catch(() => []);
    for (const one of claimed) records.begin(one);
    await pause(below(claimed.length === 0 ? 10 : 60));
    const answers = await store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" })));
    for (const [index, { run, token }] of claimed.entries()) {
      if (answers[index]?.taken === false) records.lost.add(`${run} ${token}`);
    }
  }
}

async function crash(server: Server): Promise<void> {
  await pause(2_000);
  await server.kill("SIGKILL");
  await server.start();
}

test("kill -9 of the server loses nothing that was acknowledged, and has nothing done twice but by claims that it undid", {
  timeout: (seconds + 60) * 1_000,
}, async () => {
  const server = await startServer();
  onTestFinished(() => server.end());
  const url = await server.createDatabase();
  const open = async (): Promise<Store> => {
    const store = postgres({ database: url, notify: false, onError: () => {} });
    onTestFinished(() => store.close());
    await store.open();
    return store;
  };
  const store = await open();
  const records = new Records();
  for (const id of await makeLanes(store)) records.acknowledged.add(id);
  let isRecorded = false;
  let isOver = false;
  const workers = Promise.all(
    Array.from({ length: 3 }, async () => work(await open(), records, () => isOver)),
  );
  const upkeep = (async () => {
    for (; !isOver; await pause(20)) await store.promote(500);
  })();
  const writers = Promise.all(Array.from({ length: 6 }, () => record(url, store, records, () => isRecorded)));
  for (let count = 0; count < crashes; count++) await crash(server);
  await pause(1_500);
  isRecorded = true;
  await Promise.race([Promise.all([workers, upkeep]), writers]);
  await eventually(
    async () => (await store.count({ states: ["ready", "scheduled", "running"] })) === 0,
    20_000,
  );
  isOver = true;
  await Promise.all([workers, upkeep]);

  const ended = new Set((await ask(url, "select id from duckdive.history")).map((row) => String(row.id)));
  expect([...records.acknowledged].filter((id) => !ended.has(id))).toEqual([]);
  expect(records.unexplained()).toEqual([]);
  expect(await brokenRules(url)).toEqual([]);
  const twice = [...records.begun.values()].filter((tokens) => tokens.length > 1).length;
  console.info(
    JSON.stringify({ name: "postgres.crash.runs", value: records.acknowledged.size, unit: "runs" }),
  );
  console.info(JSON.stringify({ name: "postgres.crash.undone", value: twice, unit: "runs" }));
});
