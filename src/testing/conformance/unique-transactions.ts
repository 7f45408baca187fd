// Unique keys of runs that are recorded in an application's own transaction.
//
// A key is taken when the statement is sent, and the run is there when the transaction commits. Whoever asks for the key
// in between waits for that, and gets what became of it.
import assert from "node:assert/strict";
import { aRun, insertOne, kindsOf, picture, running, stored, succeeded } from "./build.js";
import { keyed, meets, request } from "./keys.js";
import type { Suite } from "./suite.js";

const undone = new Error("undone");

export function uniqueInTransactions(suite: Suite): void {
  suite.shared(
    "a key is held from the statement on, and after the commit",
    async ({ store, transaction }) => {
      const run = aRun(keyed());
      await transaction(async (connection) => {
        assert.deepEqual(await store.insertIn(connection, [run, aRun(keyed())]), [
          { id: run.id, created: true },
          { id: run.id, created: false },
        ]);
        assert.deepEqual(await store.insertIn(connection, [aRun(keyed())]), [{ id: run.id, created: false }]);
      });
      await meets(store, run.id);
    },
  );

  suite.shared("a rollback frees it", async ({ store, transaction }) => {
    const rolledBack = transaction(async (connection) => {
      await store.insertIn(connection, [aRun(keyed())]);
      throw undone;
    });
    await assert.rejects(rolledBack, undone);
    await insertOne(store, keyed());
  });

  suite.shared("a run that is there is met", async ({ store, transaction }) => {
    const id = await insertOne(store, keyed());
    const before = await picture(store, id);
    const [answer] = await transaction((connection) => store.insertIn(connection, [aRun(keyed())]));
    assert.deepEqual(answer, { id, created: false });
    assert.deepEqual(await picture(store, id), before);
  });

  suite.shared("what is replaced is so when it commits, and not when it rolls back", async (bench) => {
    const { store, transaction } = bench;
    const id = await insertOne(store, { ...keyed(), input: "1" });
    const replacing = { ...keyed({ onConflict: { kind: "replace", fields: ["input"] } }), input: "2" };
    const replace = (connection: unknown) => store.insertIn(connection, [aRun(replacing)]);
    const rolledBack = transaction(async (connection) => {
      assert.deepEqual(await replace(connection), [{ id, created: false, changed: true }]);
      throw undone;
    });
    await assert.rejects(rolledBack, undone);
    assert.deepEqual([(await stored(store, id)).input, await kindsOf(store, id)], ["1", []]);
    await transaction(replace);
    assert.deepEqual([(await stored(store, id)).input, await kindsOf(store, id)], ["2", ["replaced"]]);
  });

  suite.shared("a rejected call leaves the transaction as it was", async ({ store, transaction }) => {
    const id = await insertOne(store, keyed());
    const kept = aRun();
    await transaction(async (connection) => {
      await store.insertIn(connection, [kept]);
      const rejects = keyed({ onConflict: { kind: "reject" } });
      const call = store.insertIn(connection, [aRun(), aRun(rejects)]);
      await assert.rejects(call, { code: "UNIQUE_CONFLICT", existing: id });
    });
    assert.equal(await store.count({}), 2);
    assert.equal((await stored(store, kept.id)).id, kept.id);
  });

  suite.shared("who asks while it is open gets its run once it has committed", async (bench) => {
    const { store, transaction } = bench;
    const run = aRun(keyed());
    const { claimed } = await running(store, { queue: "other" });
    const asking = await transaction(async (connection) => {
      await store.insertIn(connection, [run]);
      const answer = Promise.all([1, 2, 3].map(() => request(store, keyed())));
      return { answer, settled: store.settle([succeeded(claimed)]) };
    });
    const met = { id: run.id, created: false };
    assert.deepEqual(await asking.answer, [met, met, met]);
    assert.deepEqual(await asking.settled, [{ taken: true, state: "succeeded" }]);
    assert.equal(await store.count({}), 2);
  });

  suite.shared("and creates one when it has rolled back", async ({ store, transaction }) => {
    let asking: Promise<readonly { readonly created: boolean }[]> | undefined;
    const rolledBack = transaction(async (connection) => {
      await store.insertIn(connection, [aRun(keyed())]);
      asking = Promise.all([1, 2, 3].map(() => request(store, keyed())));
      throw undone;
    });
    await assert.rejects(rolledBack, undone);
    assert.equal((await asking)?.filter(({ created }) => created).length, 1);
    assert.equal(await store.count({}), 1);
  });

  suite.shared("the synchronous call does the same, where there is one", async ({ store, transaction }) => {
    const run = aRun(keyed());
    const answers = await transaction(async (connection) =>
      store.insertInSync === undefined
        ? store.insertIn(connection, [run, aRun(keyed())])
        : store.insertInSync(connection, [run, aRun(keyed())]),
    );
    assert.deepEqual(
      answers.map(({ id, created }) => [id, created]),
      [
        [run.id, true],
        [run.id, false],
      ],
    );
  });
}
