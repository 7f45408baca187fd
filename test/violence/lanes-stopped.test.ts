// A worker that is stopped while it receives what it has claimed: its server process waits for it with the answer in its
// hands, for minutes or for ever. It must not have a lane locked meanwhile.
import { expect, onTestFinished, test } from "vitest";
import { newId } from "../../src/kernel/index.js";
import { postgres } from "../../src/store/postgres/index.js";
import { statements } from "../../src/store/postgres/statements.js";
import { copy, enter } from "../../src/testing/conformance/build.js";
import { ask } from "../postgres/ask.js";
import { freshDatabase } from "../postgres/database.js";
import { compile, plainRun } from "../postgres/direct.js";
import { eventually, start } from "./processes.js";

test("a worker stopped with SIGSTOP while it receives its runs holds up no other worker", async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const store = postgres({ database: database.url, notify: false });
  onTestFinished(() => store.close());
  const input = JSON.stringify("x".repeat(20_000));
  const runs = Array.from({ length: 2_000 }, () => plainRun(newId(), { input }));
  await store.insert(runs);
  const [stopped, other] = [await enter(store), await enter(store)];
  const claim = newId();
  const child = start("claimer.mjs", {
    address: database.url,
    claim: compile(statements.claim, {
      worker: stopped,
      claim,
      queues: '{"*": 1000}',
      abilities: JSON.stringify([copy]),
      now: null,
      ageing: null,
    }),
    claimed: compile(statements.claimed, { claim }),
  });
  const { pid } = await child.hears((value) => "pid" in value);
  child.process.kill("SIGSTOP");
  const waits = "select 1 from pg_stat_activity where pid = $1 and wait_event = 'ClientWrite'";
  await eventually(async () => (await ask(database.superuserUrl, waits, [pid])).length === 1, 5_000);

  const locks = "select 1 from pg_locks where pid = $1 and locktype = 'advisory'";
  expect(await ask(database.superuserUrl, locks, [pid])).toEqual([]);
  const began = performance.now();
  const claimed = await store.claim({ worker: other, queues: { "*": 10 }, abilities: [copy] });
  const took = performance.now() - began;
  expect(claimed).toHaveLength(10);
  expect(await ask(database.superuserUrl, waits, [pid])).toHaveLength(1);
  console.info(JSON.stringify({ name: "postgres.stopped.claim", value: Math.round(took), unit: "ms" }));

  child.process.kill("SIGCONT");
  expect(await child.hears((value) => "received" in value)).toEqual({ received: 1_000 });
});
