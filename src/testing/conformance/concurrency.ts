// Side by side: many callers on one store, and two stores on one database, with nothing shared and nothing lost.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { Store } from "../../store/contract.js";
import {
  aRun,
  enter,
  everything,
  handedBack,
  insertOne,
  kindsOf,
  manyRuns,
  minute,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
} from "./build.js";
import type { Suite } from "./suite.js";

/** Claims and settles until nothing is left; tells of every run it executed. */
async function drain(store: Store, executed: (run: string) => void): Promise<void> {
  const worker = await enter(store);
  for (;;) {
    const claimed = await take(store, worker, { "*": 37 });
    if (claimed.length === 0) return;
    for (const run of claimed) executed(run.run);
    await settle(store, ...claimed.map((run) => succeeded(run)));
  }
}

export function concurrency(suite: Suite): void {
  suite.test("hundreds of callers insert at once, and each is answered its own run", async ({ store }) => {
    const runs = manyRuns(400, (index) => ({ input: `${index}` }));
    const answers = await Promise.all(runs.map((run) => store.insert([run])));
    assert.deepEqual(
      answers.flat(),
      runs.map((run) => ({ id: run.id, created: true })),
    );
    assert.deepEqual(
      (await store.find(runs.map((run) => run.id))).map((run) => run?.input),
      runs.map((run) => run.input),
    );
  });

  suite.test("several workers of one store drain it, and no run is executed twice", async ({ store }) => {
    await store.insert(manyRuns(2_000));
    const executed = new Map<string, number>();
    const count = (run: string): void => void executed.set(run, (executed.get(run) ?? 0) + 1);
    await Promise.all([drain(store, count), drain(store, count), drain(store, count)]);
    assert.equal(executed.size, 2_000);
    assert.ok([...executed.values()].every((times) => times === 1));
  });

  suite.shared(
    "two stores drain thousands of runs side by side, and never share one",
    async ({ store, another }) => {
      const other = await another();
      await store.insert(manyRuns(4_000, (index) => ({ queue: `queue ${index % 3}`, priority: index % 5 })));
      const executed = new Map<string, number>();
      const count = (run: string): void => void executed.set(run, (executed.get(run) ?? 0) + 1);
      await Promise.all([drain(store, count), drain(other, count), drain(store, count), drain(other, count)]);
      assert.equal(executed.size, 4_000);
      assert.ok(
        [...executed.values()].every((times) => times === 1),
        "a run was handed out twice",
      );
      assert.equal(await store.count({ states: ["succeeded"] }), 4_000);
      assert.ok((await everything(store)).every((run) => run.attempt === 1));
    },
  );

  suite.shared(
    "two stores insert the same ids at once: each run is created once",
    async ({ store, another }) => {
      const other = await another();
      const ids = Array.from({ length: 100 }, () => newId());
      const insertAll = (into: Store, order: readonly string[]) =>
        Promise.all(order.map((id) => into.insert([aRun({ id })])));
      const answers = await Promise.all([insertAll(store, ids), insertAll(other, ids.toReversed())]);
      const created = new Map<string, number>();
      for (const { id, created: isNew } of answers.flat(2))
        created.set(id, (created.get(id) ?? 0) + (isNew ? 1 : 0));
      assert.ok(ids.every((id) => created.get(id) === 1));
      assert.equal(await store.count({}), 100);
    },
  );

  suite.shared(
    "a drain goes on while others insert, and ends with everything done",
    async ({ store, another }) => {
      const other = await another();
      const executed = new Set<string>();
      let inserted = 0;
      const insertMore = async (): Promise<void> => {
        for (let count = 0; count < 60; count++) {
          await other.insert(manyRuns(20));
          inserted += 20;
        }
      };
      const inserting = insertMore();
      while (inserted < 60 * 20) await drain(store, (run) => executed.add(run));
      await inserting;
      await drain(store, (run) => executed.add(run));
      assert.equal(executed.size, 1_200);
    },
  );

  suite.shared(
    "a cancel and a claim that race: the run ends cancelled, or its worker hears of it",
    async ({ store, another }) => {
      const other = await another();
      const worker = await enter(store);
      for (let round = 0; round < 50; round++) {
        const id = await insertOne(store);
        const [claimed, [did]] = await Promise.all([
          take(store, worker, { "*": 1 }),
          other.cancel([id], "not wanted"),
        ]);
        assert.equal(did, true);
        if (claimed.length === 0) {
          assert.equal(await stateOf(store, id), "cancelled");
          continue;
        }
        assert.deepEqual(
          (await store.pulse(worker)).cancelled.map((each) => each.run),
          [id],
        );
        assert.deepEqual(await store.settle(claimed.map((run) => handedBack(run))), [
          { taken: true, state: "cancelled" },
        ]);
      }
    },
  );

  suite.shared("a settlement and a rescue that race: one of them has the run", async ({ store, another }) => {
    const other = await another();
    for (let round = 0; round < 50; round++) {
      const id = await insertOne(store);
      const worker = await enter(store);
      const claimed = await take(store, worker, { "*": 1 });
      const [answers, rescued] = await Promise.all([
        store.settle(claimed.map((run) => succeeded(run))),
        other.rescue([{ worker }]),
      ]);
      const run = await stored(store, id);
      if (answers[0]?.taken) {
        assert.deepEqual([run.state, rescued, await kindsOf(store, id)], ["succeeded", [], []]);
      } else {
        assert.deepEqual([run.state, rescued.length, run.crashes], ["ready", 1, 1]);
        await store.remove([id]);
      }
    }
  });

  suite.shared(
    "everything at once in two stores neither fails nor stops",
    async ({ store, another, clock }) => {
      const other = await another();
      const stir = async (each: Store): Promise<void> => {
        for (let round = 0; round < 15; round++) {
          const worker = await enter(each);
          await each.insert(manyRuns(10, (index) => (index % 3 === 0 ? { due: { after: minute } } : {})));
          const claimed = await take(each, worker, { "*": 7 });
          await Promise.all([
            each.settle(claimed.slice(0, 3).map((run) => succeeded(run))),
            each.promote(50),
            each.heartbeat(worker),
            each.cancel(
              claimed.slice(3, 5).map((run) => run.run),
              "stirred",
            ),
            each.countByState(),
            each.list({ states: ["ready"] }, { limit: 10 }),
          ]);
          if (round % 2 === 0) await each.rescue([{ worker }]);
          else await each.retire(worker);
        }
      };
      await Promise.all([stir(store), stir(other), stir(store), stir(other)]);
      await clock.advance(2 * minute);
      await store.promote(1_000);
      await drain(store, () => {});
      const { succeeded: done, cancelled, ...rest } = await store.countByState();
      assert.equal(done + cancelled, 600);
      assert.deepEqual(rest, { scheduled: 0, ready: 0, running: 0, waiting: 0, failed: 0 });
    },
  );
}
