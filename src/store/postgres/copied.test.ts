// A database copied on the machine where its workers live: the copy says that they hold what they work on elsewhere, and
// their processes are alive.
import { expect, onTestFinished, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { freshDatabase } from "../../../test/postgres/database.js";
import { plainRun } from "../../../test/postgres/direct.js";
import { manualClock, newId, thisHost } from "../../kernel/index.js";
import { aWorker, copy, enter } from "../../testing/conformance/build.js";
import { postgres } from "./index.js";

test("a worker of this machine whose process works for another database is found, and one that is only slow is not", async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const clock = manualClock(Date.now());
  const store = postgres({ database: database.url, clock });
  onTestFinished(() => store.close());
  const here = thisHost();
  await store.insert([plainRun(newId()), plainRun(newId())]);
  const [copied, slow] = [aWorker(here), aWorker(here)];
  for (const worker of [copied, slow]) {
    await enter(store, worker);
    await store.claim({ worker: worker.id, queues: { "*": 1 }, abilities: [copy] });
  }
  // What a copy has of a worker whose connection held its lock.
  await ask(database.url, "update duckdive.worker set lock = 4711 where id = $1", [copied.id]);
  const witness = aWorker(here);
  await enter(store, witness);
  const found = async (after: number): Promise<string[]> => {
    await clock.advance(after);
    await store.heartbeat(witness.id);
    return (await store.findLost()).map(({ worker }) => worker);
  };
  expect(await found(0)).toEqual([]);
  expect(await found(29_000)).toEqual([]);
  expect(await found(11_000)).toEqual([copied.id]);
  expect(await found(60_000)).toEqual([copied.id]);
});
