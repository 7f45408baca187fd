// An enqueue whose answer was lost is sent again under its id, and that id may have been worked by then. Finished runs
// are in another table, where no unique index sees them, so the intake has to look.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, recordIn, send } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { eventually } from "../../../test/violence/processes.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Claimed, Store } from "../contract.js";
import { postgres } from "./index.js";
import { statements } from "./statements.js";
import { jsonText, plainList } from "./text.js";

const day = 86_400_000;
let database: Database;
let store: Store;
beforeAll(async () => {
  database = await freshDatabase();
  store = postgres({ database: database.url, notify: false });
  await store.open();
});
afterAll(async () => {
  expect(await brokenRules(database.url)).toEqual([]);
  await store.close();
  await database.drop();
});

/** An id as duckdive made it at that time. */
function idMadeAt(time: number): string {
  const hex = time.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}${newId().slice(13)}`;
}

async function claimOne(id: string): Promise<Claimed> {
  await store.insert([plainRun(id, { queue: id })]);
  const worker = await enter(store);
  const [claimed] = await store.claim({ worker, queues: { [id]: 1 }, abilities: [copy] });
  if (claimed === undefined) throw new Error("Nothing was claimed.");
  return claimed;
}

async function finished(id = newId()): Promise<string> {
  const claimed = await claimOne(id);
  await store.settle([{ ...fenceOf(claimed), state: "succeeded", keep: 30 * day }]);
  return id;
}

/** One that ended eight days ago, in the partition of that time. */
async function finishedLongAgo(): Promise<string> {
  const id = await finished(idMadeAt(Date.now() - 9 * day));
  await ask(database.url, "select duckdive.extend_history($1)", [Date.now() - 8 * day]);
  const moved = "update duckdive.history set finished_at = $2 where id = $1 returning tableoid";
  expect(await ask(database.url, moved, [id, Date.now() - 8 * day])).toHaveLength(1);
  return id;
}

const cases: Record<string, () => Promise<string>> = {
  "that is live": async () => (await claimOne(newId())).run,
  "that ended today": () => finished(),
  "that ended eight days ago": finishedLongAgo,
};

test.each(Object.entries(cases))(
  "an enqueue under the id of a run %s is that run, alone and among new ones",
  async (_name, make) => {
    const id = await make();
    const before = (await store.find([id]))[0];
    const fresh = newId();
    expect(await store.insert([plainRun(id)])).toEqual([{ id, created: false }]);
    expect(await store.insert([plainRun(fresh), plainRun(id)])).toEqual([
      { id: fresh, created: true },
      { id, created: false },
    ]);
    const client = await connect(database.url);
    await client.query("begin");
    const another = newId();
    expect(await recordIn(store, client, [plainRun(id), plainRun(another)])).toEqual([
      { id, created: false },
      { id: another, created: true },
    ]);
    await client.query("commit");
    expect((await store.find([id]))[0]).toEqual(before);
    expect((await store.find([fresh, another])).map((run) => run?.state)).toEqual(["ready", "ready"]);
  },
);

test("an enqueue that meets the settlement which ends its run is that run", async () => {
  const claimed = await claimOne(newId());
  const id = claimed.run;
  const ending = await connect(database.url);
  await ending.query("begin");
  const items = jsonText([{ ...fenceOf(claimed), state: "succeeded", keep: day }]);
  await send(ending, statements.settle, { items, done: plainList([]), now: null });
  let isAnswered = false;
  const inserting = store.insert([plainRun(id)]).finally(() => {
    isAnswered = true;
  });
  const waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'insert_runs'";
  await eventually(async () => (await ask(database.superuserUrl, waiting)).length === 1, 5_000);
  expect(isAnswered).toBe(false);
  await ending.query("commit");
  expect(await inserting).toEqual([{ id, created: false }]);
  expect((await store.find([id]))[0]?.state).toBe("succeeded");
});

test("a transaction that cannot see the end of a run does not begin it again", async () => {
  const claimed = await claimOne(newId());
  const id = claimed.run;
  const client = await connect(database.url);
  await client.query("begin isolation level repeatable read; select 1 from duckdive.meta");
  await store.settle([{ ...fenceOf(claimed), state: "succeeded", keep: day }]);
  const inserted = await recordIn(store, client, [plainRun(id)]).catch((error: unknown) => error);
  await client.query("commit");
  expect((await store.find([id]))[0]?.state).toBe("succeeded");
  expect(inserted).toMatchObject({ code: "ENQUEUE_CONFLICT" });
});
