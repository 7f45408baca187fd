// A dump of a queue, restored in another cluster. Positions are made of transaction numbers, and those mean nothing there:
// cursors stand where no number comes for years, and runs have numbers that are still to be given out.
import { expect, onTestFinished, test } from "vitest";
import { newId } from "../../src/kernel/index.js";
import type { NewRun, Settlement, Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { aWorker, copy, enter, fenceOf } from "../../src/testing/conformance/build.js";
import { ask } from "../postgres/ask.js";
import { connect, plainRun } from "../postgres/direct.js";
import { brokenRules } from "../postgres/invariants.js";
import { careless, startServer } from "../postgres/server.js";
import { eventually } from "./processes.js";

type Row = Record<string, unknown>;
interface Dump {
  readonly tables: ReadonlyMap<string, unknown>;
  readonly sequences: ReadonlyMap<string, unknown>;
}

async function openOn(database: string): Promise<Store> {
  const store = postgres({ database });
  onTestFinished(() => store.close());
  await store.open();
  return store;
}

async function ownServer(): Promise<string> {
  const server = await startServer({ settings: careless });
  onTestFinished(() => server.end());
  return server.createDatabase();
}

/** What pg_dump holds of the rows, without needing the program. */
async function dumpOf(url: string): Promise<Dump> {
  const client = await connect(url);
  await client.query("begin isolation level repeatable read read only");
  const read = async (sql: string): Promise<Row[]> => (await client.query<Row>(sql)).rows;
  const tables = new Map<string, unknown>();
  for (const name of await tablesOf(url)) {
    const [row] = await read(`select json_agg(t)::text as rows from duckdive.${name} as t`);
    tables.set(name, row?.rows);
  }
  const sequences = new Map<string, unknown>();
  for (const { name } of await read(
    "select sequencename as name from pg_sequences where schemaname = 'duckdive'",
  )) {
    const [row] = await read(`select last_value from duckdive.${String(name)}`);
    sequences.set(String(name), row?.last_value);
  }
  await client.query("commit");
  return { tables, sequences };
}

/** Without partitions, whose rows come with their parent's. */
async function tablesOf(url: string): Promise<string[]> {
  const rows = await ask(
    url,
    `select relname from pg_class where relnamespace = 'duckdive'::regnamespace and relkind in ('r', 'p')
    and not relispartition and relname <> 'migration'`,
  );
  return rows.map((row) => String(row.relname));
}

async function restore(dump: Dump, url: string): Promise<void> {
  await ask(url, `truncate ${[...dump.tables.keys()].map((name) => `duckdive.${name}`).join(", ")}`);
  for (const [name, rows] of dump.tables) {
    const into = `insert into duckdive.${name} overriding system value`;
    await ask(url, `${into} select * from json_populate_recordset(null::duckdive.${name}, $1)`, [
      rows ?? "[]",
    ]);
  }
  for (const [name, value] of dump.sequences)
    await ask(url, `select setval('duckdive.${name}', $1)`, [value]);
}

const many = (count: number, fields: Partial<NewRun>): NewRun[] =>
  Array.from({ length: count }, () => plainRun(newId(), fields));

/** Work in every place that a run can be in, by transactions with numbers above three hundred thousand. */
async function fill(url: string, store: Store): Promise<string[]> {
  await ask(
    url,
    "do $$ begin for i in 1 .. 300000 loop perform pg_current_xact_id(); commit; end loop; end $$",
  );
  onTestFinished(store.watch(() => {}));
  const begun = many(60, { queue: "begun" });
  await store.insert(begun);
  const worker = aWorker();
  await store.register(worker);
  const request = { worker: worker.id, queues: { begun: 20 }, abilities: [copy] };
  const finished = await store.claim(request);
  await store.settle(finished.map((one) => ({ ...fenceOf(one), state: "succeeded" })));
  expect(await store.claim(request)).toHaveLength(20);
  const untouched = many(30, { queue: "untouched" });
  const scheduled = many(10, { queue: "untouched", due: { after: 1_500 } });
  for (const run of untouched) await store.insert([run]);
  await store.insert(scheduled);
  // Its lock is held by a connection of this store, and what is held is written down.
  const isHeld = async () =>
    (await ask(url, "select 1 from duckdive.worker where lock is not null")).length === 1;
  await eventually(isHeld, 5_000);
  return [...begun, ...untouched, ...scheduled].map((run) => run.id);
}

/** Works until everything has ended, always with a claim open while the next is made; each execution once. */
async function workAll(store: Store, runs: number): Promise<void> {
  const worker = await enter(store);
  const executions = new Set<string>();
  let open: Settlement[] = [];
  for (let slots = 1; (await store.count({ states: ["succeeded"] })) < runs; slots = (slots * 2) % 61) {
    await store.promote(100);
    await store.rescue(await store.findLost());
    const claimed = await store.claim({ worker, queues: { "*": slots }, abilities: [copy] });
    for (const { run, token } of claimed) {
      expect(executions.has(`${run} ${token}`)).toBe(false);
      executions.add(`${run} ${token}`);
    }
    const answers = await store.settle(open);
    expect(answers.filter((answer) => !answer.taken)).toEqual([]);
    open = claimed.map((one) => ({ ...fenceOf(one), state: "succeeded" }));
  }
}

test.each(["opened before", "opened after"] as const)(
  "a dump restored in a cluster with lower transaction numbers is worked by a store that was %s it",
  {
    timeout: 60_000,
  },
  async (when) => {
    const [from, to] = await Promise.all([ownServer(), ownServer()]);
    const source = await openOn(from);
    const runs = await fill(from, source);
    const dump = await dumpOf(from);

    const early = await openOn(to);
    await restore(dump, to);
    const store = when === "opened before" ? early : await openOn(to);
    const added = many(25, { queue: "untouched" });
    await store.insert(added);
    await workAll(store, runs.length + added.length);

    const [row] = await ask(to, "select sum(crashes)::integer as crashes from duckdive.history");
    expect(row).toEqual({ crashes: 20 });
    expect(await brokenRules(to)).toEqual([]);
  },
);
