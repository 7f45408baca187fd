// A heartbeat says which claims the worker knows, and gives back what it holds beside them. Heartbeats are repeated
// while the database is away, and by then the worker may know more.
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { freshDatabase } from "../../../test/postgres/database.js";
import { fenceOf, plainRun } from "../../../test/postgres/direct.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import { postgres } from "./index.js";

test("what was claimed while a heartbeat was held up is not given back", async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const pool = new pg.Pool({ connectionString: database.url });
  onTestFinished(() => pool.end());
  const send = pool.query.bind(pool) as (query: { text: string }) => Promise<unknown>;
  let meanwhile: (() => Promise<void>) | undefined;
  Object.assign(pool, {
    async query(query: { text: string }) {
      if (meanwhile === undefined || !query.text.includes("beats = beats + 1")) return send(query);
      await meanwhile();
      meanwhile = undefined;
      throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    },
  });
  const store = postgres({ database: pool, notify: false });
  onTestFinished(() => store.close());
  const worker = await enter(store);
  await store.insert([plainRun(newId())]);
  let claimed: Awaited<ReturnType<typeof store.claim>> = [];
  meanwhile = async () => {
    claimed = await store.claim({ worker, queues: { "*": 1 }, abilities: [copy] });
    await ask(database.url, "update duckdive.claims set at = at - 60000");
  };
  expect(await store.heartbeat(worker)).toMatchObject({ alive: true, lost: [] });
  expect(claimed).toHaveLength(1);
  await store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" })));
  expect((await store.find(claimed.map(({ run }) => run)))[0]?.state).toBe("succeeded");
});

test("what was given back unknown to its worker has not been settled by it", async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const store = postgres({ database: database.url, notify: false });
  onTestFinished(() => store.close());
  const worker = await enter(store);
  await store.insert([plainRun(newId())]);
  const claimed = await store.claim({ worker, queues: { "*": 1 }, abilities: [copy] });
  await ask(database.url, "select duckdive.give_back($1, $2, null)", [
    worker,
    claimed.map(({ claim }) => claim),
  ]);
  expect(await store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" })))).toEqual([
    { taken: false },
  ]);
});
