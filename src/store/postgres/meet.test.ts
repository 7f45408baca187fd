// What people do to a run at the moment at which its execution ends. Whoever comes second waits for the row, and must
// then judge by what the run has become.
import type { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { connect, fenceOf, plainRun, send } from "../../../test/postgres/direct.js";
import { brokenRules } from "../../../test/postgres/invariants.js";
import { eventually } from "../../../test/violence/processes.js";
import { newId } from "../../kernel/index.js";
import { copy, enter } from "../../testing/conformance/build.js";
import type { Claimed, Settlement, Store } from "../contract.js";
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
  await store.close();
  await database.drop();
});

async function claimOne(): Promise<Claimed> {
  const [claimed] = await store.claim({ worker, queues: { "*": 1 }, abilities: [copy] });
  if (claimed === undefined) throw new Error("There is nothing to claim.");
  return claimed;
}

/** Settles without a commit, so that whoever wants the run has to wait. */
async function settleSlowly(claimed: Claimed, how: Partial<Settlement>): Promise<Client> {
  const client = await connect(database.url);
  await client.query("begin");
  const items = jsonText([{ ...fenceOf(claimed), ...how }]);
  await send(client, statements.settle, { items, done: plainList([claimed.claim ?? ""]), now: null });
  return client;
}

async function someoneWaits(): Promise<void> {
  const waiting =
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  await eventually(async () => (await ask(database.superuserUrl, waiting)).length === 1, 5_000);
}

test("a run that is cancelled while it goes back to wait for its next attempt does not have one", async () => {
  await store.insert([plainRun(newId())]);
  const claimed = await claimOne();
  const settling = await settleSlowly(claimed, { state: "scheduled", due: { after: 3_600_000 } });
  const cancelling = store.cancel([claimed.run], "not wanted");
  await someoneWaits();
  await settling.query("commit");
  expect(await cancelling).toEqual([true]);
  expect((await store.find([claimed.run]))[0]?.state).toBe("cancelled");
});

test("a run that is cancelled while it is given back is not left ready, nor taken out of a worker's hands", async () => {
  await store.insert([plainRun(newId())]);
  const claimed = await claimOne();
  const settling = await settleSlowly(claimed, { state: "ready", giveBack: true });
  const cancelling = store.cancel([claimed.run], "not wanted");
  await someoneWaits();
  await settling.query("commit");
  expect(await cancelling).toEqual([true]);
  expect((await store.find([claimed.run]))[0]?.state).toBe("cancelled");
});

test("a run that is given back while its lane gets new positions can be claimed", async () => {
  await store.insert([plainRun(newId())]);
  const first = await claimOne();
  await store.settle([{ ...fenceOf(first), state: "ready", giveBack: true }]);
  const second = await claimOne();
  const settling = await settleSlowly(second, { state: "ready", giveBack: true });
  const renumbering = ask(
    database.url,
    "select duckdive.renumber(lane) from duckdive.runs where id = $1 and lane is not null",
    [second.run],
  );
  await someoneWaits();
  await settling.query("commit");
  await renumbering;
  const third = await claimOne();
  expect(third.run).toBe(first.run);
  await store.settle([{ ...fenceOf(third), state: "succeeded" }]);
});
