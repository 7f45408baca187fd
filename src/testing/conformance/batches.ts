// Batches: runs that are counted together.
//
// The counts are exact after every verb, each callback is recorded once and not too early, and what is added while
// something of the batch runs keeps it open.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { NewBatch, NewRun, Store, StoredBatch } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  cancelledByItself,
  enter,
  failed,
  handedBack,
  hour,
  insertOne,
  manyRuns,
  minute,
  only,
  settle,
  snoozed,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
  withCode,
} from "./build.js";
import type { Suite } from "./suite.js";

export function batches(suite: Suite): void {
  suite.describe("counts", () => counts(suite));
  suite.describe("callbacks", () => callbacks(suite));
  suite.describe("runs that are added", () => added(suite));
  suite.describe("a batch in a batch", () => nested(suite));
  suite.describe("in an application's transaction", () => transactions(suite));
}

/** The queue of callbacks, from which the tests' workers do not draw unless told. */
const told = "told";

interface Asked extends NewBatch {
  readonly onSuccess: NewRun;
  readonly onFinished: NewRun;
}

function aBatch(fields: Partial<NewBatch> = {}): Asked {
  const callback = (): NewRun => aRun({ queue: told });
  return { id: newId(), name: "import", ...fields, onSuccess: callback(), onFinished: callback() };
}

/** Records a batch of so many runs. */
async function record(
  store: Store,
  count: number,
  fields: Partial<NewRun> = {},
  about: Partial<NewBatch> = {},
): Promise<{ batch: Asked; runs: readonly NewRun[] }> {
  const batch = aBatch(about);
  const runs = manyRuns(count, () => ({ ...fields, batch: batch.id }));
  await store.insert(runs, [batch]);
  return { batch, runs };
}

type Counts = readonly [total: number, succeeded: number, failed: number, cancelled: number];

async function batchOf(store: Store, id: string): Promise<StoredBatch> {
  const [batch] = await store.batches([id]);
  assert.ok(batch !== undefined, `batch ${id} is not in the store`);
  return batch;
}

async function countsOf(store: Store, id: string): Promise<Counts> {
  const { total, succeeded, failed, cancelled } = await batchOf(store, id);
  return [total, succeeded, failed, cancelled];
}

/** Which callbacks are there, each asserted to say these counts if they are given. */
async function toldOf(store: Store, batch: Asked): Promise<string[]> {
  const [success, finished] = await store.find([batch.onSuccess.id, batch.onFinished.id]);
  return [...(success === undefined ? [] : ["success"]), ...(finished === undefined ? [] : ["finished"])];
}

async function assertSummary(store: Store, run: NewRun, batch: Asked, counts: Counts): Promise<void> {
  const [total, succeeded, failed, cancelled] = counts;
  const { input, job, queue } = await stored(store, run.id);
  assert.deepEqual(JSON.parse(input ?? ""), {
    batchId: batch.id,
    name: batch.name,
    total,
    succeeded,
    failed,
    cancelled,
  });
  assert.deepEqual([job, queue], [run.job, run.queue]);
}

/** Draws from every queue but that of callbacks. */
const workers = { "*": 1_000, [told]: 0 };

function counts(suite: Suite): void {
  suite.test("follow every run to its end, and back from a retry", async ({ store, clock }) => {
    const { batch, runs } = await record(store, 6);
    assert.deepEqual(await countsOf(store, batch.id), [6, 0, 0, 0]);
    assert.equal((await stored(store, at(runs, 0).id)).batch, batch.id);
    const worker = await enter(store);
    const claimed = await take(store, worker, { "*": 4, [told]: 0 });
    assert.equal(at(claimed, 0).batch, batch.id);
    assert.deepEqual(await countsOf(store, batch.id), [6, 0, 0, 0]);
    await settle(store, succeeded(at(claimed, 0)), succeeded(at(claimed, 1), { output: '"text"' }));
    assert.deepEqual(await countsOf(store, batch.id), [6, 2, 0, 0]);
    await settle(store, failed(at(claimed, 2)), cancelledByItself(at(claimed, 3)));
    assert.deepEqual(await countsOf(store, batch.id), [6, 2, 1, 1]);
    await store.cancel([at(runs, 4).id], "not needed");
    assert.deepEqual(await countsOf(store, batch.id), [6, 2, 1, 2]);
    await store.retry([at(claimed, 2).run, at(claimed, 3).run]);
    assert.deepEqual(await countsOf(store, batch.id), [6, 2, 0, 1]);
    const { createdAt, finishedAt, succeededAt, name } = await batchOf(store, batch.id);
    assert.deepEqual(
      [createdAt, finishedAt, succeededAt, name],
      [clock.now(), undefined, undefined, "import"],
    );
  });

  suite.test("are not moved by what is no end", async ({ store }) => {
    const { batch } = await record(store, 4);
    const worker = await enter(store);
    const claimed = await take(store, worker, workers);
    await settle(store, backedOff(at(claimed, 0), 0), snoozed(at(claimed, 1), 0), handedBack(at(claimed, 2)));
    await store.rescue([{ worker }]);
    assert.deepEqual(await countsOf(store, batch.id), [4, 0, 0, 0]);
    assert.deepEqual(await store.settle([succeeded(at(claimed, 3))]), [{ taken: false }]);
    assert.deepEqual(await countsOf(store, batch.id), [4, 0, 0, 0]);
  });

  suite.test("have what expired, and what was recorded twice once", async ({ store, clock }) => {
    const { batch, runs } = await record(store, 3, { startWithin: minute });
    await store.insert(runs, [batch]);
    await store.insert([aRun({ id: at(runs, 0).id, batch: batch.id })]);
    assert.deepEqual(await countsOf(store, batch.id), [3, 0, 0, 0]);
    await clock.advance(hour);
    await store.promote(2);
    assert.deepEqual(await countsOf(store, batch.id), [3, 0, 2, 0]);
  });

  suite.test(
    "have a live run that is removed as cancelled, and one that ended as it did",
    async ({ store }) => {
      const { batch, runs } = await record(store, 3);
      await settle(store, succeeded(at(await take(store, await enter(store), { "*": 1, [told]: 0 }), 0)));
      const live = (await store.find(runs.map(({ id }) => id))).filter((run) => run?.state === "ready");
      const done = runs.filter(({ id }) => !live.some((run) => run?.id === id));
      assert.deepEqual(await store.remove([at(done, 0).id]), [true]);
      assert.deepEqual(await countsOf(store, batch.id), [3, 1, 0, 0]);
      assert.deepEqual(await store.remove([live[0]?.id ?? ""]), [true]);
      assert.deepEqual(await countsOf(store, batch.id), [3, 1, 0, 1]);
    },
  );

  suite.test(
    "stay when runs are pruned, and the batch is pruned long after its last run",
    async ({ store, clock }) => {
      const { batch } = await record(store, 2);
      const claimed = await take(store, await enter(store), workers);
      await settle(store, ...claimed.map((one) => succeeded(one, { keep: minute })));
      await clock.advance(hour);
      assert.equal(await store.prune(10), 2);
      assert.deepEqual(await countsOf(store, batch.id), [2, 2, 0, 0]);
      await clock.advance(91 * 24 * hour);
      await store.prune(10);
      assert.deepEqual(await store.batches([batch.id]), [undefined]);
    },
  );

  suite.test("have no run that met another one with its unique key", async ({ store }) => {
    const unique = { key: "copy 7", onConflict: { kind: "ignore" } } as const;
    const id = await insertOne(store, { unique });
    const batch = aBatch();
    const answers = await store.insert(
      [aRun({ unique, batch: batch.id }), aRun({ batch: batch.id })],
      [batch],
    );
    assert.equal(at(answers, 0).id, id);
    assert.deepEqual(await countsOf(store, batch.id), [1, 0, 0, 0]);
    assert.equal((await stored(store, id)).batch, undefined);
  });

  suite.test("have what failed because of a dependency", async ({ store }) => {
    const batch = aBatch();
    const [first] = manyRuns(1);
    const chain = [aRun({ id: first?.id, batch: batch.id })];
    for (let index = 0; index < 4; index++)
      chain.push(
        aRun({
          batch: batch.id,
          after: [at(chain, index).id],
          onParentFailure: index % 2 === 0 ? "fail" : "cancel",
        }),
      );
    await store.insert(chain, [batch]);
    await settle(store, failed(await takeOne(store, await enter(store))));
    assert.deepEqual(await countsOf(store, batch.id), [5, 0, 3, 2]);
    assert.deepEqual(await toldOf(store, batch), ["finished"]);
  });

  suite.test("are listed batch by batch, the newest first, a page at a time", async ({ store }) => {
    const ids: string[] = [];
    for (const size of [1, 2, 3]) ids.unshift((await record(store, size)).batch.id);
    const pages = async (limit: number): Promise<string[][]> => {
      const found: string[][] = [];
      for (let before: string | undefined; ; before = found.at(-1)?.at(-1)) {
        const page = await store.listBatches({ limit, before });
        if (page.length === 0) return found;
        found.push(page.map(({ id }) => id));
      }
    };
    assert.deepEqual(await pages(2), [ids.slice(0, 2), ids.slice(2)]);
    assert.deepEqual(await pages(10), [ids]);
    const listed = await store.listBatches({ limit: 1 });
    assert.deepEqual(listed, await store.batches(ids.slice(0, 1)));
  });

  suite.test("are those of its own batch, of many", async ({ store }) => {
    const [one, other] = [await record(store, 2), await record(store, 3)];
    assert.deepEqual(
      await store.batches([other.batch.id, newId(), one.batch.id]).then((all) => all.map((b) => b?.total)),
      [3, undefined, 2],
    );
  });

  suite.shared("are exact when many ends come side by side", async ({ store, another }) => {
    const other = await another();
    const { batch } = await record(store, 400);
    const hands = await Promise.all(
      [store, other].map(async (one) => ({
        one,
        claimed: await take(one, await enter(one), { "*": 200, [told]: 0 }),
      })),
    );
    await Promise.all(
      hands.flatMap(({ one, claimed }) =>
        claimed.map((each, index) =>
          settle(
            one,
            index % 4 === 0 ? failed(each) : succeeded(each, index % 3 === 0 ? { output: "1" } : {}),
          ),
        ),
      ),
    );
    const { total, succeeded: good, failed: bad } = await batchOf(store, batch.id);
    assert.deepEqual([total, good, bad], [400, 300, 100]);
    assert.deepEqual(await toldOf(store, batch), ["finished"]);
  });
}

function callbacks(suite: Suite): void {
  suite.test("both come when the last has succeeded, with the counts", async ({ store, clock }) => {
    const { batch } = await record(store, 2);
    const claimed = await take(store, await enter(store), workers);
    await settle(store, succeeded(at(claimed, 0)));
    assert.deepEqual(await toldOf(store, batch), []);
    await settle(store, succeeded(at(claimed, 1)));
    assert.deepEqual(await toldOf(store, batch), ["success", "finished"]);
    await assertSummary(store, batch.onSuccess, batch, [2, 2, 0, 0]);
    await assertSummary(store, batch.onFinished, batch, [2, 2, 0, 0]);
    const { finishedAt, succeededAt } = await batchOf(store, batch.id);
    assert.deepEqual([finishedAt, succeededAt], [clock.now(), clock.now()]);
    assert.equal(await stateOf(store, batch.onFinished.id), "ready");
    assert.equal((await stored(store, batch.onFinished.id)).batch, undefined);
  });

  suite.test("come when all are settled in one call, in the commonest way", async ({ store }) => {
    const { batch } = await record(store, 100);
    const claimed = await take(store, await enter(store), workers);
    await settle(store, ...claimed.map((one) => succeeded(one)));
    assert.deepEqual(await countsOf(store, batch.id), [100, 100, 0, 0]);
    assert.deepEqual(await toldOf(store, batch), ["success", "finished"]);
  });

  suite.test(
    "success comes once all have, after a retry, and the end was told before",
    async ({ store, clock }) => {
      const { batch } = await record(store, 2);
      const worker = await enter(store);
      const claimed = await take(store, worker, workers);
      await settle(store, succeeded(at(claimed, 0)), failed(at(claimed, 1)));
      assert.deepEqual(await toldOf(store, batch), ["finished"]);
      await assertSummary(store, batch.onFinished, batch, [2, 1, 1, 0]);
      const first = (await batchOf(store, batch.id)).finishedAt;
      await clock.advance(minute);
      await store.retry([at(claimed, 1).run]);
      assert.deepEqual(await toldOf(store, batch), ["finished"]);
      await settle(store, succeeded(only(await take(store, worker, workers))));
      assert.deepEqual(await toldOf(store, batch), ["success", "finished"]);
      await assertSummary(store, batch.onSuccess, batch, [2, 2, 0, 0]);
      await assertSummary(store, batch.onFinished, batch, [2, 1, 1, 0]);
      assert.equal((await batchOf(store, batch.id)).finishedAt, first);
    },
  );

  suite.test("the end is told once, however often a run is tried again", async ({ store }) => {
    const { batch } = await record(store, 1);
    const worker = await enter(store);
    await settle(store, failed(only(await take(store, worker, workers))));
    await store.remove([batch.onFinished.id]);
    for (let round = 0; round < 2; round++) {
      await store.retry([at((await store.list({ states: ["failed"] }, { limit: 1 })).runs, 0).id]);
      await settle(store, failed(only(await take(store, worker, workers))));
    }
    assert.deepEqual(await toldOf(store, batch), []);
    assert.deepEqual(await countsOf(store, batch.id), [1, 0, 1, 0]);
  });

  const last: Record<string, (store: Store, id: string) => Promise<unknown>> = {
    "cancelled by hand": (store, id) => store.cancel([id], "no more"),
    removed: (store, id) => store.remove([id]),
    "found to be invalid": (store, id) =>
      store.prepare([{ id, invalid: { name: "InvalidInputError", message: "no" }, keep: hour }]),
  };
  for (const [what, end] of Object.entries(last)) {
    suite.test(`come when the last is ${what}`, async ({ store }) => {
      const { batch, runs } = await record(store, 1, { waiting: "preparation" });
      await end(store, at(runs, 0).id);
      assert.deepEqual(await toldOf(store, batch), ["finished"]);
    });
  }

  suite.test("of a batch without runs come at once", async ({ store }) => {
    const batch = aBatch();
    assert.deepEqual(await store.insert([], [batch]), []);
    assert.deepEqual(await toldOf(store, batch), ["success", "finished"]);
    await assertSummary(store, batch.onFinished, batch, [0, 0, 0, 0]);
    await store.insert([], [batch]);
    assert.equal(await store.count({}), 2);
  });

  suite.test("are no duty: a batch may have one, or none", async ({ store }) => {
    const bare = { id: newId(), name: "bare" };
    const { onFinished: _, ...half } = aBatch();
    await store.insert([], [bare, half]);
    assert.equal(await store.count({}), 1);
    assert.ok((await batchOf(store, bare.id)).finishedAt !== undefined);
    assert.equal((await store.find([half.onSuccess.id]))[0]?.id, half.onSuccess.id);
  });

  suite.test("wake the workers that wait for something", async ({ store }) => {
    const { batch } = await record(store, 1);
    const worker = await enter(store);
    const claimed = only(await take(store, worker, workers));
    const changes: boolean[] = [];
    const stop = store.watch(({ claimable }) => void changes.push(claimable));
    await settle(store, succeeded(claimed));
    assert.ok(changes.includes(true));
    stop();
    const ids = (await take(store, worker)).map(({ run }) => run);
    assert.deepEqual(new Set(ids), new Set([batch.onSuccess.id, batch.onFinished.id]));
  });

  suite.test(
    "go to the queue that their job was rerouted to, and wait to be prepared if they have to",
    async ({ store }) => {
      await store.reroute("copy", "elsewhere");
      const batch = { ...aBatch(), onFinished: aRun({ waiting: "preparation" }) };
      await store.insert([], [batch]);
      const run = await stored(store, batch.onFinished.id);
      assert.deepEqual([run.queue, run.waiting?.reason], ["elsewhere", "preparation"]);
    },
  );
}

function added(suite: Suite): void {
  suite.test("keep an open batch open", async ({ store }) => {
    const { batch } = await record(store, 1);
    await store.insert(manyRuns(2, () => ({ batch: batch.id })));
    assert.deepEqual(await countsOf(store, batch.id), [3, 0, 0, 0]);
    const worker = await enter(store);
    await settle(store, succeeded(at(await take(store, worker, { "*": 1, [told]: 0 }), 0)));
    assert.deepEqual(await toldOf(store, batch), []);
  });

  suite.test("from inside of its last run find it open", async ({ store }) => {
    const { batch } = await record(store, 1);
    const worker = await enter(store);
    const claimed = only(await take(store, worker, workers));
    await store.insert([aRun({ batch: batch.id })]);
    await settle(store, succeeded(claimed));
    assert.deepEqual(await toldOf(store, batch), []);
    await settle(store, succeeded(only(await take(store, worker, workers))));
    await assertSummary(store, batch.onFinished, batch, [2, 2, 0, 0]);
  });

  suite.test(
    "to a batch that has finished are refused, and nothing of the call is there",
    async ({ store }) => {
      const { batch, runs } = await record(store, 1);
      const worker = await enter(store);
      await settle(store, failed(only(await take(store, worker, workers))));
      const before = await store.count({});
      await assert.rejects(store.insert([aRun(), aRun({ batch: batch.id })]), withCode("BATCH_FINISHED"));
      assert.equal(await store.count({}), before);
      assert.deepEqual(await countsOf(store, batch.id), [1, 0, 1, 0]);
      assert.deepEqual(await store.insert(runs), [{ id: at(runs, 0).id, created: false }]);
    },
  );

  suite.test("to one that a retry has opened again are taken", async ({ store }) => {
    const { batch } = await record(store, 1);
    const worker = await enter(store);
    await settle(store, failed(only(await take(store, worker, workers))));
    await store.retry([at((await store.list({ states: ["failed"] }, { limit: 1 })).runs, 0).id]);
    const claimed = only(await take(store, worker, workers));
    await store.insert([aRun({ batch: batch.id })]);
    await settle(store, succeeded(claimed));
    assert.deepEqual(await toldOf(store, batch), ["finished"]);
    await settle(store, succeeded(only(await take(store, worker, workers))));
    assert.deepEqual(await toldOf(store, batch), ["success", "finished"]);
    await assertSummary(store, batch.onSuccess, batch, [2, 2, 0, 0]);
  });

  suite.test("to a batch that is not there are refused", async ({ store }) => {
    await assert.rejects(store.insert([aRun(), aRun({ batch: newId() })]), withCode("UNKNOWN_BATCH"));
    assert.equal(await store.count({}), 0);
  });

  suite.test("side by side with the last end are counted or refused", async ({ store }) => {
    for (let round = 0; round < 20; round++) {
      const { batch } = await record(store, 1, {}, { name: `round ${round}` });
      const worker = await enter(store);
      const claimed = only(await take(store, worker, workers));
      const [answer] = await Promise.allSettled([
        store.insert([aRun({ batch: batch.id, queue: "late" })]),
        settle(store, succeeded(claimed)),
      ]);
      const isTaken = answer.status === "fulfilled";
      if (!isTaken) assert.ok(withCode("BATCH_FINISHED")(answer.reason));
      assert.deepEqual(await countsOf(store, batch.id), [isTaken ? 2 : 1, 1, 0, 0]);
      assert.deepEqual(await toldOf(store, batch), isTaken ? [] : ["success", "finished"]);
      await store.remove((await store.list({ queues: ["late"] }, { limit: 10 })).runs.map(({ id }) => id));
    }
  });
}

function nested(suite: Suite): void {
  suite.test("counts as one run, and ends as the whole of it did", async ({ store }) => {
    const outer = aBatch({ name: "outer" });
    const inner = aBatch({ name: "inner", batch: outer.id });
    const own = aRun({ batch: outer.id });
    const runs = manyRuns(2, () => ({ batch: inner.id, queue: "inner" }));
    await store.insert([own, ...runs], [outer, inner]);
    assert.deepEqual(await countsOf(store, outer.id), [2, 0, 0, 0]);
    assert.equal((await batchOf(store, inner.id)).batch, outer.id);
    const worker = await enter(store);
    await settle(store, succeeded(only(await take(store, worker, { default: 1 }))));
    const [one, other] = await take(store, worker, { inner: 2 });
    assert.ok(one !== undefined && other !== undefined);
    await settle(store, succeeded(one));
    assert.deepEqual(await countsOf(store, outer.id), [2, 1, 0, 0]);
    await settle(store, failed(other));
    assert.deepEqual(await countsOf(store, outer.id), [2, 1, 1, 0]);
    assert.deepEqual([await toldOf(store, outer), await toldOf(store, inner)], [["finished"], ["finished"]]);
    await store.retry([other.run]);
    assert.deepEqual(await countsOf(store, outer.id), [2, 1, 0, 0]);
    await settle(store, succeeded(only(await take(store, worker, { inner: 2 }))));
    assert.deepEqual(await countsOf(store, outer.id), [2, 2, 0, 0]);
    assert.deepEqual(await toldOf(store, outer), ["success", "finished"]);
  });

  suite.test("ends as cancelled when some were, and none failed", async ({ store }) => {
    const outer = aBatch();
    const inner = aBatch({ batch: outer.id });
    const runs = manyRuns(2, () => ({ batch: inner.id }));
    await store.insert(runs, [outer, inner]);
    await store.cancel([at(runs, 0).id], "no more");
    await settle(store, succeeded(only(await take(store, await enter(store), workers))));
    assert.deepEqual(await countsOf(store, outer.id), [1, 0, 0, 1]);
  });

  suite.test("may be empty, and may be added while the outer one is open", async ({ store }) => {
    const { batch: outer } = await record(store, 1);
    const inner = aBatch({ batch: outer.id });
    await store.insert([], [inner]);
    await store.insert([], [inner]);
    assert.deepEqual(await countsOf(store, outer.id), [2, 1, 0, 0]);
    await settle(store, succeeded(only(await take(store, await enter(store), workers))));
    assert.deepEqual(await toldOf(store, outer), ["success", "finished"]);
    await assert.rejects(store.insert([], [aBatch({ batch: outer.id })]), withCode("BATCH_FINISHED"));
    await assert.rejects(store.insert([], [aBatch({ batch: newId() })]), withCode("UNKNOWN_BATCH"));
  });

  suite.test("five hundred, each in the one before it, end from the innermost on", async ({ store }) => {
    const all: Asked[] = [];
    for (let index = 0; index < 500; index++)
      all.push(aBatch(index === 0 ? {} : { batch: at(all, index - 1).id }));
    await store.insert([aRun({ batch: at(all, 499).id })], all);
    await settle(store, succeeded(only(await take(store, await enter(store), workers))));
    assert.deepEqual(await toldOf(store, at(all, 0)), ["success", "finished"]);
    assert.equal(await store.count({ queues: [told] }), 1_000);
  });
}

function transactions(suite: Suite): void {
  suite.shared(
    "a batch is there with its runs when that commits, and not before",
    async ({ store, transaction }) => {
      const batch = aBatch();
      const runs = manyRuns(2, () => ({ batch: batch.id }));
      await transaction((connection) => store.insertIn(connection, runs, [batch]));
      assert.deepEqual(await countsOf(store, batch.id), [2, 0, 0, 0]);
      const none = aBatch();
      await assert.rejects(
        transaction(async (connection) => {
          await store.insertIn(connection, [aRun({ batch: none.id }), aRun({ batch: batch.id })], [none]);
          throw new Error("rolled back on purpose");
        }),
      );
      assert.deepEqual(await store.batches([none.id]), [undefined]);
      assert.deepEqual(await countsOf(store, batch.id), [2, 0, 0, 0]);
    },
  );

  suite.shared(
    "runs for a batch that is not there are refused, with all of the call",
    async ({ store, transaction }) => {
      const one = aRun();
      await transaction(async (connection) => {
        const refused = store.insertIn(connection, [one, aRun({ batch: newId() })]);
        await assert.rejects(refused, withCode("UNKNOWN_BATCH"));
      }).catch(() => {});
      assert.deepEqual(await store.find([one.id]), [undefined]);
    },
  );

  suite.liveShared(
    "the last end, in a transaction, is told of soon after the commit",
    async ({ store, transaction }) => {
      const { batch } = await record(store, 1);
      const claimed = only(await take(store, await enter(store), workers));
      const isTold = new Promise<void>((resolve) => {
        const stop = store.watch(() => {
          void toldOf(store, batch).then((names) => {
            if (names.length < 2) return;
            stop();
            resolve();
          });
        });
      });
      const settlement = succeeded(claimed);
      await transaction(async (connection) => {
        assert.equal((await store.settleIn(connection, settlement, [])).taken, true);
      });
      store.committed(settlement);
      await isTold;
      assert.deepEqual(await countsOf(store, batch.id), [1, 1, 0, 0]);
    },
  );
}
