// Transactional work: a remembered call, or a run's end, in a transaction of the application.
//
// What is written there stands or falls with everything else of that transaction, and only for an execution that still
// owns its run. Whoever would take the run away meanwhile comes before, and then the transaction is refused, or after,
// and then finds it decided: there is no third way in which the work is done and the run is done again.
import assert from "node:assert/strict";
import type { Claimed, Entry, Store } from "../../store/contract.js";
import {
  enter,
  failed,
  fenceOf,
  minute,
  only,
  picture,
  running,
  settle,
  snoozed,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import type { Bench, Suite } from "./suite.js";

export function transactional(suite: Suite): void {
  suite.describe("a call recorded in a transaction", () => calls(suite));
  suite.describe("a run ended in a transaction", () => ends(suite));
  suite.describe("an execution that lost its claim", () => losers(suite));
  suite.describe("whether an execution owns its run", () => ownership(suite));
}

const output = JSON.stringify({ paid: true, text: "ünïcödé 🌊 \u0000 'quoted'" });

function done(name: string, fields: Partial<Entry> = {}): Entry {
  return { name, kind: "tx", state: "done", value: output, ...fields };
}

const undone = new Error("rolled back on purpose");

/** Runs it in a transaction that is rolled back. */
async function rolledBack({ transaction }: Bench, fn: (connection: unknown) => Promise<void>): Promise<void> {
  await assert.rejects(
    transaction(async (connection) => {
      await fn(connection);
      throw undone;
    }),
    undone,
  );
}

function calls(suite: Suite): void {
  suite.shared("is there once that commits, and not before", async ({ store, transaction }) => {
    const { id, claimed } = await running(store);
    const before = await picture(store, id);
    await transaction(async (connection) => {
      const write = { ...fenceOf(claimed), entries: [done("charge")] };
      assert.equal((await store.recordIn(connection, write)).taken, true);
      assert.deepEqual(await store.entries(id), []);
    });
    const entry = only(await store.entries(id));
    assert.deepEqual(
      [entry.name, entry.kind, entry.state, entry.position, entry.value],
      ["charge", "tx", "done", 1, output],
    );
    assert.deepEqual(await picture(store, id), before, "the run goes on as it was");
    await settle(store, succeeded(claimed));
  });

  suite.shared("never was when that rolls back", async (bench) => {
    const { store } = bench;
    const { id, claimed } = await running(store);
    await rolledBack(bench, async (connection) => {
      const write = { ...fenceOf(claimed), entries: [done("charge")] };
      assert.equal((await store.recordIn(connection, write)).taken, true);
    });
    assert.deepEqual(await store.entries(id), []);
    await settle(store, succeeded(claimed));
  });

  suite.shared(
    "has the next position of its run, and failed ones have one too",
    async ({ store, transaction }) => {
      const { id, claimed } = await running(store);
      const other = await running(store);
      const record = (execution: Claimed, ...entries: Entry[]) =>
        transaction((connection) => store.recordIn(connection, { ...fenceOf(execution), entries }));
      await record(claimed, done("b"), done("a", { hash: "h", attempts: 3, value: undefined }));
      await record(other.claimed, done("b"));
      const error = { name: "StepFailedError", message: "declined", code: "DECLINED" };
      await record(claimed, done("c", { state: "failed", value: undefined, error }));
      const [first, second, third] = await store.entries(id);
      assert.deepEqual([first?.name, first?.position], ["b", 1]);
      assert.deepEqual(
        [second?.name, second?.position, second?.hash, second?.attempts, second?.value],
        ["a", 2, "h", 3, undefined],
      );
      assert.deepEqual([third?.name, third?.position, third?.state, third?.error], ["c", 3, "failed", error]);
      assert.equal(only(await store.entries(other.id)).position, 1);
    },
  );

  suite.shared("is there for every later execution, whatever became of its own", async (bench) => {
    const { store, clock, transaction } = bench;
    const { id, worker, claimed } = await running(store);
    await transaction((connection) =>
      store.recordIn(connection, { ...fenceOf(claimed), entries: [done("charge")] }),
    );
    await settle(store, snoozed(claimed, minute));
    await clock.advance(2 * minute);
    await store.promote(10);
    await takeOne(store, worker);
    await store.rescue([{ worker }]);
    const next = await enter(store);
    await settle(store, failed(await takeOne(store, next)));
    await store.retry([id]);
    await takeOne(store, next);
    assert.equal(only(await store.entries(id)).value, output);
  });

  suite.shared("is not recorded under a name that has settled", async ({ store, transaction }) => {
    const { id, claimed } = await running(store);
    const record = (value: string) =>
      transaction((connection) =>
        store.recordIn(connection, { ...fenceOf(claimed), entries: [done("charge", { value })] }),
      );
    await record("1");
    await assert.rejects(record("2"));
    assert.equal(only(await store.entries(id)).value, "1");
  });

  suite.shared("is gone with its run", async ({ store, transaction }) => {
    const { id, claimed } = await running(store);
    await transaction((connection) =>
      store.recordIn(connection, { ...fenceOf(claimed), entries: [done("charge")] }),
    );
    await settle(store, succeeded(claimed));
    assert.equal((await store.entries(id)).length, 1);
    await store.remove([id]);
    assert.deepEqual(await store.entries(id), []);
  });
}

function ends(suite: Suite): void {
  suite.shared("has ended once that commits, and not before", async ({ store, clock, transaction }) => {
    const { id, worker, claimed } = await running(store);
    await clock.advance(7);
    await transaction(async (connection) => {
      const answer = await store.settleIn(connection, succeeded(claimed, { output }), []);
      assert.deepEqual(answer, { taken: true, state: "succeeded" });
      assert.equal(await stateOf(store, id), "running");
    });
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.output, run.attempt, run.token, run.finishedAt],
      ["succeeded", output, 1, claimed.token, claimed.startedAt + 7],
    );
    assert.deepEqual(await store.settle([succeeded(claimed)]), [{ taken: false }]);
    store.committed(succeeded(claimed));
    assert.deepEqual((await store.heartbeat(worker)).lost, []);
    assert.deepEqual(await take(store, worker), []);
  });

  suite.shared("goes on as if nothing had been when that rolls back", async (bench) => {
    const { store } = bench;
    const { id, claimed } = await running(store);
    const before = await picture(store, id);
    await rolledBack(bench, async (connection) => {
      const answer = await store.settleIn(connection, succeeded(claimed, { output }), []);
      assert.deepEqual(answer, { taken: true, state: "succeeded" });
    });
    assert.deepEqual(await picture(store, id), before);
    await settle(store, failed(claimed));
    assert.equal(await stateOf(store, id), "failed");
  });

  suite.shared("has in its log what it said in that transaction", async ({ store, transaction }) => {
    const { id, claimed } = await running(store);
    const fence = fenceOf(claimed);
    await transaction((connection) =>
      store.settleIn(connection, succeeded(claimed), [
        { ...fence, log: { level: "info", message: "paid", fields: '{"cents":1250}' } },
        { ...fence, progress: { done: 2, total: 2, note: "all of it" } },
      ]),
    );
    const line = only((await store.timeline(id)).logs);
    assert.deepEqual([line.level, line.message, line.fields], ["info", "paid", { cents: 1250 }]);
    assert.deepEqual((await stored(store, id)).progress, { done: 2, total: 2, note: "all of it" });
  });

  suite.shared("succeeds although its end was asked for", async ({ store, transaction }) => {
    const { id, claimed } = await running(store);
    await store.cancel([id], "not wanted");
    await transaction((connection) => store.settleIn(connection, succeeded(claimed), []));
    assert.equal(await stateOf(store, id), "succeeded");
  });

  suite.shared(
    "is told to whoever listens here, once its commit is known",
    async ({ store, transaction }) => {
      const { id, claimed } = await running(store);
      const heard: string[] = [];
      const stop = store.watch(({ ended }) => heard.push(...ended));
      await transaction((connection) => store.settleIn(connection, succeeded(claimed), []));
      store.committed(succeeded(claimed));
      stop();
      assert.deepEqual(heard, [id]);
    },
  );

  suite.shared("is not rescued by anybody who comes meanwhile", async ({ store, another, transaction }) => {
    const other = await another();
    const { id, worker, claimed } = await running(store);
    let rescue: Promise<unknown[]> | undefined;
    await transaction(async (connection) => {
      await store.settleIn(connection, succeeded(claimed), []);
      rescue = other.rescue([{ worker }]);
    });
    assert.deepEqual(await rescue, []);
    assert.equal(await stateOf(store, id), "succeeded");
  });
}

function losers(suite: Suite): void {
  const losses: Record<string, (bench: Bench, claimed: Claimed, worker: string) => Promise<unknown>> = {
    rescue: ({ store }, _claimed, worker) => store.rescue([{ worker }]),
    "settlement of its own": ({ store }, claimed) => settle(store, snoozed(claimed, 0)),
    "end of its own": ({ store }, claimed) => settle(store, succeeded(claimed)),
    "next claim": async ({ store }, _claimed, worker) => {
      await store.rescue([{ worker }]);
      await takeOne(store, await enter(store));
    },
  };
  for (const [what, lose] of Object.entries(losses)) {
    suite.shared(`is refused both after a ${what}, and changes nothing`, async (bench) => {
      const { id, worker, claimed } = await running(bench.store);
      await lose(bench, claimed, worker);
      await refusedBoth(bench, claimed, id);
    });
  }

  suite.shared("is refused with the token of another run", async (bench) => {
    const { store } = bench;
    const one = await running(store);
    const two = await running(store);
    await refusedBoth(bench, { ...one.claimed, token: two.claimed.token + 1_000 }, one.id);
    await settle(store, succeeded(one.claimed), succeeded(two.claimed));
  });
}

async function refusedBoth({ store, transaction }: Bench, claimed: Claimed, id: string): Promise<void> {
  const before = await everythingOf(store, id);
  const fence = fenceOf(claimed);
  await transaction(async (connection) => {
    const refused = await store.recordIn(connection, { ...fence, entries: [done("charge")] });
    assert.deepEqual(refused, { taken: false });
    const late = { ...fence, log: { level: "info" as const, message: "the zombie was here" } };
    assert.deepEqual(await store.settleIn(connection, succeeded(claimed, { output }), [late]), {
      taken: false,
    });
  });
  assert.deepEqual(await everythingOf(store, id), before);
}

async function everythingOf(store: Store, id: string): Promise<unknown> {
  return [await picture(store, id), await store.entries(id)];
}

function ownership(suite: Suite): void {
  suite.test("it does while it runs, and not after its end or a rescue", async ({ store }) => {
    const one = await running(store);
    const two = await running(store);
    assert.equal(await store.owns(fenceOf(one.claimed)), true);
    await settle(store, succeeded(one.claimed));
    assert.equal(await store.owns(fenceOf(one.claimed)), false);
    await store.rescue([{ worker: two.worker }]);
    assert.equal(await store.owns(fenceOf(two.claimed)), false);
    const again = await takeOne(store, await enter(store));
    assert.deepEqual(
      [await store.owns(fenceOf(two.claimed)), await store.owns(fenceOf(again))],
      [false, true],
    );
  });

  suite.shared("the answer waits for a transaction that ends it", async (bench) => {
    const { store, another } = bench;
    const other = await another();
    const [one, two] = [await running(store), await running(store)];
    const asked: Promise<boolean>[] = [];
    await bench.transaction(async (connection) => {
      await store.settleIn(connection, succeeded(one.claimed), []);
      asked.push(other.owns(fenceOf(one.claimed)));
    });
    await rolledBack(bench, async (connection) => {
      await store.settleIn(connection, succeeded(two.claimed), []);
      asked.push(other.owns(fenceOf(two.claimed)));
    });
    assert.deepEqual(await Promise.all(asked), [false, true]);
  });
}
