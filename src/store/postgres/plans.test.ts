// Plans are made by statistics, and those of tables whose rows live for seconds are wrong at almost every moment. So the
// statements that everything depends on must be planned the same whatever the statistics say, and are counted here in
// pages: a bad plan for these looks at thousands.
import type { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { pagesOf, pagesOfText } from "../../../test/postgres/buffers.js";
import { freshDatabase } from "../../../test/postgres/database.js";
import { connect, send } from "../../../test/postgres/direct.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Store } from "../contract.js";
import { postgres } from "./index.js";
import { statements } from "./statements.js";
import { jsonText, listOf, plainList } from "./text.js";

const rows = Number(process.env.DUCKDIVE_PLAN_ROWS ?? 20_000);
const batch = 100;
const abilities = JSON.stringify([copy]);
const tables = [
  "runs",
  "lane",
  "lane_state",
  "claims",
  "due_state",
  "history",
  "worker",
  "gate",
  "admitted",
] as const;

const ids = (count: number): string[] => Array.from({ length: count }, () => newId());
const shape = { job: "copy", version: 1, queue: "default", priority: 0 };

const unique = { while: 15, kind: "ignore" };

/** With keys: of each run an own one, unless these are given. */
function insertion(count: number, more: object = {}, keys: readonly string[] | null = null) {
  const own = ids(count);
  return {
    ids: plainList(own),
    inputs: plainList(own.map(() => 1)),
    numbers: plainList(own.map(() => 1)),
    shapes: JSON.stringify([{ ...shape, ...more }]),
    known: plainList(own),
    isLong: "false",
    now: null,
    notice: null,
    nonce: null,
    keys: keys === null ? null : plainList(keys),
  };
}

/** Runs of a hundred accounts, of which each may run so many at a time. */
function gatedInsertion(count: number, limit: number) {
  const shapes = Array.from({ length: batch }, (_, account) => ({
    ...shape,
    queue: "gated",
    gates: [{ kind: "limit", key: `account ${account}`, limit }],
  }));
  const numbers = plainList(Array.from({ length: count }, (_, index) => (index % batch) + 1));
  return { ...insertion(count), numbers, shapes: JSON.stringify(shapes) };
}

/** As many runs as there are to be, ready or with a start that is over by the time they are looked at. */
async function load(client: Client): Promise<void> {
  await send(client, statements.insertRuns, gatedInsertion(rows / 4, 1_000));
  for (let done = 0; done < rows; done += 5_000) {
    const values =
      done % 10_000 === 0 ? insertion(5_000) : insertion(5_000, { due_after: 1, unique }, ids(5_000));
    await send(client, statements.insertRuns, values);
  }
}

const analyze = (url: string): Promise<unknown> =>
  ask(url, `analyze ${tables.map((name) => `duckdive.${name}`).join(", ")}`);

type Prepare = (url: string, client: Client) => Promise<void>;

const kinds: Record<string, Prepare> = {
  "that was never taken": async (_url, client) => load(client),
  "that was taken while all was empty": async (url, client) => {
    await analyze(url);
    await load(client);
  },
  "that was taken while all rows were dead": async (url, client) => {
    await load(client);
    const holding = await connect(url);
    await holding.query("begin isolation level repeatable read; select 1 from duckdive.meta");
    await ask(url, "delete from duckdive.runs");
    await ask(url, "vacuum duckdive.runs");
    await analyze(url);
    await load(client);
  },
  "that is right": async (url, client) => {
    await load(client);
    await analyze(url);
  },
};

/** Every verb of the hot path once, on a connection that has planned each before. */
async function costs(store: Store, client: Client): Promise<Record<string, number>> {
  await measure(store, client);
  return measure(store, client);
}

async function measure(store: Store, client: Client): Promise<Record<string, number>> {
  const pages: Record<string, number> = {};
  const worker = await enter(store);
  const queues = `{"default": ${batch}}`;
  const [claim, lost] = [newId(), newId()];
  pages.insert = await pagesOf(client, statements.insertRuns, insertion(batch));
  pages.plain = await pagesOf(client, statements.insertRuns, { ...insertion(batch), known: "{}" });
  const keys = ids(batch);
  const keyed = () => ({
    ...insertion(batch, { due_after: 60_000, unique }, keys),
    all: "false",
    patience: null,
  });
  pages.keyed = await pagesOf(client, statements.recordUnique, keyed());
  pages.met = await pagesOf(client, statements.recordUnique, keyed());
  pages.peek = await pagesOf(client, statements.peek, { abilities });
  pages.claim = await pagesOf(client, statements.claim, {
    worker,
    claim,
    queues,
    abilities,
    now: null,
    ageing: null,
  });
  pages.claimed = await pagesOf(client, statements.claimed, { claim });
  const held = await send(client, statements.claimed, { claim });
  expect(held).toHaveLength(batch);
  const runs = plainList(held.map((row) => row[0] ?? ""));
  pages.find = await pagesOf(client, statements.findRuns, { ids: runs });
  pages.settle = await pagesOf(client, statements.settlePlain, {
    runs,
    tokens: plainList(held.map((row) => row[1] ?? "")),
    claims: plainList(held.map(() => claim)),
    outputs: plainList(held.map(() => 1)),
    keeps: plainList(held.map(() => 86_400_000)),
    done: plainList([claim]),
    now: null,
  });
  pages.nextDue = await pagesOf(client, statements.nextDue, { now: null });
  pages.promote = await pagesOf(client, statements.promote, { limit: batch, now: null });
  const gatedClaim = newId();
  pages.claimGated = await pagesOf(client, statements.claim, {
    worker,
    claim: gatedClaim,
    queues: `{"gated": ${batch}}`,
    abilities,
    now: null,
    ageing: null,
  });
  const [first] = await send(client, statements.claimed, { claim: gatedClaim });
  const gateKeys = await send(client, statements.gatesOfWorkers, { workers: plainList([worker]) });
  expect(listOf(gateKeys[0]?.[0])).toHaveLength(batch);
  // As if all were full and a thousand in line: each key is looked at, and nobody is let in.
  await client.query(fill, [first?.[0]]);
  pages.handOver = await pagesOf(client, statements.handOver, { keys: gateKeys[0]?.[0], now: null });
  await client.query(withoutLines);
  await send(client, statements.claim, { worker, claim: lost, queues, abilities, now: null, ageing: null });
  const deaths = jsonText([{ worker }]);
  pages.rescue = await pagesOf(client, statements.bury, { deaths, how: "lost", now: null });
  return pages;
}

const inLine =
  "select id from duckdive.runs where queue = 'gated' and lane is not null order by xid desc, seq desc limit 1000";
const fill = `with line as (
    update duckdive.runs set parked_on = gate_keys[1], lane = null, state = 'waiting', gate_limits = '{1}',
      gates = json_build_array(json_build_object('kind', 'limit', 'key', gates -> 0 ->> 'key', 'limit', 1))
    where id in (${inLine}) and id <> $1
    returning parked_on
  )
  insert into duckdive.gate (key, n, place, run_at, id, touched_at)
  select distinct parked_on, 0, 0, 0, '00000000-0000-0000-0000-000000000000'::uuid, 0 from line`;
const withoutLines = "delete from duckdive.gate";

/** Pages for a batch of a hundred, about three times what each needs; a look through all runs alone is more. */
const most = {
  keyed: 7_000,
  met: 4_500,
  insert: 3_000,
  plain: 1_500,
  peek: 150,
  claim: 150,
  claimGated: 1_500,
  handOver: 8_000,
  claimed: 100,
  find: 1_500,
  settle: 1_500,
  nextDue: 60,
  promote: 6_000,
  rescue: 7_500,
};

/** Before PostgreSQL 17 an index looks a list of keys up one by one, from its root, and in every partition. */
const mostBefore17 = {
  ...most,
  claimGated: 3_000,
  handOver: 12_000,
  keyed: 15_000,
  met: 9_000,
  insert: 8_000,
  claimed: 300,
  find: 8_000,
};

async function limitsOf(client: Client): Promise<Record<string, number>> {
  const { rows } = await client.query<{ version: string }>(
    "select current_setting('server_version_num') as version",
  );
  return Number(rows[0]?.version) < 170_000 ? mostBefore17 : most;
}

test.each(Object.entries(kinds))(
  "with statistics %s no statement looks through everything",
  {
    timeout: 120_000,
  },
  async (_name, prepare) => {
    const database = await freshDatabase();
    onTestFinished(() => database.drop());
    const store = postgres({ database: database.url, notify: false });
    onTestFinished(() => store.close());
    await store.open();
    await ask(database.url, "alter table duckdive.runs set (autovacuum_enabled = false)");
    const client = await connect(database.url);
    await send(client, statements.makeLanes, {
      lanes: '[{"queue": "default", "priority": 0}, {"queue": "gated", "priority": 0, "gated": true}]',
    });
    await prepare(database.url, client);
    const pages = await costs(store, client);
    for (const [verb, limit] of Object.entries(await limitsOf(client)))
      expect.soft(pages[verb], verb).toBeLessThan(limit);
  },
);

test("with statistics taken while dependencies were being recorded none looks through all that are open", async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const store = postgres({ database: database.url, notify: false });
  onTestFinished(() => store.close());
  await store.open();
  const client = await connect(database.url);
  await client.query("begin");
  await client.query(`
    insert into duckdive.dependency (run, needs, policy, is_open)
    select gen_random_uuid(), gen_random_uuid(), 0, true from generate_series(1, ${rows})`);
  await ask(database.url, "vacuum analyze duckdive.dependency");
  await client.query("commit");
  const [run] = ids(1);
  const looks = {
    "by who waits": `select duckdive.is_held_back('${run}')`,
    "by whom one waits for": `select duckdive.tell_ends('{${run}}', ${batch}, 0)`,
  };
  for (const [how, look] of Object.entries(looks)) {
    const isOver = () => client.query("insert into duckdive.over (run, how) values ($1, 'succeeded')", [run]);
    await isOver();
    await client.query(look);
    await isOver();
    expect.soft(await pagesOfText(client, look), how).toBeLessThan(50);
  }
});
