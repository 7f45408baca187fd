// The fence: a worker that was taken for dead comes back, and finds every door shut.
//
// A zombie is held over each way in which a run can leave its worker, and tries to write: before the run has been
// claimed again, and after. It must be refused each time, and the run must not differ by a single column. The attempt
// is no fence, since attempts are given back; the token is.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { Claimed, Settlement, Store } from "../../store/contract.js";
import {
  aRun,
  backedOff,
  cancelledByItself,
  copy,
  enter,
  failed,
  fenceOf,
  handedBack,
  insertOne,
  minute,
  parked,
  picture,
  running,
  second,
  settle,
  snoozed,
  stored,
  succeeded,
  suspended,
  takeOne,
} from "./build.js";
import type { Bench, Suite } from "./suite.js";

/** How a run leaves its worker, and how it comes to be ready again afterwards. */
interface Parting {
  readonly leave: (bench: Bench, claimed: Claimed, worker: string) => Promise<unknown>;
  readonly comeBack: (bench: Bench, id: string) => Promise<unknown>;
}

const ready = async (): Promise<void> => {};
const itsTimeComes = async ({ store, clock }: Bench): Promise<void> => {
  await clock.advance(2 * minute);
  await store.promote(10);
};
const isRetried = async ({ store }: Bench, id: string): Promise<void> => {
  assert.deepEqual(await store.retry([id]), [true]);
};

const partings: Record<string, Parting> = {
  snooze: { leave: ({ store }, claimed) => settle(store, snoozed(claimed, minute)), comeBack: itsTimeComes },
  "hand-back": { leave: ({ store }, claimed) => settle(store, handedBack(claimed)), comeBack: ready },
  suspension: {
    leave: ({ store }, claimed) => settle(store, suspended(claimed, minute)),
    comeBack: itsTimeComes,
  },
  "retry backoff": {
    leave: ({ store }, claimed) => settle(store, backedOff(claimed, minute)),
    comeBack: itsTimeComes,
  },
  rescue: { leave: ({ store }, _claimed, worker) => store.rescue([{ worker }]), comeBack: ready },
  retirement: { leave: ({ store }, _claimed, worker) => store.retire(worker), comeBack: ready },
  "park for a worker": {
    leave: ({ store }, claimed) =>
      settle(store, { ...parked(claimed, "worker", "copy@2"), events: [{ kind: "parked" }] }),
    comeBack: ({ store }) => enter(store, { abilities: [{ job: "copy", version: 2 }] }),
  },
  "park for a paused job": {
    async leave({ store }, claimed) {
      await store.pause({ job: "copy" });
      await settle(store, parked(claimed, "paused"));
    },
    comeBack: ({ store }) => store.resume({ job: "copy" }),
  },
  cancel: {
    async leave({ store }, claimed) {
      await store.cancel([claimed.run], "not wanted");
      await settle(store, handedBack(claimed));
    },
    comeBack: isRetried,
  },
  "cancel by its handler": {
    leave: ({ store }, claimed) => settle(store, cancelledByItself(claimed)),
    comeBack: isRetried,
  },
  failure: { leave: ({ store }, claimed) => settle(store, failed(claimed)), comeBack: isRetried },
  "cancel while it was asked, then rescue": {
    async leave({ store }, claimed, worker) {
      await store.cancel([claimed.run], "not wanted");
      await store.rescue([{ worker }]);
    },
    comeBack: isRetried,
  },
  "removal, and an insert under its id": {
    async leave({ store }, claimed) {
      await settle(store, handedBack(claimed));
      assert.deepEqual(await store.remove([claimed.run]), [true]);
      await store.insert([aRun({ id: claimed.run, version: claimed.version, job: claimed.job })]);
    },
    comeBack: ready,
  },
};

/** Every way in which a zombie could write. */
const ways: Record<string, (claimed: Claimed) => Settlement> = {
  succeeded: (claimed) => succeeded(claimed, { output: '"of the zombie"' }),
  "succeeded with nothing": (claimed) => succeeded(claimed),
  failed: (claimed) => failed(claimed),
  cancelled: (claimed) => cancelledByItself(claimed),
  scheduled: (claimed) => snoozed(claimed, second),
  "backed off": (claimed) => backedOff(claimed, second),
  ready: (claimed) => handedBack(claimed),
  parked: (claimed) => parked(claimed, "worker", "move@9"),
  paused: (claimed) => parked(claimed, "paused"),
};

export function fence(suite: Suite): void {
  suite.describe("a zombie is refused", () => {
    for (const [what, parting] of Object.entries(partings)) {
      suite.test(`over a ${what}, while nobody has the run`, async (bench) => {
        const { zombie, id, worker } = await zombieOf(bench);
        await parting.leave(bench, zombie, worker);
        await isRefused(bench, zombie, id);
      });

      suite.test(`over a ${what}, once another worker has the run`, async (bench) => {
        const { zombie, id, worker } = await zombieOf(bench);
        await parting.leave(bench, zombie, worker);
        await bench.clock.advance(3);
        await parting.comeBack(bench, id);
        await nextOwnerKeepsIt(bench, zombie, id);
      });
    }
  });

  suite.test("the fence is the token, not the attempt", async (bench) => {
    const { store } = bench;
    const { id, claimed } = await running(store);
    await settle(store, handedBack(claimed));
    const owner = await takeOne(store, await enter(store));
    assert.equal(owner.attempt, claimed.attempt, "the attempt was not given back");
    assert.notEqual(owner.token, claimed.token);
    await isRefused(bench, claimed, id);
  });

  suite.test("a worker that gets its own run back is refused under its old token", async (bench) => {
    const { store } = bench;
    const { id, worker, claimed } = await running(store);
    await settle(store, handedBack(claimed));
    const next = await takeOne(store, worker);
    await isRefused(bench, claimed, id);
    await settle(store, succeeded(next));
  });

  suite.test("a token that was never given is refused, higher ones too", async (bench) => {
    const { store } = bench;
    const { id, claimed } = await running(store);
    for (const token of [0, -1, claimed.token - 1, claimed.token + 1, claimed.token + 1_000]) {
      await isRefused(bench, { ...claimed, token }, id);
    }
    await settle(store, succeeded(claimed));
  });

  suite.test("the token of one run opens no other run", async (bench) => {
    const { store, clock } = bench;
    const one = await running(store);
    await clock.advance(3);
    const two = await running(store);
    assert.notEqual(one.claimed.token, two.claimed.token);
    await isRefused(bench, { ...unmarked(one.claimed), run: two.id }, two.id);
    await settle(store, succeeded(one.claimed), succeeded(two.claimed));
  });

  suite.test("the mark of one claim opens no run but its own, and ends none", async (bench) => {
    const { store, clock } = bench;
    const one = await running(store);
    await clock.advance(3);
    const two = await running(store);
    const before = await picture(store, one.id);
    await isRefused(bench, { ...one.claimed, run: two.id }, two.id);
    assert.deepEqual(await picture(store, one.id), before);
  });

  suite.test("a run that was never claimed can be settled by nobody", async (bench) => {
    const { store } = bench;
    const { claimed } = await running(store);
    const id = await insertOne(store);
    const { token } = await stored(store, id);
    for (const guess of [token, 0, 1])
      await isRefused(bench, { ...unmarked(claimed), run: id, token: guess }, id);
  });

  suite.test("a settlement of a run that is not there is refused", async ({ store }) => {
    const { id, claimed } = await running(store);
    const before = await picture(store, id);
    for (const zombie of [unmarked(claimed), claimed]) {
      assert.deepEqual(await store.settle([succeeded({ ...zombie, run: newId() })]), [{ taken: false }]);
      assert.deepEqual(await picture(store, id), before);
    }
    assert.equal(await store.count({}), 1);
  });

  suite.test("a run that was removed after it ended leaves nothing for its zombie", async ({ store }) => {
    const { id, claimed } = await running(store);
    await settle(store, failed(claimed));
    await store.remove([id]);
    assert.deepEqual(await store.settle([succeeded(claimed)]), [{ taken: false }]);
    await store.note([{ ...fenceOf(claimed), log: { level: "info", message: "late" } }]);
    assert.deepEqual(await store.find([id]), [undefined]);
    assert.deepEqual(await store.timeline(id), { events: [], logs: [] });
  });

  suite.shared("a zombie in another store is refused as well", async (bench) => {
    const { store, another } = bench;
    const other = await another();
    const { id, worker, claimed } = await running(other);
    assert.equal((await store.rescue([{ worker }])).length, 1);
    await isRefused({ ...bench, store: other }, claimed, id);
    await takeOne(store, await enter(store));
    await isRefused({ ...bench, store: other }, claimed, id);
  });
}

/** Without the store's own mark: run and token alone are shown. */
function unmarked(claimed: Claimed): Claimed {
  const { claim: _mark, ...rest } = claimed;
  return rest;
}

/** A run of version 2, so that it can be parked for a worker; it is in its second attempt. */
async function zombieOf({ store, clock }: Bench): Promise<{ zombie: Claimed; id: string; worker: string }> {
  const id = await insertOne(store, { version: 2, input: '"asked"' });
  const worker = await enter(store, { abilities: [copy] });
  await settle(store, backedOff(await takeOne(store, worker), 1));
  await clock.advance(5);
  await store.promote(10);
  const zombie = await takeOne(store, worker);
  await clock.advance(7);
  return { zombie, id, worker };
}

async function nextOwnerKeepsIt(bench: Bench, zombie: Claimed, id: string): Promise<void> {
  const { store, clock } = bench;
  const abilities = [{ job: "copy", version: 2 }];
  const owner = await takeOne(store, await enter(store, { abilities }), abilities);
  assert.equal(owner.run, id);
  assert.notEqual(owner.token, zombie.token);
  await clock.advance(11);
  await isRefused(bench, zombie, id);
  await store.note([{ ...fenceOf(owner), progress: { done: 1 } }]);
  assert.equal((await stored(store, id)).progress?.done, 1);
  await settle(store, succeeded(owner, { output: '"of the owner"' }));
  assert.equal((await stored(store, id)).output, '"of the owner"');
  await isRefused(bench, zombie, id);
}

/** Tries every way to write, one by one and all in one batch, and compares all that can be seen before and after. */
async function isRefused({ store, clock }: Bench, zombie: Claimed, id: string): Promise<void> {
  const before = await picture(store, id);
  await clock.advance(13);
  for (const [what, settlement] of Object.entries(ways)) {
    assert.deepEqual(await store.settle([settlement(zombie)]), [{ taken: false }], `settled ${what}`);
    assert.deepEqual(await picture(store, id), before, `what a refused settlement (${what}) left`);
  }
  const together = Object.values(ways).map((settlement) => settlement(zombie));
  assert.deepEqual(
    await store.settle(together),
    together.map(() => ({ taken: false })),
  );
  await store.note([
    { ...fenceOf(zombie), log: { level: "info", message: "the zombie was here" } },
    { ...fenceOf(zombie), progress: { done: 99, total: 100, note: "nearly" } },
  ]);
  assert.deepEqual(await picture(store, id), before, "what a refused note left");
  await recordIsRefused(store, zombie);
  assert.deepEqual(await picture(store, id), before, "what the refused writes left");
}

/** A store that has no durable entries yet refuses them by name. */
async function recordIsRefused(store: Store, zombie: Claimed): Promise<void> {
  const child = aRun();
  const write = {
    ...fenceOf(zombie),
    entries: [{ name: "late", kind: "step" as const, state: "done" as const }],
    children: [child],
  };
  assert.deepEqual(await store.record([write]), [{ taken: false }]);
  assert.deepEqual(await store.find([child.id]), [undefined]);
}
