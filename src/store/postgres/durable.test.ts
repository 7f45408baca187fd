// Durable work where transactions of several connections cross: each test holds one of them open at the moment that matters.
//
// Nobody may sleep for ever, nobody may wait for a transaction of the application, and whoever comes later finds what is to
// be done.
import type { Client } from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { pagesOf } from "../../../test/postgres/buffers.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, send } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { eventually } from "../../../test/violence/processes.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Claimed, Entry, NewRun, Settlement, Store } from "../contract.js";
import { postgres } from "./index.js";
import { statements } from "./statements.js";
import { jsonText, plainList } from "./text.js";

let database: Database;
let store: Store;
let worker: string;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false });
  worker = await enter(store);
});
afterAll(async () => {
  expect(await brokenRules(database.url)).toEqual([]);
  expect(await ask(database.url, "select kind, subject from duckdive.errand")).toEqual([]);
  await store.close();
  await database.drop();
});

const longLife = { keep: 86_400_000 };

async function claim(count: number): Promise<Claimed[]> {
  const claimed = await store.claim({ worker, queues: { "*": count }, abilities: [copy] });
  expect(claimed).toHaveLength(count);
  return claimed;
}

/** A run that is running, and has made this call for so many children. */
async function family(
  kind: "child" | "children",
  count: number,
): Promise<{ parent: Claimed; children: Claimed[] }> {
  const id = newId();
  await store.insert([plainRun(id)]);
  const [parent] = await claim(1);
  if (parent === undefined) throw new Error("It was to be claimed.");
  await start(parent, kind, count);
  return { parent, children: await claim(count) };
}

async function start(
  parent: Claimed,
  kind: "child" | "children",
  count: number,
  fields: Partial<NewRun> = {},
): Promise<NewRun[]> {
  const runs = Array.from({ length: count }, () =>
    plainRun(newId(), { parent: { run: parent.run, entry: "call", onEnd: "cancel" }, ...fields }),
  );
  const [answer] = await store.record([
    { ...fenceOf(parent), entries: [{ name: "call", kind, state: "pending" }], children: runs },
  ]);
  expect(answer).toMatchObject({ taken: true });
  return runs;
}

function suspension(run: Claimed, ...names: string[]): Settlement {
  const waiting = { reason: "entries", on: JSON.stringify(names) } as const;
  return { ...fenceOf(run), state: "waiting", waiting, giveBack: true };
}

const success = (run: Claimed): Settlement => ({
  ...fenceOf(run),
  state: "succeeded",
  output: "1",
  ...longLife,
});

/** Settles over a connection of the test, without a commit. */
async function settleSlowly(settlement: Settlement): Promise<Client> {
  const client = await connect(database.url);
  await client.query("begin");
  const values = { items: jsonText([settlement]), done: "{}", now: null };
  const [row] = await send(client, statements.settle, values);
  expect(row?.[0]).toBe(`{${settlement.state}}`);
  return client;
}

/** Ends a run in a transaction of the application, which stays open. */
async function succeedSlowly(run: Claimed): Promise<Client> {
  const client = await connect(database.url);
  await client.query("begin");
  await store.settleIn(through(client), success(run), []);
  return client;
}

function through(client: Client) {
  return {
    query: async (text: string, values: readonly (string | null)[]): Promise<Record<string, unknown>[]> =>
      (await client.query<Record<string, unknown>>(text, [...values])).rows,
  };
}

const stateOf = async (id: string): Promise<string | undefined> => (await store.find([id]))[0]?.state;

async function entryOf(run: string, name = "call"): Promise<Entry | undefined> {
  return (await store.entries(run)).find((entry) => entry.name === name);
}

/** What must be so in the end, by promotions alone, as workers make them. */
async function becomes(id: string, state: string): Promise<void> {
  await eventually(async () => {
    await store.promote(100);
    return (await stateOf(id)) === state;
  }, 5_000);
}

/** Ends what the test has left, so that the next one claims nothing of it. */
async function clear(...ids: string[]): Promise<void> {
  await store.cancel(ids, "the test is over");
}

test("a child that ends while its parent is being suspended wakes it once that is done", async () => {
  const { parent, children } = await family("child", 1);
  const resting = await settleSlowly(suspension(parent, "call"));
  const ended = store.settle(children.map(success));
  await eventually(
    async () => (await ask(database.url, "select 1 from duckdive.errand")).length === 1,
    5_000,
  );
  expect(await stateOf(children[0]?.run ?? "")).toBe("succeeded");
  await resting.query("commit");
  await ended;
  await becomes(parent.run, "ready");
  expect(await entryOf(parent.run)).toMatchObject({ state: "done", value: "1", position: 1 });
  await clear(parent.run);
});

test("a parent that is suspended while its child's end is not committed waits for it, and is woken", async () => {
  const { parent, children } = await family("child", 1);
  const [child] = children;
  if (child === undefined) throw new Error("It has one.");
  const ending = await settleSlowly(success(child));
  const rested = store.settle([suspension(parent, "call")]);
  await ending.query("commit");
  expect(await rested).toEqual([{ taken: true, state: "ready" }]);
  await clear(parent.run);
});

test("the last two of many that end at once wake their parent, whichever commits first", async () => {
  for (const first of [0, 1]) {
    const { parent, children } = await family("children", 2);
    await store.settle([suspension(parent, "call")]);
    const ending = await settleSlowly(success(children[first] as Claimed));
    const other = store.settle([success(children[1 - first] as Claimed)]);
    await eventually(async () => (await stateOf(children[1 - first]?.run ?? "")) === "succeeded", 5_000);
    expect(await stateOf(parent.run)).toBe("waiting");
    await ending.query("commit");
    await other;
    await becomes(parent.run, "ready");
    expect(await entryOf(parent.run)).toMatchObject({ state: "done", position: 1 });
    await clear(parent.run);
  }
});

test("a settlement waits neither for a parent nor for a sibling that a transaction of the application has", async () => {
  const { parent, children } = await family("children", 3);
  await store.settle([suspension(parent, "call")]);
  const [one, two, three] = children as [Claimed, Claimed, Claimed];
  const application = await succeedSlowly(one);
  const holder = await connect(database.url);
  await holder.query("begin");
  await holder.query("select 1 from duckdive.runs where id = $1 for update", [parent.run]);
  const before = performance.now();
  expect(await store.settle([success(two), success(three)])).toEqual([
    { taken: true, state: "succeeded" },
    { taken: true, state: "succeeded" },
  ]);
  expect(performance.now() - before).toBeLessThan(3_000);
  await holder.query("commit");
  await application.query("commit");
  await becomes(parent.run, "ready");
  await clear(parent.run);
});

test("an end in a transaction of the application is told once that commits, by whoever promotes, and never when it rolls back", async () => {
  const { parent, children } = await family("child", 1);
  await store.settle([suspension(parent, "call")]);
  const [child] = children as [Claimed];
  const failing = await succeedSlowly(child);
  await failing.query("rollback");
  await store.promote(100);
  expect(await stateOf(parent.run)).toBe("waiting");
  const application = await succeedSlowly(child);
  await store.promote(100);
  expect(await stateOf(parent.run)).toBe("waiting");
  await application.query("commit");
  expect((await store.promote(100)).moved).toBe(1);
  expect(await stateOf(parent.run)).toBe("ready");
  store.committed(success(child));
  await clear(parent.run);
});

test("a parent that ends in a transaction of the application takes its children along behind the commit", async () => {
  const { parent, children } = await family("child", 1);
  const [child] = children as [Claimed];
  const application = await succeedSlowly(parent);
  await store.promote(100);
  expect((await store.pulse(worker)).cancelled).toEqual([]);
  await application.query("commit");
  await store.promote(100);
  expect((await store.pulse(worker)).cancelled).toMatchObject([{ run: child.run }]);
  expect(await store.settle([{ ...suspension(child, "call") }])).toEqual([
    { taken: true, state: "cancelled" },
  ]);
  store.committed(success(parent));
});

test("a signal that is committed after its run was suspended wakes it, though it was sent while that was running", async () => {
  const id = newId();
  await store.insert([plainRun(id)]);
  const [run] = (await claim(1)) as [Claimed];
  await store.record([
    { ...fenceOf(run), entries: [{ name: "call", kind: "signal", hash: "go", state: "pending" }] },
  ]);
  const application = await connect(database.url);
  await application.query("begin");
  const sent = { id: newId(), to: { run: id }, name: "go", payload: "7" };
  expect(await store.signalIn(through(application), [sent])).toEqual([true]);
  expect(await store.settle([suspension(run, "call")])).toEqual([{ taken: true, state: "waiting" }]);
  await application.query("commit");
  await becomes(id, "ready");
  expect(await entryOf(id)).toMatchObject({ state: "done", value: "7" });
  expect(await store.signal([sent])).toEqual([true]);
  expect(await ask(database.url, "select 1 from duckdive.signal where not taken")).toEqual([]);
  await clear(id);
});

test("two transactions that signal one suspended run do not wait for each other, and both are heard", async () => {
  const id = newId();
  await store.insert([plainRun(id)]);
  const [run] = (await claim(1)) as [Claimed];
  const wait = (name: string): Entry => ({ name, kind: "signal", hash: "go", state: "pending" });
  await store.record([{ ...fenceOf(run), entries: [wait("one"), wait("two")] }]);
  await store.settle([suspension(run, "one")]);
  const clients = [await connect(database.url), await connect(database.url)];
  for (const client of clients) {
    await client.query("begin");
    await client.query("set local lock_timeout = '1s'");
    await store.signalIn(through(client), [{ id: newId(), to: { run: id }, name: "go", payload: undefined }]);
  }
  for (const client of clients) await client.query("commit");
  await becomes(id, "ready");
  await store.promote(100);
  expect((await store.entries(id)).map(({ state }) => state)).toEqual(["done", "done"]);
  await clear(id);
});

test("a signal to a key that is recorded at the same moment finds its run when that waits for it", async () => {
  const id = newId();
  const key = `key of ${id}`;
  const recording = await connect(database.url);
  await recording.query("begin");
  const states = ["scheduled", "ready", "running", "waiting"] as const;
  await store.insertIn(through(recording), [
    plainRun(id, { unique: { key, while: states, onConflict: { kind: "ignore" } } }),
  ]);
  expect(await store.signal([{ id: newId(), to: { job: "copy", key }, name: "go", payload: "1" }])).toEqual([
    false,
  ]);
  await recording.query("commit");
  const [run] = (await claim(1)) as [Claimed];
  const [answer] = await store.record([
    { ...fenceOf(run), entries: [{ name: "call", kind: "signal", hash: "go", state: "pending" }] },
  ]);
  expect(answer).toMatchObject({ taken: true, settled: [{ name: "call", state: "done", value: "1" }] });
  await store.settle([success(run)]);
});

test("a tree is cancelled while a child of it settles, and nothing of it is left", async () => {
  for (let time = 0; time < 20; time += 1) {
    const { parent, children } = await family("children", 3);
    await store.settle([suspension(parent, "call")]);
    const [active] = children as [Claimed];
    const leaves = await start(active, "child", 2, { due: { after: 3_600_000 } });
    await Promise.all([
      store.cancel([parent.run], "all of it"),
      store.settle([suspension(active, "call"), ...children.slice(1).map(success)]),
    ]);
    for (const { id } of leaves) await becomes(id, "cancelled");
    expect(await stateOf(parent.run)).toBe("cancelled");
    expect(await stateOf(active.run)).toBe("cancelled");
  }
}, 60_000);

test("parents and children of parents that settle crosswise over two connections never wait in a circle", async () => {
  const deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
  const other = postgres({ database: database.url, notify: false });
  onTestFinished(() => other.close());
  for (let time = 0; time < 15; time += 1) {
    const first = await family("children", 1);
    const second = await family("children", 1);
    const [left] = first.children as [Claimed];
    const [right] = second.children as [Claimed];
    await start(left, "children", 4);
    await start(right, "children", 4);
    const leaves = await claim(8);
    const halves = [
      leaves.filter((_, place) => place % 2 === 0),
      leaves.filter((_, place) => place % 2 === 1),
    ] as const;
    await Promise.all([
      store.settle([suspension(left, "call"), ...halves[0].map(success), suspension(second.parent, "call")]),
      other.settle([suspension(right, "call"), ...halves[1].map(success), suspension(first.parent, "call")]),
    ]);
    for (const { run } of [left, right]) await becomes(run, "ready");
    await store.settle((await claim(2)).map(success));
    for (const { run } of [first.parent, second.parent]) await becomes(run, "ready");
    await clear(first.parent.run, second.parent.run);
  }
  expect(await ask(database.superuserUrl, deadlocks)).toMatchObject([{ deadlocks: "0" }]);
}, 60_000);

test("a hundred thousand runs that are suspended cost a claim, a promotion and whoever asks what is due nothing", async () => {
  const client = await connect(database.url);
  const claimOnce = () =>
    pagesOf(client, statements.claim, {
      worker,
      claim: newId(),
      queues: '{"*": 1}',
      abilities: JSON.stringify([copy]),
      now: null,
      ageing: null,
    });
  const askDue = () => pagesOf(client, statements.nextDue, { now: null });
  const promote = () => pagesOf(client, statements.promote, { limit: 100, now: null });
  const measure = async () => ({ claim: await claimOnce(), due: await askDue(), promote: await promote() });
  await measure();
  const before = await measure();
  const names = jsonText(["call"]);
  await client.query(
    `insert into duckdive.runs (
      id, state, job, version, queue, priority, requested_at, run_at, wait_reason, awaits, wake_at, due, durable
    )
    select gen_random_uuid(), 'waiting', 'copy', 1, 'default', 0, at, at, 'entries', $1, at + 3600000, at + 3600000, 1
    from generate_series(1, 100000), lateral (select duckdive.now_or(null) as at) as now`,
    [names],
  );
  await measure();
  const after = await measure();
  for (const [verb, pages] of Object.entries(after))
    expect.soft(pages, verb).toBeLessThan(before[verb as keyof typeof before] + 100);
  await client.query("delete from duckdive.runs where wait_reason = 'entries'");
}, 120_000);

test("a list of names too long for an index is waited for", async () => {
  const id = newId();
  await store.insert([plainRun(id)]);
  const [run] = (await claim(1)) as [Claimed];
  const names = Array.from({ length: 5_000 }, (_, place) => `${newId()} ${place}`);
  await store.record([
    {
      ...fenceOf(run),
      entries: names.map((name) => ({ name, kind: "signal", hash: name, state: "pending" })),
    },
  ]);
  expect(await store.settle([suspension(run, ...names)])).toEqual([{ taken: true, state: "waiting" }]);
  expect((await store.find([id]))[0]?.waiting?.on).toBe(JSON.stringify(names));
  await store.signal([{ id: newId(), to: { run: id }, name: names.at(-1) ?? "", payload: undefined }]);
  expect(await stateOf(id)).toBe("ready");
  await clear(id);
});

test("a worker of an older version that settles a child tells its parent all the same", async () => {
  const { parent, children } = await family("child", 1);
  const [child] = children as [Claimed];
  await store.settle([suspension(parent, "call")]);
  const client = await connect(database.url);
  const [row] = await send(client, statements.settlePlain, {
    runs: plainList([child.run]),
    tokens: plainList([child.token]),
    claims: plainList([child.claim ?? ""]),
    outputs: plainList([2]),
    keeps: plainList([86_400_000]),
    done: plainList([child.claim ?? ""]),
    now: null,
  });
  expect(row?.[0]).toBe(`{${child.run}}`);
  expect(await stateOf(parent.run)).toBe("ready");
  expect(await entryOf(parent.run)).toMatchObject({ state: "done", value: "2" });
  await clear(parent.run);
});
