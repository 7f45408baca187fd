// Many lanes at once: what a claim costs over hundreds of queues, and in which order they come to their turn.
import { afterAll, beforeAll, expect, test } from "vitest";
import { pagesOf } from "../../../test/postgres/buffers.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, send } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Store } from "../contract.js";
import { postgres } from "./index.js";
import { statements } from "./statements.js";

let database: Database;
let store: Store;
let worker: string;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false });
  worker = await enter(store);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

async function record(count: number, queueOf: (index: number) => string): Promise<string[]> {
  const runs = Array.from({ length: count }, (_, index) => plainRun(newId(), { queue: queueOf(index) }));
  for (let start = 0; start < count; start += 5_000) await store.insert(runs.slice(start, start + 5_000));
  return runs.map((run) => run.id);
}

/** Claims from everywhere and finishes; answers the queues in the order they came. */
async function workSome(count: number): Promise<string[]> {
  const claimed = await store.claim({ worker, queues: { "*": count }, abilities: [copy] });
  await store.settle(claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" })));
  return claimed.map((one) => one.queue);
}

test("a hundred thousand runs over three hundred queues cost a claim some pages for each queue, and no more as they grow fewer", async () => {
  await record(100_000, (index) => `queue-${index % 300}`);
  const client = await connect(database.url);
  const claim = () =>
    pagesOf(client, statements.claim, {
      worker,
      claim: newId(),
      queues: '{"*": 100}',
      abilities: JSON.stringify([copy]),
      now: null,
      ageing: null,
    });
  await claim();
  const first = await claim();
  for (let turn = 0; turn < 20; turn++) await workSome(1_000);
  const later = await claim();
  expect(first).toBeLessThan(300 * 15);
  expect(later).toBeLessThan(first * 1.5);
  expect(await brokenRules(database.url)).toEqual([]);
}, 60_000);

test("a claim locks no more lanes than it has slots, and a handful", async () => {
  const client = await connect(database.url);
  await client.query("begin");
  const abilities = JSON.stringify([copy]);
  await send(client, statements.claim, {
    worker,
    claim: newId(),
    queues: '{"*": 20}',
    abilities,
    now: null,
    ageing: null,
  });
  const locks =
    "select count(*)::integer as held from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";
  const { rows } = await client.query<{ held: number }>(locks);
  await client.query("rollback");
  // One more shows that the worker is there.
  expect(rows[0]?.held).toBe(21);
});

test("workers with one slot each empty all lanes together, though each looks at a few", async () => {
  while ((await workSome(2_000)).length > 0);
  const runs = 600;
  await record(runs, (index) => `queue-${index % 300}`);
  const workers = await Promise.all(Array.from({ length: 6 }, () => enter(store)));
  const taken = await Promise.all(
    workers.map(async (one) => {
      let count = 0;
      for (;;) {
        const claimed = await store.claim({ worker: one, queues: { "*": 1 }, abilities: [copy] });
        if (claimed.length === 0) return count;
        count += claimed.length;
        await store.settle(claimed.map((each) => ({ ...fenceOf(each), state: "succeeded" })));
      }
    }),
  );
  expect(taken.reduce((sum, count) => sum + count)).toBe(runs);
}, 60_000);

// Of lanes that have the same priority the one whose first run has waited longest is drawn from first. So a backlog goes
// before what came after it, and is not put before it again by what comes still later.
test("a queue with an older backlog comes first, and a younger queue before what joins that backlog later", async () => {
  while ((await workSome(2_000)).length > 0);
  await record(3_000, () => "backlog");
  await record(10, () => "young");
  await record(3_000, () => "backlog");
  const order: string[] = [];
  for (let some = await workSome(500); some.length > 0; some = await workSome(500)) order.push(...some);
  const turns = order.flatMap((queue, index) => (queue === "young" ? index : []));
  expect(order).toHaveLength(6_010);
  expect(turns).toHaveLength(10);
  expect(Math.min(...turns)).toBeGreaterThanOrEqual(3_000);
  expect(Math.max(...turns)).toBeLessThan(3_500 + 10);
}, 60_000);
