// The store as a thing that is opened, migrated, recognised and closed.
//
// What stands here is about no run. It matters to whoever restarts a process twice, points an adapter at the wrong
// database, or closes a store while it is still writing.
import assert from "node:assert/strict";
import type { Definition } from "../../store/contract.js";
import {
  aRun,
  aWorker,
  enter,
  insertOne,
  parked,
  settle,
  stateOf,
  stored,
  take,
  takeOne,
  withCode,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

export function house(suite: Suite): void {
  suite.test("the store's clock is the clock it was given", async ({ store, clock }) => {
    assert.equal(store.now(), beginning);
    await clock.advance(4_321);
    assert.equal(store.now(), beginning + 4_321);
  });

  suite.test("opening twice, and several times at once, is legal and changes nothing", async ({ store }) => {
    const id = await insertOne(store);
    await Promise.all([store.open(), store.open()]);
    await store.open();
    assert.equal(await stateOf(store, id), "ready");
  });

  suite.test(
    "an opened store has no migration missing, and migrating again applies none",
    async ({ store }) => {
      assert.deepEqual(await store.migrate(), []);
      assert.deepEqual(await store.migrate(), []);
    },
  );

  suite.test("the doctor names the store and finds no error in an empty one", async ({ store }) => {
    const report = await store.doctor();
    assert.equal(report.store, store.kind);
    assert.ok(Number.isInteger(report.migration) && report.migration >= 1);
    assert.deepEqual(
      report.notes.filter((note) => note.level === "error"),
      [],
    );
  });

  suite.test("the nonce stays the same word", async ({ store }) => {
    const word = await store.nonce();
    assert.ok(word.length >= 16, `"${word}" can be guessed`);
    await insertOne(store);
    assert.equal(await store.nonce(), word);
  });

  suite.shared("two stores on one database read one nonce and one version", async ({ store, another }) => {
    const other = await another();
    assert.equal(await other.nonce(), await store.nonce());
    assert.equal((await other.doctor()).migration, (await store.doctor()).migration);
  });

  suite.test("closing twice is legal, and a closed store refuses by name", async ({ store }) => {
    await insertOne(store);
    await store.close();
    await store.close();
    await assert.rejects(store.insert([aRun()]), withCode("STORE_CLOSED"));
    await assert.rejects(store.find([aRun().id]), withCode("STORE_CLOSED"));
    await assert.rejects(store.countByState(), withCode("STORE_CLOSED"));
  });

  suite.shared(
    "close finishes what was begun: what it was given is there for others",
    async ({ store, another }) => {
      const other = await another();
      const worker = await enter(store);
      const runs = [aRun(), aRun(), aRun()];
      const begun = runs.map((run) => store.insert([run]));
      const beat = store.heartbeat(worker);
      await store.close();
      await Promise.all([...begun, beat]);
      assert.deepEqual(
        (await other.find(runs.map((run) => run.id))).map((run) => run?.state),
        ["ready", "ready", "ready"],
      );
    },
  );

  suite.shared(
    "close finishes a resume and a registration that were begun: nothing is left parked",
    async ({ store, another }) => {
      const other = await another();
      const worker = await enter(other);
      const held = await insertOne(other);
      await other.pause({ job: "copy" });
      await settle(other, parked(await takeOne(other, worker), "paused"));
      const lacking = await insertOne(other, { job: "move" });
      await settle(other, parked(await takeOne(other, worker), "worker"));
      const begun = [
        store.resume({ job: "copy" }),
        store.register(aWorker({ abilities: [{ job: "move", version: 1 }] })),
      ];
      await Promise.all([store.close(), ...begun]);
      assert.deepEqual([await stateOf(other, held), await stateOf(other, lacking)], ["ready", "ready"]);
    },
  );

  suite.shared(
    "a store that was closed takes nothing from the one that stays",
    async ({ store, another }) => {
      const other = await another();
      const id = await insertOne(other);
      await other.close();
      assert.equal((await stored(store, id)).state, "ready");
      assert.equal((await take(store, await enter(store))).length, 1);
    },
  );

  suite.test(
    "published definitions come back, and a later one of a job replaces the earlier",
    async ({ store }) => {
      const definition = (job: string, version: number): Definition => ({
        job,
        version,
        queue: `queue of ${job}`,
        priority: version - 3,
        attempts: version + 6,
        crashes: job === "copy" ? version + 1 : undefined,
        prepared: job === "copy",
        description: `what "${job}" does, in ünïcödé`,
      });
      assert.deepEqual(await store.definitions(), []);
      await store.publish([definition("copy", 1), definition("move", 5)]);
      await store.publish([definition("copy", 2)]);
      const published = [...(await store.definitions())].sort((one, other) =>
        one.job.localeCompare(other.job),
      );
      assert.deepEqual(published, [definition("copy", 2), definition("move", 5)]);
    },
  );

  suite.test("every verb takes an empty batch and answers with one", async ({ store }) => {
    assert.deepEqual(await store.insert([]), []);
    assert.deepEqual(await store.settle([]), []);
    assert.deepEqual(await store.find([]), []);
    assert.deepEqual(await store.cancel([], "nothing"), []);
    assert.deepEqual(await store.retry([]), []);
    assert.deepEqual(await store.remove([]), []);
    assert.deepEqual(await store.rescue([]), []);
    assert.deepEqual(await store.tell([]), []);
    await store.heard("nobody", []);
    await store.note([]);
    await store.prepare([]);
    await store.publish([]);
  });
}
