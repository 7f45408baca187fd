// A cluster as the field runs it, and what befalls it: its leader is killed, cut off from the others, told to hand over. All the
// time somebody asks for work and workers do it, over one address that names all three. Whatever was acknowledged is there
// afterwards and was done; what was done twice has its reason on record; and nobody had to restart anything.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Duckdive, open } from "../../src/index.js";
import { newId } from "../../src/kernel/index.js";
import { postgres } from "../../src/store/postgres/index.js";
import { folder } from "../cli/duckdive.js";
import { ask } from "../postgres/ask.js";
import { databaseOn } from "../postgres/database.js";
import { listenTo } from "../process/service.js";
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
} from "../violence/outage.js";
import { type Child, eventually, ownFolder, start, startWorker } from "../violence/processes.js";
import { type Cluster, missing, type Node, startCluster } from "./patroni.js";

if (missing !== undefined) console.info(`What a cluster does is not tested: ${missing}.`);

describe.skipIf(missing !== undefined)("a cluster of three", () => {
  let cluster: Cluster;
  let name: string;

  beforeAll(async () => {
    cluster = await startCluster();
    name = (await databaseOn((await cluster.leader()).url())).name;
  }, 120_000);

  afterAll(() => cluster?.end(), 30_000);

  /** Everybody at work, on the address of all. */
  async function begin() {
    const address = cluster.url(name, name);
    const executions = join(ownFolder(), "executions.log");
    const given = { address, executions, longest: 100 };
    const workers = await Promise.all([startWorker(given), startWorker(given)]);
    const duckdive = open(address, { log: silent });
    onTestFinished(() => duckdive.close());
    const requester = requesting(duckdive, copy);
    await eventually(async () => requester.acknowledged.length > 50, 30_000);
    return { address, executions, workers, duckdive, requester };
  }

  /** Asks for one more run until it is acknowledged, waits until it is executed, and prints when that was. */
  async function goesOn(
    what: string,
    duckdive: Duckdive,
    workers: readonly Child[],
    since: number,
  ): Promise<void> {
    const id = newId();
    while (!(await isTaken(duckdive, id)));
    publish(`cluster.${what}.enqueue`, wallClock() - since);
    const heard = workers.map((worker) => worker.hears(({ began }) => began === id));
    const first = await Promise.race(heard);
    for (const one of heard) one.catch(() => {});
    publish(`cluster.${what}.work`, Number(first.at) - since);
  }

  /** What was acknowledged has succeeded, and was executed no more often than the record says. */
  async function isAllDone(ids: readonly string[], executionsFile: string): Promise<void> {
    const store = postgres({ database: cluster.url(name, name) });
    onTestFinished(() => store.close());
    await eventually(async () => {
      const { ready, running, scheduled } = await store.countByState();
      return ready + running + scheduled === 0;
    }, 60_000);
    const runs = await store.find(ids);
    expect(runs.filter((run) => run?.state !== "succeeded")).toEqual([]);
    const executions = executionsIn(executionsFile);
    expect(ids.filter((id) => !executions.has(id))).toEqual([]);
    // What a worker heard last it writes at its next heartbeat, at the latest.
    await eventually(async () => (await unexplained(store, executions)).length === 0, 15_000).catch(() => {});
    expect(await unexplained(store, executions)).toEqual([]);
    publish("cluster.acknowledged", ids.length, "runs");
    publish("cluster.repeated", [...executions.values()].filter((count) => count > 1).length, "runs");
  }

  function isWell(workers: readonly Child[]): void {
    for (const worker of workers) {
      expect(unhandled(worker)).toEqual([]);
      // A line when it begins, and one a minute.
      expect(logged(worker).length, JSON.stringify(logged(worker))).toBeLessThanOrEqual(4);
    }
  }

  test("is looked at over a replica, where nothing can be changed", async () => {
    const address = cluster.url(name, name);
    await using duckdive = open(address, { log: silent });
    const run = await duckdive.enqueue(copy);
    const here = folder();
    const program = listenTo(
      here.start([
        ...["serve", "--processes", "0", "--port", "0", "--log", "json"],
        ...["--store", `${address}?target_session_attrs=standby`],
      ]),
    );
    onTestFinished(async () => {
      program.signal("SIGKILL");
      await program.ended;
      await here.remove();
    });
    const { url } = await program.hears("serving");
    const get = (path: string): Promise<Response> => fetch(`${String(url)}${path}`);
    // What was acknowledged is on its way to be shown.
    await eventually(async () => (await get(`/runs/${run.id}`)).status === 200, 10_000);
    for (const [path, text] of [
      ["/", "1 run is ready to start"],
      ["/runs", run.id],
      [`/runs/${run.id}`, "copy"],
    ] as const) {
      const response = await get(path);
      expect([response.status, await response.text()]).toEqual([200, expect.stringContaining(text)]);
    }
    const cancel = await fetch(`${String(url)}/api/runs/${run.id}/cancel`, { method: "POST" });
    expect([cancel.status, await cancel.json()]).toEqual([
      503,
      expect.objectContaining({
        code: "STORE_READ_ONLY",
        detail: expect.stringContaining("it is a replica"),
      }),
    ]);
    expect(await run.get()).toMatchObject({ state: "ready" });
  });

  test("goes on when its leader is killed", { timeout: 120_000 }, async () => {
    const { workers, duckdive, requester, executions } = await begin();
    const leader = await cluster.leader();
    const killed = wallClock();
    await leader.kill();
    const elected = cluster.leader(leader).then(() => publish("cluster.kill.elected", wallClock() - killed));
    await goesOn("kill", duckdive, workers, killed);
    await elected;
    leader.start();
    await cluster.isWhole();
    await requester.stop();
    await isAllDone(requester.acknowledged, executions);
    isWell(workers);
  });

  test("goes on without a leader that is cut off, which acknowledges nothing that is lost", {
    timeout: 150_000,
  }, async () => {
    const { address, workers, duckdive, requester, executions } = await begin();
    const leader = await cluster.leader();
    // On its machine somebody asks, and somebody works, who see no other one while it is cut off.
    const through = leader.on({});
    const inside = start(new URL("requester.mjs", import.meta.url), { address }, through);
    const insider = await startWorker({ address, executions, longest: 100 }, through);
    await inside.hears(({ acknowledged }) => acknowledged !== undefined);
    const cut = wallClock();
    leader.pull();
    onTestFinished(() => leader.plug());
    const elected = cluster
      .leader(leader)
      .then(() => publish("cluster.partition.elected", wallClock() - cut));
    await goesOn("partition", duckdive, workers, cut);
    await elected;
    // It has stepped down, although nobody could tell it to.
    const told = await inside.hears(({ refused }) => refused === "STORE_READ_ONLY");
    publish("cluster.partition.told.inside", Number(told.at) - cut);
    // Those that had been confirmed when it was cut off, and were heard of afterwards.
    const alone = acknowledgedBy(inside, cut);
    leader.plug();
    const healed = wallClock();
    await inside.hears(({ acknowledged, at }) => acknowledged !== undefined && Number(at) > healed);
    publish("cluster.partition.healed", wallClock() - healed);
    await cluster.isWhole();
    expect(await leadersOf(cluster.nodes)).toBe(1);
    await requester.stop();
    await inside.kill();
    publish("cluster.partition.acknowledged.inside", alone.length, "runs");
    await isAllDone([...requester.acknowledged, ...acknowledgedBy(inside, 0)], executions);
    isWell([...workers, insider]);
  });

  test("goes on when its leader hands over", { timeout: 120_000 }, async () => {
    const { workers, duckdive, requester, executions } = await begin();
    const leader = await cluster.leader();
    const asked = wallClock();
    const before = requester.acknowledged.length;
    await cluster.switchOver(leader);
    await cluster.leader(leader);
    publish("cluster.switchover.elected", wallClock() - asked);
    await goesOn("switchover", duckdive, workers, asked);
    expect(requester.acknowledged.length).toBeGreaterThan(before);
    await cluster.isWhole();
    await requester.stop();
    await isAllDone(requester.acknowledged, executions);
    isWell(workers);
  });
});

function isTaken(duckdive: Duckdive, id: string): Promise<boolean> {
  return duckdive.enqueue(now, undefined, { id }).then(
    () => true,
    () => false,
  );
}

function acknowledgedBy(child: Child, since: number): string[] {
  return child.said.flatMap(({ acknowledged, at }) =>
    typeof acknowledged === "string" && Number(at) > since ? [acknowledged] : [],
  );
}

/** How many of them take writes. */
async function leadersOf(nodes: readonly Node[]): Promise<number> {
  const answers = await Promise.all(
    nodes.map((node) => ask(node.url(), "select pg_is_in_recovery() as standby")),
  );
  return answers.filter(([row]) => row?.standby === false).length;
}
