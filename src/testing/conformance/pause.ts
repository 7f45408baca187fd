// Pausing: a queue is passed over, a job's runs are parked, everywhere and until somebody resumes it.
//
// What a paused queue does to a claim stands in `claim.ts`, what a paused job does to its runs in `park.ts`; here is
// the list of what is paused.
import assert from "node:assert/strict";
import type { PauseTarget, Store } from "../../store/contract.js";
import { enter, insertOne, only, take } from "./build.js";
import type { Suite } from "./suite.js";

async function pausedNow(store: Store): Promise<PauseTarget[]> {
  const words = (target: PauseTarget) => JSON.stringify(target);
  return [...(await store.paused())].sort((one, other) => words(one).localeCompare(words(other)));
}

export function pause(suite: Suite): void {
  suite.test("nothing is paused at first", async ({ store }) => {
    assert.deepEqual(await store.paused(), []);
  });

  suite.test("a queue and a job of one name are two things", async ({ store }) => {
    await store.pause({ queue: "copy" });
    assert.deepEqual(await store.paused(), [{ queue: "copy" }]);
    await store.pause({ job: "copy" });
    assert.deepEqual(await pausedNow(store), [{ job: "copy" }, { queue: "copy" }]);
    await store.resume({ queue: "copy" });
    assert.deepEqual(await store.paused(), [{ job: "copy" }]);
    await store.resume({ job: "copy" });
    assert.deepEqual(await store.paused(), []);
  });

  suite.test(
    "pausing twice is pausing once, and resuming what is not paused is nothing",
    async ({ store }) => {
      await store.resume({ queue: "it's" });
      await store.resume({ job: "it's" });
      await store.pause({ queue: "it's" });
      await store.pause({ queue: "it's" });
      assert.deepEqual(await store.paused(), [{ queue: "it's" }]);
      await store.resume({ queue: "it's" });
      assert.deepEqual(await store.paused(), []);
    },
  );

  suite.test("a queue can be paused before it has a run", async ({ store }) => {
    await store.pause({ queue: "later" });
    await insertOne(store, { queue: "later" });
    const worker = await enter(store);
    assert.deepEqual(await take(store, worker), []);
    await store.resume({ queue: "later" });
    assert.equal(only(await take(store, worker)).queue, "later");
  });

  suite.test("the star spends no slot on a paused queue", async ({ store, clock }) => {
    for (let count = 0; count < 5; count++) await insertOne(store, { queue: "held", priority: 9 });
    await clock.advance(3);
    const id = await insertOne(store, { queue: "open" });
    await store.pause({ queue: "held" });
    assert.equal(only(await take(store, await enter(store), { "*": 1 })).run, id);
  });

  suite.shared("a pause holds in every store, and so does its end", async ({ store, another }) => {
    const other = await another();
    const worker = await enter(other);
    await insertOne(store, { queue: "held" });
    await store.pause({ queue: "held" });
    assert.deepEqual(await other.paused(), [{ queue: "held" }]);
    assert.deepEqual(await take(other, worker), []);
    await store.resume({ queue: "held" });
    assert.equal((await take(other, worker)).length, 1);
  });

  suite.shared("a job paused in one store is flagged in the other's claims", async ({ store, another }) => {
    const other = await another();
    const worker = await enter(other);
    await insertOne(store);
    await store.pause({ job: "copy" });
    assert.equal(only(await take(other, worker)).paused, true);
  });
}
