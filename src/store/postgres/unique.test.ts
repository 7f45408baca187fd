// Unique keys where two transactions meet: each test holds one of them open by hand, and says in which order what happens.
// Nobody sleeps: what has to wait is seen waiting in the server, or the order of the answers tells.
import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, recordIn, send } from "../../../test/postgres/direct.js";
import { eventually } from "../../../test/violence/processes.js";
import { newId } from "../../kernel/index.js";
import { enter, only, parked, stored, succeeded, take, takeOne } from "../../testing/conformance/build.js";
import { keyed, live } from "../../testing/conformance/keys.js";
import type { Claimed, NewRun, Store } from "../contract.js";
import { postgres } from "./index.js";
import { columnsOf } from "./shapes.js";
import { statements } from "./statements.js";
import { hashOf, keyTrouble } from "./unique.js";

let database: Database;
let store: Store;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url });
  await store.open();
});
afterAll(async () => {
  await store.close();
  await database.drop();
});
beforeEach(async () => {
  for (const { id } of await store.workers()) await store.retire(id);
  const { runs } = await store.list({}, { limit: 1_000 });
  await store.remove(runs.map(({ id }) => id));
});

const replaces = (key: string, input = "2"): NewRun =>
  plainRun(newId(), { ...keyed({ key, onConflict: { kind: "replace", fields: ["input"] } }), input });

async function begin(): Promise<Client> {
  const client = await connect(database.url);
  await client.query("begin");
  return client;
}

async function insert(fields: Partial<NewRun> = {}): Promise<string> {
  return only(await store.insert([plainRun(newId(), fields)])).id;
}

/** Resolves when a session of the server waits for this one. */
async function isWaitedFor(client: Client): Promise<void> {
  const { rows } = await client.query("select pg_backend_pid() as pid");
  const pid: unknown = rows[0].pid;
  await eventually(async () => {
    const waiting = await ask(
      database.url,
      "select from pg_stat_activity where $1::integer = any(pg_blocking_pids(pid))",
      [pid],
    );
    return waiting.length > 0;
  }, 10_000);
}

/** Claims all there is, by run. */
async function claimAll(): Promise<Map<string, Claimed>> {
  const claimed = await take(store, await enter(store));
  return new Map(claimed.map((one) => [one.run, one]));
}

function settling(claimed: Claimed | undefined): ReturnType<typeof succeeded> {
  if (claimed === undefined) throw new Error("The run was to be claimed.");
  return succeeded(claimed);
}

describe("a transaction of the application that stays open", () => {
  test("and has taken the key off a run that runs keeps nobody's settlement waiting but that run's", async () => {
    const [locked, other] = [
      await insert(keyed({ key: "a", while: ["ready"] })),
      await insert(keyed({ key: "b" })),
    ];
    const plain = await insert();
    const claimed = await claimAll();
    const client = await begin();
    const next = plainRun(newId(), keyed({ key: "a", while: ["ready"] }));
    expect(await recordIn(store, client, [next])).toEqual([{ id: next.id, created: true }]);

    const order: string[] = [];
    const waiting = store.settle([settling(claimed.get(locked))]).then((answers) => {
      order.push("its own");
      return answers;
    });
    const rest = [other, plain].map((id) => settling(claimed.get(id)));
    expect((await store.settle(rest)).map(({ taken }) => taken)).toEqual([true, true]);
    order.push("the others");
    await client.query("commit");
    expect(await waiting).toEqual([{ taken: true, state: "succeeded" }]);
    expect(order).toEqual(["the others", "its own"]);
    expect((await stored(store, next.id)).state).toBe("ready");
  });

  test("and has changed a run that is claimed meanwhile decides by its end whose that is", async () => {
    for (const end of ["commit", "rollback"] as const) {
      const id = await insert({ ...keyed(), input: "1" });
      const client = await begin();
      expect(await recordIn(store, client, [replaces("k")])).toEqual([{ id, created: false, changed: true }]);
      const claimed = await takeOne(store, await enter(store));
      expect(claimed).toMatchObject({ run: id, input: "1" });
      const answer = store.settle([settling(claimed)]);
      const plain = await insert();
      await store.cancel([plain], "not wanted");
      await client.query(end);
      const isTaken = end === "rollback";
      expect(only(await answer).taken).toBe(isTaken);
      const run = await stored(store, id);
      expect([run.state, run.input]).toEqual(isTaken ? ["succeeded", "1"] : ["ready", "2"]);
      if (isTaken) continue;
      const again = await takeOne(store, await enter(store));
      expect(again.input).toBe("2");
      await store.settle([succeeded(again)]);
    }
  });

  test("and has changed a run that is claimed meanwhile has that execution told that it is in vain", async () => {
    const id = await insert({ ...keyed(), input: "1" });
    const client = await begin();
    await recordIn(store, client, [replaces("k")]);
    const worker = await enter(store);
    const claimed = await takeOne(store, worker);
    expect((await store.heartbeat(worker)).lost).toEqual([]);
    await client.query("commit");
    expect((await store.heartbeat(worker)).lost).toEqual([fenceOf(claimed)]);
    expect((await store.heartbeat(worker)).lost).toEqual([]);
    expect((await takeOne(store, worker)).run).toBe(id);
    expect(await store.settle([succeeded(claimed)])).toEqual([{ taken: false }]);
  });

  test("keeps who asks for its key waiting, and nobody who asks beside him", async () => {
    const client = await begin();
    const mine = plainRun(newId(), keyed({ key: "mine" }));
    await recordIn(store, client, [mine]);
    const order: string[] = [];
    const note = (what: string) => (id: string) => {
      order.push(what);
      return id;
    };
    const waiting = insert(keyed({ key: "mine" })).then(note("his"));
    await Promise.all([insert(keyed({ key: "other" })), insert(keyed({ key: "third" })), insert()]);
    order.push("the others");
    await isWaitedFor(client);
    await client.query("commit");
    expect(await waiting).toBe(mine.id);
    expect(order).toEqual(["the others", "his"]);
  });

  test("has its run cancelled, changed and removed by nobody, and no claim waits for whoever tries", async () => {
    const id = await insert(keyed());
    const client = await begin();
    await recordIn(store, client, [replaces("k")]);
    const tries = [
      () => store.cancel([id], "not wanted"),
      () => store.change([id], { priority: 3 }),
      () => store.remove([id]),
    ];
    const workers: string[] = [];
    for (const attempt of tries) {
      const refused = attempt().then(
        () => undefined,
        (error: unknown) => error,
      );
      const plain = await insert();
      const worker = await enter(store);
      const claims = await take(store, worker);
      expect(claims.map(({ run }) => run)).toContain(plain);
      await store.settle(claims.filter(({ run }) => run === plain).map(settling));
      expect(await refused).toMatchObject({ code: "STORE_BUSY" });
      await store.retire(worker);
      workers.push(worker);
    }
    await client.query("rollback");
    // The workers had claimed it as well, and could not give it back.
    await store.rescue(workers.map((worker) => ({ worker })));
    expect(await store.cancel([id], "not wanted")).toEqual([true]);
    expect((await stored(store, id)).state).toBe("cancelled");
  });

  test("leaves a run that waits for a worker to be woken when it has ended", async () => {
    const old = await enter(store);
    const id = await insert({ ...keyed(), input: "1" });
    const claimed = await takeOne(store, old);
    await store.settle([parked(claimed, "worker", "copy@2")]);
    const client = await begin();
    await recordIn(store, client, [replaces("k")]);
    await enter(store, { abilities: [{ job: "copy", version: 2 }] });
    await client.query("commit");
    expect((await stored(store, id)).state).toBe("waiting");
    // One whose upkeep has not looked at anything yet: what was passed by is looked for every few seconds.
    const other = postgres({ database: database.url });
    onTestFinished(() => other.close());
    await other.promote(10);
    expect(await stored(store, id)).toMatchObject({ state: "ready", input: "2" });
  });

  test("and has taken a key for a time keeps nobody from removing what is over", async () => {
    const window = keyed({ key: "for a time", while: undefined, window: 1 });
    await insert(window);
    const later = await begin();
    await ask(database.url, "update duckdive.unique_window set until = 0");
    await recordIn(store, later, [plainRun(newId(), window)]);
    await store.prune(10);
    await later.query("commit");
    await store.prune(10);
  });

  test("and has a key that is asked for in a preparation keeps no other run from being prepared", async () => {
    const waiting = { waiting: "preparation" } as const;
    const [id, other] = [await insert(waiting), await insert(waiting)];
    const application = await begin();
    const key = keyed({ key: "prepared" });
    await recordIn(store, application, [plainRun(newId(), key)]);
    const { id: _, ...run } = plainRun(id, { ...key, input: "1" });
    const prepared = [
      { id, run },
      { id: other, run: { ...run, unique: undefined } },
    ];
    await store.prepare(prepared);
    expect((await store.find([id, other])).map((one) => one?.state)).toEqual(["waiting", "ready"]);
    await application.query("commit");
    await store.prepare(prepared);
    expect((await stored(store, id)).state).toBe("cancelled");
  });

  test("may record what follows a settlement that has the same key", async () => {
    const id = await insert();
    const claimed = await takeOne(store, await enter(store));
    const client = await begin();
    const first = plainRun(newId(), keyed());
    await recordIn(store, client, [first]);
    const follow = plainRun(newId(), keyed({ onConflict: { kind: "reject" } }));
    const answer = store.settle([{ ...settling(claimed), follow: [follow] }]);
    await isWaitedFor(client);
    await client.query("commit");
    expect(await answer).toEqual([{ taken: true, state: "succeeded" }]);
    expect((await store.find([id, first.id, follow.id])).map((run) => run?.state)).toEqual([
      "succeeded",
      "ready",
      undefined,
    ]);
  });
});

describe("two transactions of the application", () => {
  const asks = (client: Client, key: string) => recordIn(store, client, [plainRun(newId(), keyed({ key }))]);

  test("that take two keys crosswise: one is given up and told to run again, the other goes on", async () => {
    const [one, two] = [await begin(), await begin()];
    await asks(one, "a");
    await asks(two, "b");
    const calls = [asks(one, "b"), asks(two, "a")];
    const results = await Promise.allSettled(
      calls.map(async (call, index) => {
        const client = index === 0 ? one : two;
        await call.finally(() => client.query("rollback"));
      }),
    );
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({ code: "ENQUEUE_CONFLICT" });
    expect(String(refused[0])).toContain("Run the whole transaction again");
  });

  test("under REPEATABLE READ: who began before the key was taken is told to run again", async () => {
    const client = await connect(database.url);
    await client.query("begin isolation level repeatable read; select 1");
    await insert(keyed());
    await expect(asks(client, "k")).rejects.toMatchObject({ code: "ENQUEUE_CONFLICT" });
    await client.query("rollback");
    await client.query("begin isolation level repeatable read");
    expect(only(await asks(client, "k")).created).toBe(false);
  });
});

describe("a request in vain", () => {
  test("says after its time which jobs it waited for", async () => {
    const client = await begin();
    await recordIn(store, client, [plainRun(newId(), keyed())]);
    const own = plainRun(newId(), keyed());
    const session = await connect(database.url);
    const values = {
      ...columnsOf([own]),
      now: null,
      notice: null,
      nonce: null,
      all: "false",
      patience: "20ms",
    };
    const error = await send(session, statements.recordUnique, values).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    const told = keyTrouble(error, [own], "the database");
    expect(told).toMatchObject({ code: "STORE_BUSY" });
    expect(String(told)).toMatch(/a run of "copy" with the same unique key has not ended for 5 seconds/);
  });
});

describe("what is left in the database", () => {
  test("of a key is half a hash, in one index for as long as its run lives", async () => {
    await insert(keyed({ key: "x".repeat(100_000) }));
    const rows = await ask(database.url, "select unique_key from duckdive.runs");
    const digits = hashOf({ key: "x".repeat(100_000) });
    expect(rows.map(({ unique_key }) => String(unique_key).replaceAll("-", ""))).toEqual([digits]);
  });

  test("runs of a bulk stand in the order they were asked for, whatever that of their keys", async () => {
    const runs = Array.from({ length: 50 }, (_, index) =>
      plainRun(newId(), keyed({ key: `k${index}`, while: live })),
    );
    await store.insert(runs);
    const claimed = await take(store, await enter(store), { "*": 50 });
    expect(claimed.map(fenceOf).map(({ run }) => run)).toEqual(runs.map(({ id }) => id));
  });
});
