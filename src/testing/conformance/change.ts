// Changing runs that wait for their turn, and what people set of jobs and queues without a deploy.
import assert from "node:assert/strict";
import type { Definition, QueueRow, RunChange, Store } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  enter,
  hour,
  insertOne,
  minute,
  only,
  parked,
  picture,
  running,
  second,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import { oneOfEach } from "./hand.js";
import type { Suite } from "./suite.js";

export function change(suite: Suite): void {
  suite.describe("a run that is changed", () => changing(suite));
  suite.describe("a run that is given another time", () => rescheduling(suite));
  suite.describe("a job that was rerouted", () => rerouting(suite));
  suite.describe("slots that were set", () => slots(suite));
  suite.describe("a definition", () => events(suite));
}

async function changeOne(store: Store, id: string, change: RunChange): Promise<void> {
  assert.deepEqual(await store.change([id], change), [true]);
}

function changing(suite: Suite): void {
  suite.test(
    "has the queue and the priority that it was given, and the event says which",
    async ({ store }) => {
      const id = await insertOne(store, { queue: "mail", priority: 2, input: "1" });
      const before = await stored(store, id);
      await changeOne(store, id, { queue: "bulk" });
      await changeOne(store, id, { priority: -3 });
      assert.deepEqual(await stored(store, id), { ...before, queue: "bulk", priority: -3 });
      const { events } = await store.timeline(id);
      assert.deepEqual(
        events.map(({ kind, detail }) => [kind, detail]),
        [
          ["changed", { queue: "bulk" }],
          ["changed", { priority: -3 }],
        ],
      );
    },
  );

  suite.test("is claimed where it is by then, and nowhere else", async ({ store }) => {
    const id = await insertOne(store, { queue: "mail" });
    await changeOne(store, id, { queue: "bulk" });
    const worker = await enter(store);
    assert.deepEqual(await take(store, worker, { mail: 10 }), []);
    const claimed = only(await take(store, worker, { bulk: 10 }));
    assert.deepEqual([claimed.run, claimed.queue], [id, "bulk"]);
    await settle(store, succeeded(claimed));
  });

  suite.test("keeps its place by age among those of its new priority", async ({ store, clock }) => {
    const ids: string[] = [];
    for (const priority of [0, 5, 5, 0]) {
      ids.push(await insertOne(store, { priority }));
      await clock.advance(second);
    }
    await changeOne(store, at(ids, 0), { priority: 5 });
    await changeOne(store, at(ids, 3), { priority: 9 });
    const claimed = await take(store, await enter(store), { "*": 4 });
    assert.deepEqual(
      claimed.map(({ run }) => ids.indexOf(run)),
      [3, 0, 1, 2],
    );
  });

  suite.test("has not ended and does not run; all others are left alone", async (bench) => {
    const { store } = bench;
    const runs = await oneOfEach(bench);
    const ids = [...Object.values(runs), "nobody"];
    const found = await store.find(ids);
    const may = (state: string | undefined) =>
      state === "scheduled" || state === "ready" || state === "waiting";
    const others = found.flatMap((run) => (run === undefined || may(run.state) ? [] : [run.id]));
    const before = await Promise.all(others.map((id) => picture(store, id)));
    assert.deepEqual(
      await store.change(ids, { priority: 4 }),
      found.map((run) => may(run?.state)),
    );
    assert.deepEqual(await Promise.all(others.map((id) => picture(store, id))), before);
    assert.deepEqual(await store.change([], { priority: 4 }), []);
  });

  suite.test("keeps its key, its attempts, and what it waits for", async ({ store, clock }) => {
    await store.pause({ job: "copy" });
    const { id, claimed } = await running(store);
    await settle(store, parked(claimed, "paused"));
    await clock.advance(second);
    await changeOne(store, id, { queue: "bulk", priority: 3 });
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.waiting?.reason, run.queue, run.attempt],
      ["waiting", "paused", "bulk", 0],
    );
    await store.resume({ job: "copy" });
    assert.equal((await takeOne(store, await enter(store))).queue, "bulk");
  });

  suite.shared("is changed, or is too late for it, when a claim races that", async ({ store, another }) => {
    const other = await another();
    const worker = await enter(other);
    for (let round = 0; round < 10; round++) {
      const id = await insertOne(store);
      const [claims, [changed]] = await Promise.all([
        take(other, worker),
        store.change([id], { priority: 1 }),
      ]);
      const [claimed] = claims;
      const answers = claimed === undefined ? [] : await other.settle([succeeded(claimed)]);
      if (answers[0]?.taken !== true) {
        assert.equal(changed, true, "what fenced a claim out is the change");
        const again = await takeOne(other, worker);
        assert.equal(again.priority, 1);
        await settle(other, succeeded(again));
      } else assert.equal(claimed?.priority, changed === true ? 1 : 0);
    }
  });
}

function rescheduling(suite: Suite): void {
  suite.test("is scheduled when that is later, and ready when it is now", async ({ store, clock }) => {
    const id = await insertOne(store);
    await changeOne(store, id, { due: { after: minute } });
    assert.deepEqual(
      [(await stored(store, id)).state, (await stored(store, id)).runAt],
      ["scheduled", store.now() + minute],
    );
    const worker = await enter(store);
    assert.deepEqual(await take(store, worker), []);
    assert.equal((await store.promote(10)).next, store.now() + minute);
    await clock.advance(second);
    await changeOne(store, id, { due: { after: 0 } });
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.runAt], ["ready", store.now()]);
    const { events } = await store.timeline(id);
    assert.deepEqual(events.at(-1)?.detail, { runAt: store.now() });
    assert.equal((await takeOne(store, worker)).run, id);
  });

  suite.test("may have the time that somebody named, also one that is over", async ({ store, clock }) => {
    const early = await insertOne(store);
    await clock.advance(minute);
    const id = await insertOne(store, { due: { after: hour } });
    const time = store.now() + hour + 7;
    await changeOne(store, id, { due: { at: time } });
    assert.equal((await stored(store, id)).runAt, time);
    await changeOne(store, id, { due: { at: store.now() - hour } });
    const claimed = await take(store, await enter(store), { "*": 2 });
    assert.deepEqual(
      claimed.map(({ run }) => run),
      [id, early],
    );
  });

  suite.test("does not wait any longer for its retry", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await settle(store, backedOff(claimed, hour));
    await changeOne(store, id, { due: { after: 0 } });
    assert.equal((await takeOne(store, worker)).attempt, 2);
  });

  suite.test(
    "goes on waiting for what it waits for, and starts not before its time",
    async ({ store, clock }) => {
      await store.pause({ job: "copy" });
      const { id, worker, claimed } = await running(store);
      await settle(store, parked(claimed, "paused"));
      await changeOne(store, id, { due: { after: minute } });
      assert.equal(await stateOf(store, id), "waiting");
      await store.resume({ job: "copy" });
      assert.equal(await stateOf(store, id), "scheduled");
      assert.deepEqual(await take(store, worker), []);
      await clock.advance(minute);
      await store.promote(10);
      assert.equal((await takeOne(store, worker)).run, id);
    },
  );
}

function rerouting(suite: Suite): void {
  suite.test("goes to that queue from then on, and what was there stays", async ({ store }) => {
    const old = await insertOne(store, { queue: "mail" });
    await store.reroute("copy", "bulk");
    const runs = [
      aRun({ queue: "mail" }),
      aRun({ queue: "mail", job: "move" }),
      aRun({ due: { after: hour } }),
    ];
    await store.insert(runs);
    assert.deepEqual(
      (await store.find([old, ...runs.map(({ id }) => id)])).map((run) => run?.queue),
      ["mail", "bulk", "mail", "bulk"],
    );
    assert.equal((await take(store, await enter(store), { bulk: 10 })).length, 1);
  });

  suite.test("is so until somebody says otherwise", async ({ store }) => {
    assert.deepEqual(await store.reroutes(), {});
    await store.reroute("copy", "bulk");
    await store.reroute("it's", '"q"');
    await store.reroute("copy", "slow");
    assert.deepEqual(await store.reroutes(), { copy: "slow", "it's": '"q"' });
    assert.equal((await stored(store, await insertOne(store))).queue, "slow");
    await store.reroute("copy", undefined);
    await store.reroute("nobody", undefined);
    assert.deepEqual(await store.reroutes(), { "it's": '"q"' });
    assert.equal((await stored(store, await insertOne(store))).queue, "default");
  });

  suite.test("is so for what is prepared, and for what follows", async ({ store }) => {
    const id = await insertOne(store, { waiting: "preparation", queue: "mail" });
    const { claimed } = await running(store, { job: "copy" });
    await store.reroute("copy", "bulk");
    await store.prepare([{ id, run: { job: "copy", version: 1, queue: "mail", priority: 0 } }]);
    assert.equal((await stored(store, id)).queue, "bulk");
    const next = aRun({ queue: "mail" });
    await store.settle([{ ...succeeded(claimed), follow: [next] }]);
    assert.equal((await stored(store, next.id)).queue, "bulk");
  });

  suite.shared("is so in every store, and in a transaction", async ({ store, another, transaction }) => {
    const other = await another();
    await store.reroute("copy", "bulk");
    assert.deepEqual(await other.reroutes(), { copy: "bulk" });
    assert.equal((await stored(store, await insertOne(other))).queue, "bulk");
    const run = aRun();
    await transaction((connection) => store.insertIn(connection, [run]));
    assert.equal((await stored(store, run.id)).queue, "bulk");
  });
}

function slots(suite: Suite): void {
  const slotsOf = async (store: Store, name: string): Promise<QueueRow["slots"]> =>
    (await store.queues()).find((queue) => queue.name === name)?.slots;

  suite.test("are in every pulse and heartbeat, and in the list of queues", async ({ store }) => {
    const worker = await enter(store);
    assert.deepEqual((await store.heartbeat(worker)).slots, {});
    await insertOne(store, { queue: "mail" });
    assert.equal(await slotsOf(store, "mail"), undefined);
    await store.setSlots("mail", 3);
    await store.setSlots("it's", 0);
    await store.setSlots("mail", 4);
    for (const pulse of [await store.pulse(worker), await store.heartbeat(worker)])
      assert.deepEqual(pulse.slots, { mail: 4, "it's": 0 });
    assert.deepEqual([await slotsOf(store, "mail"), await slotsOf(store, "it's")], [4, 0]);
    await store.setSlots("mail", undefined);
    await store.setSlots("it's", undefined);
    await store.setSlots("nobody", undefined);
    assert.deepEqual((await store.pulse(worker)).slots, {});
    assert.equal(await slotsOf(store, "mail"), undefined);
  });

  suite.shared("are told to the workers of every store", async ({ store, another }) => {
    const other = await another();
    const worker = await enter(other);
    await store.setSlots("mail", 2);
    assert.deepEqual((await other.heartbeat(worker)).slots, { mail: 2 });
  });
}

function events(suite: Suite): void {
  const definition: Definition = {
    job: "welcome",
    version: 1,
    queue: "default",
    priority: 0,
    attempts: 3,
    prepared: false,
  };

  suite.test("has the events that its job is enqueued for", async ({ store }) => {
    await store.publish([
      { ...definition, events: ["user.created", "it's"] },
      { ...definition, job: "copy" },
    ]);
    const found = new Map((await store.definitions()).map(({ job, events }) => [job, events ?? []]));
    assert.deepEqual(
      found,
      new Map([
        ["welcome", ["user.created", "it's"]],
        ["copy", []],
      ] as const),
    );
    await store.publish([{ ...definition, version: 2 }]);
    assert.deepEqual((await store.definitions()).find(({ job }) => job === "welcome")?.events ?? [], []);
  });
}
