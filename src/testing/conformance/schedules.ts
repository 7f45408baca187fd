// Schedules: a tick is recorded once whoever finds it due, and the releases of a deploy do not fight over a definition.
//
// When something ticks is computed by `schedule/`; a store keeps what it is told, compares it, and moves on.
import assert from "node:assert/strict";
import { idAt } from "../../kernel/index.js";
import type {
  Change,
  NewRun,
  NewSchedule,
  ScheduleRow,
  Served,
  Store,
  TickAnswer,
  TickWrite,
} from "../../store/contract.js";
import { aRun, enter, hour, insertOne, minute, only, settle, stored, succeeded, take } from "./build.js";
import { beginning, type Suite } from "./suite.js";

const first = beginning + hour;

function aSchedule(fields: Partial<NewSchedule> = {}): NewSchedule {
  return { name: "nightly", job: "copy", times: "t1", policy: "p1", input: undefined, first, ...fields };
}

/** A worker that has published these. */
async function publisher(store: Store, ...schedules: readonly NewSchedule[]): Promise<string> {
  const worker = await enter(store);
  await store.publishSchedules(worker, schedules, { release: "r1", isAll: true });
  return worker;
}

async function row(store: Store, name = "nightly"): Promise<ScheduleRow> {
  const [found, ...others] = await store.schedules([name]);
  assert.equal(others.length, 0);
  assert.ok(found !== undefined, `schedule ${name} is not in the store`);
  return found;
}

const served = (worker: string, fields: Partial<Served> = {}): Served => ({
  worker,
  names: ["nightly"],
  jobs: ["copy"],
  ...fields,
});

function tickRun(at: number, fields: Partial<NewRun> = {}): NewRun {
  return aRun({ id: idAt(at, "nightly"), ...fields });
}

/** A tick at its time, with its run. */
function aTick(at: number, fields: Partial<TickWrite> = {}): TickWrite {
  const run = tickRun(at);
  return {
    schedule: "nightly",
    expected: at,
    next: at + hour,
    unlessRunning: false,
    ticks: [{ at, outcome: "enqueued", run: run.id }],
    runs: [run],
    ...fields,
  };
}

const all = { release: undefined, isAll: true };
const taken: TickAnswer = { taken: true, skipped: false };
const refused: TickAnswer = { taken: false };

function code(suite: Suite): void {
  suite.test("a schedule that is published stands there, with who has it", async ({ store }) => {
    await publisher(store, aSchedule({ input: '{"day":1}' }));
    await publisher(store, aSchedule({ input: '{"day":1}' }));
    assert.deepEqual(await store.schedules(), [
      {
        name: "nightly",
        origin: "code",
        job: "copy",
        times: "t1",
        policy: "p1",
        input: '{"day":1}',
        release: "r1",
        next: first,
        pausedAt: undefined,
        retiredAt: undefined,
        createdAt: beginning,
        workers: 2,
        last: undefined,
      },
    ]);
  });

  suite.test("one that is published again goes on where it was", async ({ store, clock }) => {
    await publisher(store, aSchedule());
    await clock.advance(5 * minute);
    await publisher(store, aSchedule({ first: first + 7, policy: "p2" }));
    const { next, policy, createdAt } = await row(store);
    assert.deepEqual({ next, policy, createdAt }, { next: first, policy: "p2", createdAt: beginning });
  });

  suite.test("with other times it begins anew", async ({ store }) => {
    await publisher(store, aSchedule());
    await publisher(store, aSchedule({ times: "t2", first: first + 7 }));
    assert.equal((await row(store)).next, first + 7);
  });

  suite.test("an older definition does not replace a newer one that a worker has", async ({ store }) => {
    const old = await publisher(store, aSchedule());
    const newer = await publisher(store, aSchedule({ times: "t2", first: first + 7 }));
    await publisher(store, aSchedule());
    assert.equal((await row(store)).times, "t2");
    assert.equal((await store.dueSchedules(served(old), 10)).isStale, false);
    await store.retire(newer);
    assert.equal((await store.dueSchedules(served(old), 10)).isStale, true);
    await store.publishSchedules(old, [aSchedule({ first: first + 9 })], all);
    const { times, next, workers } = await row(store);
    assert.deepEqual({ times, next, workers }, { times: "t1", next: first + 9, workers: 2 });
    assert.equal((await store.dueSchedules(served(old), 10)).isStale, false);
    await publisher(store, aSchedule({ times: "t2", first: first + 11 }));
    assert.equal((await row(store)).times, "t1");
  });

  suite.test(
    "one that no live worker names any more is retired, and ticks no more",
    async ({ store, clock }) => {
      const old = await publisher(store, aSchedule(), aSchedule({ name: "weekly" }));
      const newer = await publisher(store, aSchedule({ name: "weekly" }));
      assert.equal((await row(store)).retiredAt, undefined);
      await clock.advance(minute);
      await store.retire(old);
      assert.equal((await row(store)).retiredAt, beginning + minute);
      assert.equal((await row(store, "weekly")).retiredAt, undefined);
      await clock.advance(2 * hour);
      assert.deepEqual((await store.dueSchedules(served(newer), 10)).due, []);
      assert.deepEqual(await store.tick([aTick(first)]), [refused]);
    },
  );

  suite.test("a worker that is found dead takes its schedules with it", async ({ store }) => {
    const old = await publisher(store, aSchedule());
    await publisher(store);
    await store.rescue([{ worker: old }]);
    const { workers, retiredAt } = await row(store);
    assert.deepEqual({ workers, retiredAt }, { workers: 0, retiredAt: beginning });
  });

  suite.test(
    "one is not retired when all workers are gone, nor by those that have nothing to do with it",
    async ({ store }) => {
      const only = await publisher(store, aSchedule());
      await enter(store);
      await store.retire(only);
      const { retiredAt, workers, next } = await row(store);
      assert.deepEqual({ retiredAt, workers, next }, { retiredAt: undefined, workers: 0, next: first });
    },
  );

  suite.test("one is retired by a worker that has its job and does not name it", async ({ store }) => {
    const only = await publisher(store, aSchedule());
    await store.publishSchedules(await enter(store), [], { release: undefined, isAll: false });
    await store.retire(only);
    assert.equal((await row(store)).retiredAt, beginning);
  });

  suite.test("one that comes back within a day goes on, and later begins anew", async ({ store, clock }) => {
    const only = await publisher(store, aSchedule());
    await publisher(store);
    await store.retire(only);
    await clock.advance(23 * hour);
    const again = await publisher(store, aSchedule({ first: first + 7 }));
    assert.deepEqual([(await row(store)).next, (await row(store)).retiredAt], [first, undefined]);
    await store.retire(again);
    await clock.advance(24 * hour);
    await publisher(store, aSchedule({ first: first + 7 }));
    assert.deepEqual([(await row(store)).next, (await row(store)).retiredAt], [first + 7, undefined]);
  });

  suite.test("what a worker publishes takes the place of what it published before", async ({ store }) => {
    const worker = await publisher(store, aSchedule(), aSchedule({ name: "weekly" }));
    await store.publishSchedules(worker, [aSchedule({ name: "weekly" })], all);
    const rows = await store.schedules();
    assert.deepEqual(
      rows.map(({ name, workers, retiredAt }) => [name, workers, retiredAt]),
      [
        ["nightly", 0, beginning],
        ["weekly", 1, undefined],
      ],
    );
  });

  suite.test("a worker that is not registered has nothing in its code", async ({ store }) => {
    await store.publishSchedules("nobody", [aSchedule()], all);
    assert.equal((await row(store)).workers, 0);
  });
}

function ticking(suite: Suite): void {
  suite.test("what is due is found by those who serve it, and when the next is", async ({ store, clock }) => {
    const worker = await publisher(store, aSchedule(), aSchedule({ name: "weekly", first: first + 7 }));
    await store.putSchedule(aSchedule({ name: "made", first: first - 1 }), "create", undefined);
    const find = async (fields: Partial<Served>) => {
      const { due, next } = await store.dueSchedules(served(worker, fields), 10);
      return [due.map(({ name }) => name), next];
    };
    assert.deepEqual(await find({}), [[], first - 1]);
    await clock.advance(hour);
    assert.deepEqual(await find({}), [["made", "nightly"], first - 1]);
    assert.deepEqual(await find({ jobs: [] }), [["nightly"], first]);
    assert.deepEqual(await find({ names: ["weekly"], jobs: [] }), [[], first + 7]);
    assert.deepEqual(await find({ names: [], jobs: ["other"] }), [[], undefined]);
    assert.equal((await store.dueSchedules(served(worker), 1)).due.length, 1);
  });

  suite.test("a tick and its run are recorded, and the schedule moves on", async ({ store, clock }) => {
    await publisher(store, aSchedule());
    await clock.set(first + 3);
    assert.deepEqual(await store.tick([aTick(first)]), [taken]);
    const { next, last } = await row(store);
    const run = idAt(first, "nightly");
    assert.equal(next, first + hour);
    assert.equal((await stored(store, run)).state, "ready");
    const recorded = { at: first, until: undefined, count: 1, outcome: "enqueued", run, note: undefined };
    assert.deepEqual(last, { ...recorded, recordedAt: first + 3 });
    assert.deepEqual(await store.ticks("nightly", 10), [last]);
  });

  suite.test("a tick that was recorded is refused, and nothing is written", async ({ store, clock }) => {
    await publisher(store, aSchedule());
    await clock.set(first);
    const again = aTick(first, { runs: [aRun()] });
    assert.deepEqual(await store.tick([aTick(first), again]), [taken, refused]);
    assert.equal(await store.count({}), 1);
    assert.equal((await store.ticks("nightly", 10)).length, 1);
  });

  suite.shared("of many that find it due at once one records it", async ({ store, another, clock }) => {
    const other = await another();
    await publisher(store, aSchedule());
    await clock.set(first);
    const attempts = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : other));
    const answers = await Promise.all(attempts.map((one) => one.tick([aTick(first, { runs: [aRun()] })])));
    assert.equal(answers.filter((answer) => only(answer).taken).length, 1);
    assert.equal(await store.count({}), 1);
  });

  suite.test(
    "a run that was recorded before, by whatever way, is not recorded again",
    async ({ store, clock }) => {
      await publisher(store, aSchedule());
      await clock.set(first);
      await insertOne(store, tickRun(first));
      const claimed = only(await take(store, await enter(store)));
      await settle(store, succeeded(claimed));
      assert.deepEqual(await store.tick([aTick(first)]), [taken]);
      assert.equal(await store.count({}), 1);
      assert.equal((await stored(store, claimed.run)).state, "succeeded");
    },
  );

  suite.test("a run with a time of its own is scheduled for it", async ({ store, clock }) => {
    await publisher(store, aSchedule());
    await clock.set(first);
    const run = tickRun(first, { due: { at: first + 20 } });
    await store.tick([aTick(first, { runs: [run] })]);
    assert.equal((await stored(store, run.id)).state, "scheduled");
    await clock.advance(20);
    await store.promote(10);
    assert.equal((await stored(store, run.id)).state, "ready");
  });

  suite.test("ticks that make no run are recorded, and the last tick ends it", async ({ store }) => {
    await publisher(store, aSchedule());
    const ticks = [
      { at: first, until: first + 2 * hour, count: 3, outcome: "missed" },
      { at: first + 3 * hour, outcome: "failed", note: "it's broken" },
    ] as const;
    assert.deepEqual(await store.tick([aTick(first, { ticks, runs: [], next: undefined })]), [taken]);
    const { next, last } = await row(store);
    assert.equal(next, undefined);
    const shown = (await store.ticks("nightly", 10)).map(({ at, until, count, outcome, note }) => [
      at,
      until,
      count,
      outcome,
      note,
    ]);
    assert.deepEqual(shown, [
      [first + 3 * hour, undefined, 1, "failed", "it's broken"],
      [first, first + 2 * hour, 3, "missed", undefined],
    ]);
    assert.equal(last?.outcome, "failed");
  });

  suite.test("the last five hundred ticks are kept", async ({ store }) => {
    await publisher(store, aSchedule());
    const ticks = Array.from(
      { length: 300 },
      (_, index) => ({ at: first + index, outcome: "missed" }) as const,
    );
    const later = ticks.map((tick) => ({ ...tick, at: tick.at + 300 }));
    await store.tick([aTick(first, { ticks, runs: [] }), aTick(first + hour, { ticks: later, runs: [] })]);
    const kept = await store.ticks("nightly", 1_000);
    assert.deepEqual([kept.length, kept[0]?.at, kept.at(-1)?.at], [500, first + 599, first + 100]);
  });
}

function overlapping(suite: Suite): void {
  const next = aTick(first + hour, { unlessRunning: true });

  async function begun(store: Store): Promise<void> {
    await publisher(store, aSchedule());
    await store.tick([aTick(first, { unlessRunning: true })]);
  }

  suite.test("a tick is skipped while a run before it has not ended", async ({ store }) => {
    await begun(store);
    assert.deepEqual(await store.tick([next]), [{ taken: true, skipped: true }]);
    assert.equal(await store.count({}), 1);
    const { last, next: after } = await row(store);
    assert.deepEqual([last?.outcome, last?.run, after], ["skipped", undefined, first + 2 * hour]);
    assert.deepEqual(await store.tick([aTick(first + 2 * hour, { unlessRunning: true })]), [
      { taken: true, skipped: true },
    ]);
  });

  suite.test("a tick is not skipped once that has ended", async ({ store }) => {
    await begun(store);
    await settle(store, succeeded(only(await take(store, await enter(store)))));
    assert.deepEqual(await store.tick([next]), [taken]);
  });

  suite.test("a run that was triggered in between counts as well, and moves nothing", async ({ store }) => {
    await publisher(store, aSchedule());
    const run = aRun();
    const trigger: TickWrite = {
      schedule: "nightly",
      next: undefined,
      unlessRunning: false,
      ticks: [{ at: beginning, outcome: "triggered", run: run.id }],
      runs: [run],
    };
    await store.pauseSchedule("nightly");
    assert.deepEqual(await store.tick([trigger]), [taken]);
    await store.resumeSchedule("nightly", first);
    assert.deepEqual((await row(store)).next, first);
    assert.deepEqual(await store.tick([aTick(first, { unlessRunning: true })]), [
      { taken: true, skipped: true },
    ]);
    assert.deepEqual(await store.tick([{ ...trigger, schedule: "none" }]), [refused]);
  });
}

function byHand(suite: Suite): void {
  suite.test("one is made at run time once, changed, and removed with its history", async ({ store }) => {
    assert.equal(await store.putSchedule(aSchedule(), "update", undefined), "missing");
    assert.equal(await store.putSchedule(aSchedule({ input: "1" }), "create", "r1"), "done");
    assert.equal(await store.putSchedule(aSchedule({ input: "2" }), "create", "r1"), "exists");
    assert.deepEqual([(await row(store)).origin, (await row(store)).input], ["runtime", "1"]);
    assert.equal(await store.putSchedule(aSchedule({ input: "2", first: 7 }), "update", "r1"), "done");
    assert.deepEqual([(await row(store)).next, (await row(store)).input], [first, "2"]);
    assert.equal(await store.putSchedule(aSchedule({ times: "t2", first: 7 }), "update", "r1"), "done");
    assert.equal((await row(store)).next, 7);
    await store.tick([aTick(7)]);
    assert.equal(await store.removeSchedule("nightly"), "done");
    assert.equal(await store.removeSchedule("nightly"), "missing");
    assert.deepEqual([await store.schedules(), await store.ticks("nightly", 10)], [[], []]);
    assert.equal(await store.count({}), 1);
  });

  suite.test(
    "one made at run time is served by workers that have its job, and not retired",
    async ({ store }) => {
      await store.putSchedule(aSchedule(), "create", undefined);
      await publisher(store);
      await enter(store, { abilities: [{ job: "other", version: 1 }] });
      const { workers, retiredAt } = await row(store);
      assert.deepEqual({ workers, retiredAt }, { workers: 1, retiredAt: undefined });
    },
  );

  suite.test("what is in code cannot be changed or removed, until it is retired", async ({ store }) => {
    const worker = await publisher(store, aSchedule());
    assert.equal(await store.putSchedule(aSchedule(), "create", undefined), "exists");
    assert.equal(await store.putSchedule(aSchedule(), "update", undefined), "code");
    assert.equal(await store.removeSchedule("nightly"), "code");
    await publisher(store);
    await store.retire(worker);
    assert.equal(await store.removeSchedule("nightly"), "done");
  });

  suite.test("code takes over what was made at run time under its name", async ({ store }) => {
    await store.putSchedule(aSchedule({ first: 7 }), "create", undefined);
    await publisher(store, aSchedule());
    assert.deepEqual([(await row(store)).origin, (await row(store)).next], ["code", first]);
  });

  suite.test(
    "one that is paused does not tick, and goes on from where it is told",
    async ({ store, clock }) => {
      const worker = await publisher(store, aSchedule());
      await clock.advance(minute);
      assert.equal(await store.pauseSchedule("nightly"), true);
      assert.equal(await store.pauseSchedule("nightly"), false);
      assert.equal(await store.pauseSchedule("none"), false);
      assert.equal((await row(store)).pausedAt, beginning + minute);
      await clock.set(first);
      assert.deepEqual(await store.dueSchedules(served(worker), 10), {
        due: [],
        next: undefined,
        isStale: false,
      });
      assert.deepEqual(await store.tick([aTick(first)]), [refused]);
      await store.publishSchedules(worker, [aSchedule()], all);
      assert.notEqual((await row(store)).pausedAt, undefined);
      assert.equal(await store.resumeSchedule("nightly", first + hour), true);
      assert.equal(await store.resumeSchedule("nightly", 7), false);
      assert.equal((await row(store)).next, first + hour);
    },
  );

  suite.shared(
    "others hear that schedules have changed, and not of ticks",
    async ({ store, another, clock }) => {
      const other = await another();
      const heard: Change[] = [];
      const told = () => heard.filter((change) => change.schedules === true).length;
      const stop = other.watch((change) => heard.push(change));
      await publisher(other, aSchedule());
      const before = told();
      assert.ok(before > 0);
      await store.pauseSchedule("nightly");
      await eventually(async () => {
        await clock.advance(10_000);
        return told() > before;
      });
      await store.resumeSchedule("nightly", first);
      const resumed = told();
      await eventually(async () => {
        await clock.advance(10_000);
        return told() > resumed;
      });
      stop();
    },
  );
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let turns = 0; turns < 2_000; turns++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.fail("the condition never came to hold");
}

export function schedules(suite: Suite): void {
  suite.describe("code", () => code(suite));
  suite.describe("ticks", () => ticking(suite));
  suite.describe("overlap", () => overlapping(suite));
  suite.describe("hand", () => byHand(suite));
}
