// Watching: whoever rests hears of what may concern it, from this store and from others, and of nothing else.
//
// In real time, since it is the store that listens. A test waits for the change itself; that nothing is told while
// nothing happens can only be watched for a while, and that while is short.
import assert from "node:assert/strict";
import { setTimeout as pass } from "node:timers/promises";
import { newId } from "../../kernel/index.js";
import type { Change, Store } from "../../store/contract.js";
import {
  backedOff,
  cancelledByItself,
  enter,
  handedBack,
  hour,
  insertOne,
  minute,
  parked,
  running,
  settle,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import type { Bench, Suite } from "./suite.js";

const patience = 10_000;
/** Ten times what a change may take. */
const quietTime = 100;

interface Ear {
  readonly changes: readonly Change[];
  /** Resolves with the first change, of those heard since `forget`, that is meant. */
  heard(what: string, isMeant: (change: Change) => boolean): Promise<Change>;
  forget(): void;
  stop(): void;
}

function listen(store: Store): Ear {
  let changes: Change[] = [];
  let wake = (): void => {};
  const stop = store.watch((change) => {
    changes.push(change);
    wake();
  });
  return {
    get changes() {
      return changes;
    },
    heard(what, isMeant) {
      return new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`${what} was not heard; ${JSON.stringify(changes)} was`)),
          patience,
        );
        wake = () => {
          const found = changes.find(isMeant);
          if (found === undefined) return;
          clearTimeout(late);
          resolve(found);
        };
        wake();
      });
    },
    forget() {
      changes = [];
    },
    stop,
  };
}

/** Until what was done before is heard, whatever it was. */
async function settled(ear: Ear): Promise<void> {
  await pass(quietTime);
  ear.forget();
}

export function watch(suite: Suite): void {
  suite.describe("of its own store", () => here(suite));
  suite.describe("of another store", () => elsewhere(suite));
}

function here(suite: Suite): void {
  const claimable: Record<string, (store: Store) => Promise<{ act: () => Promise<unknown> }>> = {
    "an insert": async (store) => ({ act: () => insertOne(store) }),
    "a hand-back": async (store) => {
      const { claimed } = await running(store);
      return { act: () => settle(store, handedBack(claimed)) };
    },
    "a rescue": async (store) => {
      const { worker } = await running(store);
      return { act: () => store.rescue([{ worker }]) };
    },
    "a retry": async (store) => {
      const { id, claimed } = await running(store);
      await settle(store, cancelledByItself(claimed));
      return { act: () => store.retry([id]) };
    },
    "a promotion": async (store) => {
      await insertOne(store, { due: { after: 2 } });
      await pass(10);
      return { act: () => store.promote(10) };
    },
    "a registration that frees a parked run": async (store) => {
      const { claimed } = await running(store, { version: 2 });
      await settle(store, parked(claimed, "worker"));
      return { act: () => enter(store, { abilities: [{ job: "copy", version: 2 }] }) };
    },
    "a resumed job": async (store) => {
      await store.pause({ job: "copy" });
      const { claimed } = await running(store);
      await settle(store, parked(claimed, "paused"));
      return { act: () => store.resume({ job: "copy" }) };
    },
    "a resumed queue": async (store) => {
      await insertOne(store, { queue: "held" });
      await store.pause({ queue: "held" });
      return { act: () => store.resume({ queue: "held" }) };
    },
    "a prepared run": async (store) => {
      const id = await insertOne(store, { waiting: "preparation" });
      return {
        act: () => store.prepare([{ id, run: { job: "copy", version: 1, queue: "q", priority: 0 } }]),
      };
    },
  };
  for (const [what, prepare] of Object.entries(claimable)) {
    suite.live(`${what} may have made something claimable`, async ({ store }) => {
      const { act } = await prepare(store);
      const ear = listen(store);
      await settled(ear);
      await act();
      const change = await ear.heard(what, (each) => each.claimable);
      assert.equal(change.origin, "here");
    });
  }

  suite.live("a run that is due later is told with its moment, and is not claimable", async ({ store }) => {
    const ear = listen(store);
    const runAt = store.now() + hour;
    await insertOne(store, { due: { at: runAt } });
    const change = await ear.heard("a due moment", (each) => each.due === runAt);
    assert.deepEqual([change.origin, change.claimable], ["here", false]);
  });

  suite.live("a backoff is told with its moment", async ({ store }) => {
    const { claimed } = await running(store);
    const ear = listen(store);
    await settled(ear);
    const before = store.now();
    await settle(store, backedOff(claimed, minute));
    const change = await ear.heard("a due moment", (each) => each.due !== undefined);
    assert.ok(
      change.due !== undefined && change.due >= before + minute && change.due <= store.now() + minute,
    );
  });

  suite.live("the runs that ended are told by name", async ({ store }) => {
    const one = await running(store);
    const two = await running(store);
    const three = await insertOne(store);
    const ear = listen(store);
    await settled(ear);
    await settle(store, succeeded(one.claimed), handedBack(two.claimed));
    const change = await ear.heard("an end", (each) => each.ended.includes(one.id));
    assert.deepEqual([change.origin, change.ended], ["here", [one.id]]);
    await store.cancel([three], "not wanted");
    assert.deepEqual((await ear.heard("a cancelled run", (each) => each.ended.includes(three))).ended, [
      three,
    ]);
  });

  suite.live("an expired run is told by name", async ({ store }) => {
    const id = await insertOne(store, { startWithin: 1 });
    await pass(10);
    const ear = listen(store);
    await store.promote(10);
    await ear.heard("an expired run", (each) => each.ended.includes(id));
  });

  suite.live("a cancellation that was asked for is told", async ({ store }) => {
    const { id } = await running(store);
    const ear = listen(store);
    await settled(ear);
    await store.cancel([id], "not wanted");
    const change = await ear.heard("an asked cancellation", (each) => each.asked);
    assert.deepEqual([change.origin, change.ended], ["here", []]);
  });

  suite.live("a message is told, unless nobody is there to hear it", async ({ store }) => {
    await enter(store);
    const ear = listen(store);
    await settled(ear);
    await store.tell([{ id: newId(), to: "nobody", name: "duckdive.quiet" }]);
    await pass(quietTime);
    assert.deepEqual(ear.changes, []);
    await store.tell([{ id: newId(), name: "duckdive.quiet" }]);
    const change = await ear.heard("a message", (each) => each.asked);
    assert.deepEqual([change.origin, change.ended, change.claimable], ["here", [], false]);
  });

  suite.live("what was told has been committed", async ({ store }) => {
    const states: Promise<unknown>[] = [];
    const stop = store.watch((change) => {
      for (const id of change.ended) states.push(store.find([id]).then(([run]) => run?.state));
    });
    const { claimed } = await running(store);
    await settle(store, succeeded(claimed));
    stop();
    assert.deepEqual(await Promise.all(states), ["succeeded"]);
  });

  suite.live("nothing is told while nothing happens, reads and empty claims included", async ({ store }) => {
    const worker = await enter(store);
    await running(store);
    const ear = listen(store);
    await settled(ear);
    for (let count = 0; count < 20; count++) {
      await take(store, worker, { "*": 5 });
      await store.list({}, { limit: 10 });
      await store.promote(10);
      await store.findLost();
      await store.prune(10);
      await store.pulse(worker);
    }
    await pass(quietTime);
    assert.deepEqual(ear.changes, []);
  });

  suite.live("its own changes are not told again as somebody else's", async ({ store }) => {
    const ear = listen(store);
    await settled(ear);
    const { claimed } = await running(store);
    await settle(store, succeeded(claimed));
    await insertOne(store);
    await pass(quietTime);
    assert.ok(ear.changes.length > 0);
    assert.deepEqual(
      ear.changes.filter((change) => change.origin === "elsewhere"),
      [],
    );
  });

  suite.live(
    "every listener hears, and one that stopped does not, nor one that throws silences the others",
    async ({ store }) => {
      const stopped = listen(store);
      const silent = store.watch(() => {
        throw new Error("a listener of the conformance suite threw on purpose");
      });
      const ears = [listen(store), listen(store)];
      stopped.stop();
      stopped.stop();
      await insertOne(store);
      for (const ear of ears) await ear.heard("an insert", (each) => each.claimable);
      assert.deepEqual(stopped.changes, []);
      silent();
    },
  );
}

function elsewhere(suite: Suite): void {
  const foreign: Record<
    string,
    (
      bench: Omit<Bench, "clock">,
      other: Store,
    ) => Promise<{ act: () => Promise<unknown>; isMeant: (change: Change) => boolean }>
  > = {
    "an insert": async (_bench, other) => ({
      act: () => insertOne(other),
      isMeant: (change) => change.claimable,
    }),
    "a settlement that ends a run": async (_bench, other) => {
      const { claimed } = await running(other);
      return { act: () => settle(other, succeeded(claimed)), isMeant: () => true };
    },
    "a hand-back": async (_bench, other) => {
      const { claimed } = await running(other);
      return { act: () => settle(other, handedBack(claimed)), isMeant: (change) => change.claimable };
    },
    "a cancellation of a run of ours": async ({ store }, other) => {
      const { id } = await running(store);
      return { act: () => other.cancel([id], "from elsewhere"), isMeant: (change) => change.asked };
    },
    "a message to a worker of ours": async ({ store }, other) => {
      const to = await enter(store);
      return {
        act: () => other.tell([{ id: newId(), to, name: "duckdive.quiet" }]),
        isMeant: (change) => change.asked,
      };
    },
    "a resumed queue": async ({ store }, other) => {
      await insertOne(store, { queue: "held" });
      await store.pause({ queue: "held" });
      return { act: () => other.resume({ queue: "held" }), isMeant: (change) => change.claimable };
    },
  };
  for (const [what, prepare] of Object.entries(foreign)) {
    suite.liveShared(`${what} is heard`, async (bench) => {
      const other = await bench.another();
      const { act, isMeant } = await prepare(bench, other);
      const ear = listen(bench.store);
      await settled(ear);
      await act();
      const change = await ear.heard(what, (each) => each.origin === "elsewhere" && isMeant(each));
      assert.deepEqual(change.ended, [], "from elsewhere it is not known which runs ended");
    });
  }

  suite.liveShared(
    "hundreds of inserts one after another are all followed by a change",
    async ({ store, another }) => {
      const other = await another();
      const worker = await enter(store);
      const ear = listen(store);
      for (let count = 0; count < 100; count++) {
        const id = await insertOne(other);
        await ear.heard(`insert ${count}`, (each) => each.origin === "elsewhere" && each.claimable);
        ear.forget();
        const claimed = await takeOne(store, worker);
        assert.equal(claimed.run, id);
        await settle(store, succeeded(claimed));
      }
    },
  );

  suite.liveShared("a run that ends while the watch only begins is heard of", async ({ store, another }) => {
    const other = await another();
    const { claimed } = await running(other);
    const ear = listen(store);
    await settle(other, succeeded(claimed));
    await ear.heard("the settlement", ({ origin }) => origin === "elsewhere");
  });

  suite.liveShared(
    "nothing is told while nothing happens elsewhere, its reads and empty claims included",
    async ({ store, another }) => {
      const other = await another();
      const worker = await enter(other);
      await running(other);
      const ear = listen(store);
      await settled(ear);
      for (let count = 0; count < 20; count++) {
        await take(other, worker, { "*": 5 });
        await other.list({}, { limit: 10 });
        await other.promote(10);
        await other.findLost();
        await other.prune(10);
        await other.pulse(worker);
      }
      await pass(quietTime);
      assert.deepEqual(ear.changes, []);
    },
  );
}
