// What was asked of the database and not answered: an enqueue is one run, a settlement is told as it was taken, a claim is
// found again or given back.
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { job, open } from "../../src/index.js";
import { newId, thisHost } from "../../src/kernel/index.js";
import type { Claimed, NewRun, NewWorker, Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { ask } from "../postgres/ask.js";
import { type Database, freshDatabase, sharedServer } from "../postgres/database.js";
import { type Proxy as Network, startProxy } from "../postgres/proxy.js";
import { silent } from "./outage.js";
import { eventually } from "./processes.js";

let database: Database;
let proxy: Network;

beforeAll(async () => {
  database = await freshDatabase();
  proxy = await startProxy(Number(new URL(await sharedServer()).port));
});

afterAll(async () => {
  await proxy?.stop();
  await database?.drop();
});

const copy = job({ name: "copy", handle: () => "done" });

/** A store whose network the test can spoil, and one whose network is well. */
function stores(): { store: Store; direct: Store } {
  const store = postgres({ database: proxy.through(database.url), onError: () => {} });
  const direct = postgres({ database: database.url });
  onTestFinished(async () => {
    proxy.resume();
    await Promise.all([store.close(), direct.close()]);
  });
  return { store, direct };
}

/** A queue of its own for each test: they share a database. */
function aRun(queue: string): NewRun {
  return { id: newId(), job: "copy", version: 1, queue, priority: 0 };
}

async function aWorker(store: Store): Promise<string> {
  const worker: NewWorker = {
    id: newId(),
    ...thisHost(),
    abilities: [{ job: "copy", version: 1 }],
    queues: { "*": 10 },
  };
  await store.register(worker);
  return worker.id;
}

function claimFrom(store: Store, worker: string, queue: string): Promise<Claimed[]> {
  return store.claim({ worker, queues: { [queue]: 10 }, abilities: [{ job: "copy", version: 1 }] });
}

/**
 * The answer of what is asked arrives nowhere: it is carried out, and then the connection breaks. `before` uses the
 * connection once, since one that had to be made would wait for answers, too.
 */
async function withoutAnswer<T>(
  before: () => Promise<unknown>,
  asked: () => Promise<T>,
  isDone: () => Promise<boolean>,
): Promise<T> {
  await before();
  proxy.silence("answers");
  const answer = asked();
  await eventually(isDone, 10_000);
  proxy.cut();
  proxy.resume();
  return answer;
}

async function rowsOf(id: string): Promise<number> {
  const [row] = await ask(
    database.url,
    `select (select count(*) from duckdive.runs where id = $1) + (select count(*) from duckdive.history where id = $1) as rows`,
    [id],
  );
  return Number(row?.rows);
}

test("an enqueue whose answer is lost is asked for again under the same id, and is one run", async () => {
  const { direct } = stores();
  await using duckdive = open(proxy.through(database.url), { log: silent });
  const first = await duckdive.enqueue(copy);
  const before = await direct.count({});
  const run = await withoutAnswer(
    () => duckdive.count(),
    () => duckdive.enqueue(copy),
    async () => (await direct.count({})) > before,
  );
  expect(await direct.count({})).toBe(before + 1);
  expect(await rowsOf(run.id)).toBe(1);
  await direct.cancel([first.id, run.id], "the test is over");
});

test("an enqueue whose answer is lost is the run that has finished meanwhile, and runs once", async () => {
  const { direct } = stores();
  await using duckdive = open(proxy.through(database.url), { log: silent });
  await using others = open(database.url, { jobs: [copy], log: silent });
  const executed: string[] = [];
  others.on("started", ({ run }) => executed.push(run));
  await using worker = others.work();
  await worker.ready;
  const first = await duckdive.enqueue(copy);
  await first.result();
  const { succeeded } = await direct.countByState();
  const run = await withoutAnswer(
    () => duckdive.count(),
    () => duckdive.enqueue(copy),
    async () => (await direct.countByState()).succeeded > succeeded,
  );
  // What was recorded after it has been executed: had there been a second one, it would have been as well.
  await (await duckdive.enqueue(copy)).result();
  expect(await rowsOf(run.id)).toBe(1);
  expect(await run.get()).toMatchObject({ state: "succeeded", attempt: 1 });
  expect(executed.filter((id) => id === run.id)).toHaveLength(1);
});

test("an enqueue whose backend is terminated before its commit is one run", async () => {
  await using duckdive = open(database.url, { log: silent });
  const first = await duckdive.enqueue(copy);
  const { Client } = await import("pg");
  const blocker = new Client({ connectionString: database.superuserUrl });
  await blocker.connect();
  await blocker.query("begin");
  await blocker.query("lock table duckdive.runs in share row exclusive mode");
  const asked = duckdive.enqueue(copy);
  const waits = "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  await eventually(
    async () => (await ask(database.superuserUrl, `select pg_terminate_backend(pid) ${waits}`)).length > 0,
    10_000,
  );
  await blocker.query("commit");
  await blocker.end();
  const second = await asked;
  expect(await rowsOf(second.id)).toBe(1);
  for (const run of [first, second]) await run.cancel("the test is over");
});

test("a settlement whose answer is lost is told as it was taken", async () => {
  const { store, direct } = stores();
  const worker = await aWorker(store);
  const [plain, failed, late] = [aRun("answers"), aRun("answers"), aRun("answers")];
  await store.insert([plain, failed, late]);
  const claimed = new Map((await claimFrom(store, worker, "answers")).map((run) => [run.run, run]));
  const fenceOf = ({ id }: NewRun) => {
    const { run, token, claim } = claimed.get(id) ?? expect.unreachable();
    return claim === undefined ? { run, token } : { run, token, claim };
  };
  const stateIs = (run: NewRun, state: string) => async () =>
    (await direct.find([run.id]))[0]?.state === state;

  const warm = () => store.count({});
  const succeeded = { ...fenceOf(plain), state: "succeeded", output: "7" } as const;
  expect(await withoutAnswer(warm, () => store.settle([succeeded]), stateIs(plain, "succeeded"))).toEqual([
    { taken: true, state: "succeeded" },
  ]);
  const error = { name: "Error", message: "no" };
  const backedOff = {
    ...fenceOf(failed),
    state: "scheduled",
    due: { after: 3_600_000 },
    error,
    events: [{ kind: "failed", detail: error }],
  } as const;
  expect(await withoutAnswer(warm, () => store.settle([backedOff]), stateIs(failed, "scheduled"))).toEqual([
    { taken: true, state: "scheduled" },
  ]);
  const given = { ...fenceOf(late), state: "failed", reason: "error", error, keep: 3_600_000 } as const;
  expect(await withoutAnswer(warm, () => store.settle([given]), stateIs(late, "failed"))).toEqual([
    { taken: true, state: "failed" },
  ]);
  // Told once: whoever asks again, is not the one who settled it.
  expect(await store.settle([succeeded, backedOff, given])).toEqual([
    { taken: false },
    { taken: false },
    { taken: false },
  ]);
  expect((await store.heartbeat(worker)).lost).toEqual([]);
  expect((await store.timeline(plain.id)).events).toEqual([]);
  await store.retire(worker);
});

test("a settlement of a run that was given to others stays refused", async () => {
  const { store, direct } = stores();
  const worker = await aWorker(store);
  const run = aRun("given");
  await store.insert([run]);
  const [claimed] = await claimFrom(store, worker, "given");
  await direct.rescue([{ worker }]);
  const other = await aWorker(direct);
  const [again] = await claimFrom(direct, other, "given");
  if (claimed === undefined || again === undefined) expect.unreachable();
  await direct.settle([{ run: run.id, token: again.token, claim: again.claim, state: "succeeded" }]);
  expect(
    await store.settle([{ run: run.id, token: claimed.token, claim: claimed.claim, state: "succeeded" }]),
  ).toEqual([{ taken: false }]);
  await direct.retire(other);
});

test("a claim whose answer is lost is found again by the next one", async () => {
  const { store, direct } = stores();
  const worker = await aWorker(store);
  const run = aRun("doubt");
  await store.insert([run]);
  const isRunning = async () => (await direct.find([run.id]))[0]?.state === "running";
  await expect(
    withoutAnswer(
      () => store.count({}),
      () => claimFrom(store, worker, "doubt"),
      isRunning,
    ),
  ).rejects.toMatchObject({
    code: "STORE_UNREACHABLE",
  });
  expect((await claimFrom(store, worker, "doubt")).map((claimed) => claimed.run)).toEqual([run.id]);
  await store.retire(worker);
});

test("a claim that a broken network delivers long after it was given up is given back", async () => {
  const { store } = stores();
  const worker = await aWorker(store);
  const run = aRun("late");
  await store.insert([run]);
  // As if it had arrived by itself, half a minute ago.
  await ask(
    database.url,
    `select duckdive.claim($1, gen_random_uuid(), '{"late": 1}', '[{"job": "copy", "version": 1}]',
      floor(extract(epoch from clock_timestamp()) * 1000)::bigint - 31000)`,
    [worker],
  );
  expect(await store.find([run.id])).toMatchObject([{ state: "running" }]);
  expect(await store.heartbeat(worker)).toMatchObject({ alive: true, lost: [] });
  const [claimed] = await claimFrom(store, worker, "late");
  expect(claimed).toMatchObject({ run: run.id, attempt: 1, crashes: 0 });
  expect((await store.timeline(run.id)).events).toMatchObject([{ kind: "handedBack", worker }]);
  await store.retire(worker);
});
