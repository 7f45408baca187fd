// Whom a store leaves to a runner: with real processes, since it is about processes.
import { spawnSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { freshDatabase } from "../../test/postgres/database.js";
import { type ManualClock, manualClock, newId, thisHost } from "../kernel/index.js";
import type { NewWorker, Store } from "./contract.js";
import { runnersFirst } from "./deaths.js";
import { postgres } from "./postgres/index.js";
import { sqlite } from "./sqlite/index.js";

/** The id of a process that is gone. */
function gone(): number {
  return spawnSync(process.execPath, ["-e", ""]).pid;
}

test("the dead are left to a runner that lives for three seconds, and to none that is gone", () => {
  const leave = runnersFirst();
  const dead = [
    { id: "attended", cause: "c", runner: process.pid },
    { id: "orphaned", cause: "c", runner: gone() },
    { id: "alone", cause: "c", runner: undefined },
  ];
  const others = [
    { worker: "orphaned", cause: "c" },
    { worker: "alone", cause: "c" },
  ];
  expect(leave(dead, 10_000)).toEqual(others);
  expect(leave(dead, 12_999)).toEqual(others);
  expect(leave(dead, 13_000)).toEqual([{ worker: "attended", cause: "c" }, ...others]);
});

test("whoever was not dead at a look in between is left anew", () => {
  const leave = runnersFirst();
  const dead = [{ id: "attended", cause: "c", runner: process.pid }];
  expect(leave(dead, 0)).toEqual([]);
  expect(leave([], 2_000)).toEqual([]);
  expect(leave(dead, 4_000)).toEqual([]);
  expect(leave(dead, 7_000)).toHaveLength(1);
});

const stores: Record<string, (clock: ManualClock) => Promise<Store>> = {
  sqlite: async (clock) => sqlite({ file: ":memory:", clock }),
  async postgres(clock) {
    const database = await freshDatabase();
    onTestFinished(() => database.drop());
    return postgres({ database: database.url, clock });
  },
};

test.each(Object.entries(stores))(
  "a worker whose process is gone is left to its runner first, on %s",
  async (_name, make) => {
    const clock = manualClock(Date.now());
    const store = await make(clock);
    onTestFinished(() => store.close());
    const dead = (runner: number | undefined): NewWorker => ({
      id: newId(),
      host: thisHost().host,
      pid: gone(),
      processStart: "1",
      runner,
      abilities: [],
      queues: { "*": 1 },
    });
    const [attended, orphaned] = [dead(process.pid), dead(gone())];
    await store.register(attended);
    await store.register(orphaned);
    const cause = "its process is gone";
    expect(await store.findLost()).toEqual([{ worker: orphaned.id, cause }]);
    await store.rescue([{ worker: orphaned.id, cause }]);
    await clock.advance(2_000);
    expect(await store.findLost()).toEqual([]);
    await clock.advance(1_000);
    expect(await store.findLost()).toEqual([{ worker: attended.id, cause }]);
  },
);
