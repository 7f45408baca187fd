// What a verb leaves behind beside the run: the runs that follow a settlement, and the word of who expired.
import assert from "node:assert/strict";
import type { Settling } from "../../store/contract.js";
import {
  aRun,
  backedOff,
  cancelledByItself,
  enter,
  failed,
  hour,
  insertOne,
  only,
  picture,
  running,
  second,
  settle,
  stored,
  succeeded,
  take,
} from "./build.js";
import { keyed, meets } from "./keys.js";
import type { Suite } from "./suite.js";

export function follow(suite: Suite): void {
  suite.describe("a run that follows a settlement", () => following(suite));
  suite.describe("runs that expire", () => expiring(suite));
}

function following(suite: Suite): void {
  suite.test("is recorded with it, however it ends", async ({ store }) => {
    const ends = [
      (claimed: Parameters<typeof succeeded>[0]): Settling => succeeded(claimed),
      (claimed: Parameters<typeof succeeded>[0]): Settling => succeeded(claimed, { output: "1" }),
      (claimed: Parameters<typeof succeeded>[0]): Settling => failed(claimed),
      (claimed: Parameters<typeof succeeded>[0]): Settling => cancelledByItself(claimed),
      (claimed: Parameters<typeof succeeded>[0]): Settling => backedOff(claimed, hour),
    ];
    const worker = await enter(store);
    for (const end of ends) {
      await insertOne(store, { queue: "first" });
      const claimed = only(await take(store, worker, { first: 1 }));
      const runs = [aRun({ queue: "next", input: '{"a":1}' }), aRun({ queue: "next", due: { after: hour } })];
      await settle(store, { ...end(claimed), follow: runs });
      const [one, other] = await store.find(runs.map(({ id }) => id));
      assert.deepEqual([one?.state, one?.input, one?.requestedAt], ["ready", '{"a":1}', store.now()]);
      assert.deepEqual([other?.state, other?.runAt], ["scheduled", store.now() + hour]);
      await settle(store, ...(await take(store, worker, { next: 9 })).map((next) => succeeded(next)));
    }
  });

  suite.test("is not recorded when the settlement is refused", async ({ store }) => {
    const { claimed } = await running(store);
    await settle(store, succeeded(claimed));
    for (const end of [succeeded(claimed), failed(claimed)])
      assert.deepEqual(await store.settle([{ ...end, follow: [aRun()] }]), [{ taken: false }]);
    assert.equal(await store.count({}), 1);
  });

  suite.test("is its own among many that are settled together", async ({ store }) => {
    for (let count = 0; count < 6; count++) await insertOne(store);
    const worker = await enter(store);
    const claimed = await take(store, worker);
    const follows = claimed.map(({ run }) => aRun({ meta: { after: run } }));
    await settle(
      store,
      ...claimed.map((one, index) =>
        index % 2 === 0 ? succeeded(one) : { ...succeeded(one), follow: follows.slice(index, index + 1) },
      ),
    );
    const found = await store.find(follows.map(({ id }) => id));
    assert.deepEqual(
      found.map((run) => run?.meta.after),
      claimed.map(({ run }, index) => (index % 2 === 0 ? undefined : run)),
    );
  });

  suite.test("may have the key of the run that ends", async ({ store }) => {
    const { claimed } = await running(store, keyed());
    const next = aRun(keyed());
    await settle(store, { ...succeeded(claimed), follow: [next] });
    await meets(store, next.id);
  });

  suite.test("is not recorded when its key is held, and the settlement is taken", async ({ store }) => {
    const id = await insertOne(store, { ...keyed(), due: { after: hour } });
    const { claimed } = await running(store);
    const before = await picture(store, id);
    const rejects = keyed({ onConflict: { kind: "reject" } });
    const runs = [aRun(), aRun(keyed()), aRun(rejects), aRun()];
    await settle(store, { ...failed(claimed), follow: runs });
    assert.deepEqual(
      (await store.find(runs.map((run) => run.id))).map((run) => run !== undefined),
      [true, false, false, true],
    );
    assert.deepEqual(await picture(store, id), before);
  });

  suite.test("is there also where a cancellation was asked for", async ({ store }) => {
    const { id, claimed } = await running(store);
    await store.cancel([id], "not wanted");
    const next = aRun();
    await settle(store, { ...backedOff(claimed, second), follow: [next] });
    assert.equal((await stored(store, id)).state, "cancelled");
    assert.equal((await stored(store, next.id)).state, "ready");
  });

  suite.shared("stands and falls with the transaction that ends its run", async ({ store, transaction }) => {
    const { claimed } = await running(store);
    const undone = new Error("undone");
    const next = aRun({ queue: "next" });
    const end = (connection: unknown) =>
      store.settleIn(connection, { ...succeeded(claimed), follow: [next] }, []);
    const rolledBack = transaction(async (connection) => {
      assert.equal((await end(connection)).taken, true);
      throw undone;
    });
    await assert.rejects(rolledBack, undone);
    assert.deepEqual(await store.find([next.id]), [undefined]);
    await transaction(end);
    store.committed(succeeded(claimed));
    const again = only(await take(store, await enter(store), { next: 1 }));
    assert.equal(again.run, next.id);
  });
}

function expiring(suite: Suite): void {
  suite.test("are named with their jobs when that is noticed, and not again", async ({ store, clock }) => {
    const starting = await insertOne(store, { startWithin: second });
    const ending = await insertOne(store, { job: "move", finishWithin: second, due: { after: hour } });
    await insertOne(store, { startWithin: hour });
    await clock.advance(second);
    const { expired, moved } = await store.promote(10);
    const byId = (one: { run: string }, other: { run: string }): number => (one.run < other.run ? -1 : 1);
    assert.deepEqual(
      expired.toSorted(byId),
      [
        { run: starting, job: "copy" },
        { run: ending, job: "move" },
      ].toSorted(byId),
    );
    assert.equal(moved, 2);
    assert.deepEqual((await store.promote(10)).expired, []);
  });

  suite.test("are as many as were asked for at once", async ({ store, clock }) => {
    const ids = new Set<string>();
    for (let count = 0; count < 5; count++) ids.add(await insertOne(store, { startWithin: second }));
    await clock.advance(second);
    const seen: string[] = [];
    for (let round = 0; round < 5; round++)
      seen.push(...(await store.promote(2)).expired.map(({ run }) => run));
    assert.equal(seen.length, 5);
    assert.deepEqual(new Set(seen), ids);
  });
}
