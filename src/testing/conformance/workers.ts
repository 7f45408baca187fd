// Workers: who is there, what they have, and how they hear that a run of theirs is no longer wanted.
import assert from "node:assert/strict";
import type { WorkerReport } from "../../store/contract.js";
import {
  at,
  aWorker,
  enter,
  handedBack,
  insertOne,
  manyRuns,
  only,
  picture,
  running,
  settle,
  stored,
  succeeded,
  take,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

export function workers(suite: Suite): void {
  suite.test(
    "a run says which release executes it, and which ended it, when its worker is long gone",
    async ({ store }) => {
      const id = await insertOne(store, { release: "1.0.0" });
      assert.equal((await stored(store, id)).ranRelease, undefined);
      const older = await enter(store, { release: "1.0.1" });
      await settle(store, ...(await take(store, older)).map((run) => handedBack(run)));
      const worker = await enter(store, { release: "1.2.3" });
      const claimed = await take(store, worker);
      assert.equal((await stored(store, id)).ranRelease, "1.2.3");
      await settle(store, ...claimed.map((run) => succeeded(run)));
      await store.retire(worker);
      const { release, ranRelease } = await stored(store, id);
      assert.deepEqual({ release, ranRelease }, { release: "1.0.0", ranRelease: "1.2.3" });
    },
  );

  suite.test("a worker is listed with all it said, and since when it is there", async ({ store, clock }) => {
    await clock.advance(3);
    const worker = aWorker({
      host: "it's:host",
      pid: 123_456,
      release: "1.2.3",
      runner: 123_455,
      abilities: [
        { job: "copy", version: 3 },
        { job: "move", version: 1 },
      ],
      queues: { mail: 20, "*": 5, "it's": 0 },
    });
    await store.register(worker);
    const row = only(await store.workers());
    const byJob = [...row.abilities].sort((one, other) => one.job.localeCompare(other.job));
    assert.deepEqual(
      { ...row, abilities: byJob },
      {
        id: worker.id,
        host: "it's:host",
        pid: 123_456,
        release: "1.2.3",
        abilities: worker.abilities,
        queues: worker.queues,
        startedAt: beginning + 3,
        heartbeatAt: beginning + 3,
        running: 0,
        runner: 123_455,
        report: undefined,
      },
    );
  });

  suite.test(
    "a heartbeat moves its own worker's moment, and no other's; a pulse moves none",
    async ({ store, clock }) => {
      const [one, two] = [await enter(store), await enter(store)];
      await clock.advance(5);
      assert.deepEqual(await store.heartbeat(one), {
        alive: true,
        cancelled: [],
        lost: [],
        messages: [],
        slots: {},
      });
      await clock.advance(7);
      assert.deepEqual(await store.pulse(two), {
        alive: true,
        cancelled: [],
        lost: [],
        messages: [],
        slots: {},
      });
      const rows = new Map((await store.workers()).map((row) => [row.id, row]));
      assert.deepEqual([rows.get(one)?.heartbeatAt, rows.get(one)?.startedAt], [beginning + 5, beginning]);
      assert.equal(rows.get(two)?.heartbeatAt, beginning);
    },
  );

  suite.test(
    "what a worker says of itself is listed as of its last heartbeat, or the one before when it says nothing",
    async ({ store }) => {
      const [one, two] = [await enter(store), await enter(store)];
      const report: WorkerReport = {
        retained: { sleeper: 3 },
        state: "quiet",
        memory: 123_456_789,
        delay: 12.5,
        leaked: 2,
        queues: { mail: 3, 'it\'s "quoted"': 0 },
      };
      assert.equal((await store.heartbeat(one, report)).alive, true);
      const reports = async () => new Map((await store.workers()).map((row) => [row.id, row.report]));
      assert.deepEqual((await reports()).get(one), report);
      assert.equal((await reports()).get(two), undefined);
      await store.heartbeat(one);
      assert.deepEqual((await reports()).get(one), report);
      const later: WorkerReport = { ...report, state: "stopping", leaked: 0 };
      await store.heartbeat(one, later);
      assert.deepEqual((await reports()).get(one), later);
      assert.equal((await store.heartbeat("nobody", report)).alive, false);
    },
  );

  suite.test("running counts what each worker has now", async ({ store }) => {
    await store.insert(manyRuns(5));
    const [one, two] = [await enter(store), await enter(store)];
    const claimed = await take(store, one, { "*": 3 });
    await take(store, two, { "*": 1 });
    const counts = async () => new Map((await store.workers()).map((row) => [row.id, row.running]));
    assert.deepEqual(
      await counts(),
      new Map([
        [one, 3],
        [two, 1],
      ]),
    );
    await settle(store, succeeded(at(claimed, 0)), handedBack(at(claimed, 1)));
    assert.deepEqual(
      await counts(),
      new Map([
        [one, 1],
        [two, 1],
      ]),
    );
  });

  suite.test(
    "entering again under the same id is one worker, with what it says now",
    async ({ store, clock }) => {
      const worker = aWorker({
        abilities: [
          { job: "copy", version: 1 },
          { job: "old", version: 1 },
        ],
      });
      await store.register(worker);
      await clock.advance(5);
      await store.register({
        ...worker,
        release: "next",
        abilities: [{ job: "copy", version: 2 }],
        queues: { mail: 1 },
      });
      const row = only(await store.workers());
      assert.deepEqual(
        [row.id, row.release, row.abilities, row.queues, row.heartbeatAt],
        [worker.id, "next", [{ job: "copy", version: 2 }], { mail: 1 }, beginning + 5],
      );
    },
  );

  suite.test(
    "a worker hears which of its runs are asked to end, by heartbeat and by pulse",
    async ({ store, clock }) => {
      await store.insert(manyRuns(3));
      const [one, two] = [await enter(store), await enter(store)];
      const [first, second] = await take(store, one, { "*": 2 });
      const foreign = only(await take(store, two, { "*": 1 }));
      assert.ok(first && second);
      await store.cancel([second.run, foreign.run], "it's over");
      await clock.advance(3);
      const asked = { run: second.run, token: second.token, reason: "it's over" };
      assert.deepEqual(await store.pulse(one), {
        alive: true,
        cancelled: [asked],
        lost: [],
        messages: [],
        slots: {},
      });
      assert.deepEqual(await store.heartbeat(one), {
        alive: true,
        cancelled: [asked],
        lost: [],
        messages: [],
        slots: {},
      });
      assert.deepEqual(
        await store.pulse(one),
        { alive: true, cancelled: [asked], lost: [], messages: [], slots: {} },
        "it is told until the run has ended",
      );
      await settle(store, handedBack(second));
      assert.deepEqual(await store.heartbeat(one), {
        alive: true,
        cancelled: [],
        lost: [],
        messages: [],
        slots: {},
      });
      assert.equal((await store.pulse(two)).cancelled.length, 1);
    },
  );

  suite.test("asking a running run to end changes nothing else of it", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    const before = await stored(store, id);
    await clock.advance(9);
    assert.deepEqual(await store.cancel([id], "it's over"), [true]);
    assert.deepEqual(await stored(store, id), { ...before, cancelAsked: "it's over" });
    const event = only((await store.timeline(id)).events);
    assert.deepEqual([event.at, event.kind], [beginning + 9, "cancelAsked"]);
    await settle(store, succeeded(claimed));
  });

  suite.test("a run that was asked to end is not asked again in its next life", async ({ store }) => {
    const { id, worker, claimed } = await running(store);
    await store.cancel([id], "not wanted");
    await settle(store, handedBack(claimed));
    await store.retry([id]);
    const next = only(await take(store, worker));
    assert.equal(next.run, id);
    assert.deepEqual((await store.pulse(worker)).cancelled, []);
    assert.deepEqual(await store.settle([handedBack(next)]), [{ taken: true, state: "ready" }]);
  });

  suite.test("nobody hears anything of workers that are not there", async ({ store }) => {
    const id = await insertOne(store);
    const before = await picture(store, id);
    assert.deepEqual(await store.heartbeat("nobody"), {
      alive: false,
      cancelled: [],
      lost: [],
      messages: [],
      slots: {},
    });
    assert.deepEqual(await store.pulse("nobody"), {
      alive: false,
      cancelled: [],
      lost: [],
      messages: [],
      slots: {},
    });
    assert.deepEqual(await store.workers(), []);
    assert.deepEqual(await picture(store, id), before);
  });

  suite.shared(
    "workers of one store are seen by another, with what was asked of them",
    async ({ store, another }) => {
      const other = await another();
      const { id, worker, claimed } = await running(store);
      assert.equal(only(await other.workers()).running, 1);
      await other.cancel([id], "from elsewhere");
      assert.deepEqual((await store.pulse(worker)).cancelled, [
        { run: id, token: claimed.token, reason: "from elsewhere" },
      ]);
    },
  );
}
