// An old snapshot, open for hours: whatever was changed since stays in the tables and their indexes until it ends. What
// workers ask all the time must not have to walk over it.
import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pagesOf } from "../../../test/postgres/buffers.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, plainRun } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { eventually } from "../../../test/violence/processes.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { NewRun, Store } from "../contract.js";
import { postgres } from "./index.js";
import { statements } from "./statements.js";

let database: Database;
let store: Store;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false });
  await store.open();
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** Keeps what is there now for whoever might look at it, until the test is over. */
async function hold(how: "a reader under REPEATABLE READ" | "a writer that is idle"): Promise<Client> {
  const client = await connect(database.url);
  if (how === "a writer that is idle") await client.query("begin; select pg_current_xact_id()");
  else await client.query("begin isolation level repeatable read; select 1 from duckdive.meta");
  return client;
}

async function record(count: number, each: Partial<NewRun> | (() => Partial<NewRun>)): Promise<string[]> {
  const fields = typeof each === "function" ? each : () => each;
  const runs = Array.from({ length: count }, () => plainRun(newId(), fields()));
  await store.insert(runs);
  return runs.map((run) => run.id);
}

/** Claims runs one by one and finishes each, every one in a transaction of its own. */
function claimAndFinish(client: Client, worker: string, times: number): Promise<unknown> {
  return client.query(`do $$
    declare one uuid;
    begin
      for turn in 1 .. ${times} loop
        one := gen_random_uuid();
        perform duckdive.claim('${worker}', one, '{"*": 1}', '[{"job": "copy", "version": 1}]', null);
        commit;
        perform duckdive.settle((
          select json_agg(json_build_object('run', runs[1], 'token', seqs[1], 'claim', id, 'state', 'succeeded'))
          from duckdive.claims where id = one
        ), array[one], null);
        commit;
      end loop;
    end $$`);
}

const abilities = JSON.stringify([copy]);

describe.each(["a reader under REPEATABLE READ", "a writer that is idle"] as const)("behind %s", (holder) => {
  test("a claim looks at as many pages after two thousand claims as after a hundred", async () => {
    const ids = await record(2_200, {});
    const holding = await hold(holder);
    const client = await connect(database.url);
    const worker = await enter(store);
    const claim = () => ({ worker, claim: newId(), queues: '{"*": 1}', abilities, now: null, ageing: null });
    await claimAndFinish(client, worker, 100);
    const early = await pagesOf(client, statements.claim, claim());
    const peeked = await pagesOf(client, statements.peek, { abilities });
    await claimAndFinish(client, worker, 1_900);
    // Walking the dead would be thousands; what is added is what the catalogue and the hint bits cost now and then.
    expect(await pagesOf(client, statements.claim, claim())).toBeLessThan(early + 100);
    expect(await pagesOf(client, statements.peek, { abilities })).toBeLessThan(peeked + 100);
    await holding.query("rollback");
    expect(await brokenRules(database.url)).toEqual([]);
    await store.rescue([{ worker }]);
    await store.cancel(ids, "the test is over");
  }, 60_000);

  test("so does a promotion, and whoever asks what is due next", async () => {
    // In another order than they are stored in, or one page would have many of those that are passed.
    const ids = await record(3_000, () => ({ due: { after: 1 + Math.floor(Math.random() * 200) } }));
    const due = performance.now() + 250;
    await eventually(async () => performance.now() > due, 1_000);
    const holding = await hold(holder);
    const client = await connect(database.url);
    const promote = (limit: number) => pagesOf(client, statements.promote, { limit, now: null });
    const ask = () => pagesOf(client, statements.nextDue, { now: null });
    for (let turn = 0; turn < 5; turn++) await promote(20);
    const early = { promote: await promote(20), ask: await ask() };
    for (let turn = 0; turn < 19; turn++) await promote(100);
    expect(await promote(20)).toBeLessThan(early.promote * 2);
    expect(await ask()).toBeLessThan(early.ask * 2);
    await holding.query("rollback");
    await store.cancel(ids, "the test is over");
  }, 60_000);
});

test("many runs cancelled at the head of a lane are walked once, also beside a lane that has work", async () => {
  const doomed = await record(20_000, { queue: "crowded" });
  await record(50, { queue: "beside" });
  const holding = await hold("a reader under REPEATABLE READ");
  await store.cancel(doomed, "not wanted");
  const [last] = await record(1, { queue: "crowded" });
  const client = await connect(database.url);
  const worker = await enter(store);
  const claim = (queues: string) =>
    pagesOf(client, statements.claim, { worker, claim: newId(), queues, abilities, now: null, ageing: null });
  // A connection reads the catalog when it plans something for the first time.
  await claim('{"beside": 1}');
  const beside = await claim('{"*": 1}');
  expect(beside).toBeLessThan(100);
  expect(await claim('{"crowded": 1}')).toBeLessThan(100);
  expect((await store.find([last ?? ""]))[0]?.state).toBe("running");
  await holding.query("rollback");
  expect(await brokenRules(database.url)).toEqual([]);
}, 120_000);
