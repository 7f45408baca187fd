// A worker that is stopped and comes back: as long as its process is there nobody takes its runs, and once they have
// been taken nothing it does can touch them.
import { describe, expect, test } from "vitest";
import { job, open } from "../../src/index.js";
import { places } from "./place.js";
import { eventually, startWorker } from "./processes.js";

const copy = job({ name: "copy" });
const slow = job({ name: "slow", queue: "slow" });

describe.each(places)("$name", ({ place }) => {
  test("a stopped process keeps its runs; once they are rescued by force, all it settles late is refused", {
    timeout: 30_000,
  }, async () => {
    const here = await place();
    const { address } = here;
    await using duckdive = open(address);
    const store = here.store();

    const zombie = await startWorker({ address, hold: true, slots: 10 });
    const runs = await duckdive.enqueueMany(Array.from({ length: 10 }, () => copy.with()));
    const ids = runs.map(({ id }) => id);
    await eventually(async () => (await duckdive.count({ state: "running" })) === 10, 5_000);
    zombie.process.kill("SIGSTOP");

    // Somebody else looks for the dead every second; its slow run takes longer than a rescue may.
    const other = await startWorker({ address });
    const look = await duckdive.enqueue(slow);
    await look.outcome({ timeout: "10s" });
    expect(await store.findLost()).toEqual([]);
    for (const run of await store.find(ids))
      expect(run).toMatchObject({ state: "running", worker: zombie.id, crashes: 0 });

    expect(await store.rescue([{ worker: zombie.id }])).toHaveLength(10);
    await Promise.all(runs.map((run) => run.outcome({ timeout: "10s" })));
    const before = await store.find(ids);
    for (const run of before)
      expect(run).toMatchObject({
        state: "succeeded",
        output: String(other.process.pid),
        attempt: 2,
        crashes: 1,
      });

    zombie.process.kill("SIGCONT");
    zombie.tell("release");
    await Promise.all(ids.map((id) => zombie.hears(({ refused }) => refused === id)));
    expect(await store.find(ids)).toEqual(before);
    for (const id of ids) {
      const { events } = await store.timeline(id);
      expect(events).toMatchObject([{ kind: "lost", attempt: 1, worker: zombie.id }]);
    }
    // It comes back with empty hands, and is a worker like any other.
    await eventually(async () => (await store.workers()).some(({ id }) => id === zombie.id), 10_000);
  });
});
