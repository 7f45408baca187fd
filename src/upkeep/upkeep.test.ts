// What looks after a store, under a clock in the test's hand: when each service acts, and that it rests otherwise.
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { counting, gate, memory, until } from "../../test/engine.js";
import { job, policyOf } from "../job/index.js";
import { Events, newId, type Service } from "../kernel/index.js";
import type { RunEvents } from "../run/index.js";
import type { Death, NewRun, Store } from "../store/contract.js";
import { createPreparer, createPromoter, createPruner, createRescuer, rounds } from "./index.js";

const fail = (error: unknown): void => {
  throw error;
};

const aRun = (fields: Partial<NewRun> = {}): NewRun => ({
  id: newId(),
  job: "copy",
  version: 1,
  queue: "default",
  priority: 0,
  ...fields,
});

async function started<S extends Service>(service: S): Promise<S> {
  onTestFinished(() => service.stop());
  await service.start();
  return service;
}

/** Runs that have ended and may go. */
async function ended(store: Store, count: number): Promise<void> {
  const runs = Array.from({ length: count }, () => aRun());
  await store.insert(runs);
  await store.cancel(
    runs.map(({ id }) => id),
    "to be pruned",
  );
}

describe("rounds", () => {
  test("run one at a time, and once more for whoever asked meanwhile", async () => {
    const held = [gate(), gate(), gate()];
    let begun = 0;
    const run = rounds(() => held[begun++]?.passed ?? Promise.resolve());
    const first = run();
    expect(begun).toBe(1);
    const others = [run(), run(), run()];
    expect(begun).toBe(1);
    held[0]?.open();
    await until(() => begun === 2);
    held[1]?.open();
    await Promise.all([first, ...others]);
    expect(begun).toBe(2);
  });

  test("lose no call, whenever it comes", async () => {
    let asked = 0;
    let seen = 0;
    const run = rounds(async () => {
      const now = asked;
      await Promise.resolve();
      seen = Math.max(seen, now);
    });
    for (let n = 0; n < 200; n++) {
      asked += 1;
      const done = run();
      for (let turns = 0; turns < n % 7; turns++) await Promise.resolve();
      if (n % 5 === 0) {
        await done;
        expect(seen).toBe(asked);
      }
    }
    await run();
    expect(seen).toBe(200);
  });

  test("go on after one that failed", async () => {
    let times = 0;
    const run = rounds(async () => {
      if (++times === 1) throw new Error("once");
    });
    await expect(run()).rejects.toThrow("once");
    await run();
    expect(times).toBe(2);
  });
});

describe("promote", () => {
  async function promoting() {
    const { store: base, clock } = memory();
    const { store, calls } = counting(base);
    await store.open();
    const promoter = createPromoter(store, clock, fail);
    onTestFinished(store.watch(({ due }) => due !== undefined && promoter.expect(due)));
    return { store, clock, calls, promoter: await started(promoter) };
  }
  const ready = async (store: Store) => (await store.countByState()).ready;

  test("sleeps until a run is due, and makes it ready then", async () => {
    const { store, clock, calls } = await promoting();
    await store.insert([aRun({ due: { after: 3_600_000 } })]);
    calls.clear();
    await clock.advance(3_599_999);
    expect(calls.get("promote")).toBeUndefined();
    expect(await ready(store)).toBe(0);
    await clock.advance(1);
    expect(await ready(store)).toBe(1);
  });

  test("is moved by a run that is due earlier, and goes back to the later one", async () => {
    const { store, clock } = await promoting();
    await store.insert([aRun({ due: { after: 60_000 } })]);
    await store.insert([aRun({ due: { after: 1_000 } })]);
    await clock.advance(1_000);
    expect(await ready(store)).toBe(1);
    await clock.advance(58_999);
    expect(await ready(store)).toBe(1);
    await clock.advance(1);
    expect(await ready(store)).toBe(2);
  });

  test("hears an alarm that rings while it is reading", async () => {
    const { store: base, clock } = memory();
    const reading = gate();
    let reads = 0;
    const { store } = counting(base, {
      async promote(limit) {
        const promotion = await base.promote(limit);
        if (++reads === 2) await reading.passed;
        return promotion;
      },
    });
    await store.open();
    const promoter = await started(createPromoter(store, clock, fail));
    const run = promoter.run();
    await until(() => reads === 2);
    await store.insert([aRun({ due: { after: 1 } })]);
    promoter.expect(clock.now() + 1);
    await clock.advance(1);
    reading.open();
    await run;
    await until(async () => (await ready(store)) === 1);
  });

  test("moves three thousand in small transactions", async () => {
    const { store, clock, calls } = await promoting();
    await store.insert(Array.from({ length: 3_000 }, () => aRun({ due: { after: 1_000 } })));
    calls.clear();
    await clock.advance(1_000);
    await until(async () => (await ready(store)) === 3_000);
    expect(calls.get("promote")).toBe(4);
  });

  test("tries again a second after the store failed, and leaves no timer when it stops", async () => {
    const { store: base, clock } = memory();
    const errors: unknown[] = [];
    let failures = 1;
    const { store } = counting(base, {
      promote: (limit) => (failures-- > 0 ? Promise.reject(new Error("away")) : base.promote(limit)),
    });
    await store.insert([aRun({ due: { after: 500 } })]);
    const promoter = await started(createPromoter(store, clock, (error) => errors.push(error)));
    expect(errors).toHaveLength(1);
    await clock.advance(1_000);
    await until(async () => (await ready(store)) === 1);
    await store.insert([aRun({ due: { after: 500 } })]);
    promoter.expect(clock.now() + 500);
    await promoter.stop();
    expect(clock.nextTimer()).toBeUndefined();
  });
});

describe("rescue", () => {
  const dead = () => ({
    id: newId(),
    host: "elsewhere",
    pid: 1,
    abilities: [{ job: "copy", version: 1 }],
    queues: { "*": 1 },
  });

  test("gives the runs of somebody whose death is told back at once, with cause and blame", async () => {
    const { store, clock } = memory();
    const worker = dead();
    await store.register(worker);
    const [guilty, innocent] = [aRun(), aRun()];
    await store.insert([guilty, innocent]);
    await store.claim({ worker: worker.id, queues: { "*": 10 }, abilities: worker.abilities });
    const events = new Events<RunEvents>(fail);
    const heard: RunEvents["lost"][] = [];
    events.on("lost", (about) => heard.push(about));
    const rescuer = createRescuer(store, clock, events);
    const death = { worker: worker.id, cause: "killed by SIGKILL", culprits: [guilty.id] };
    expect(await rescuer.bury([death])).toBe(2);
    const about = { job: guilty.job, attempt: 1, worker: worker.id, cause: death.cause };
    expect(heard).toHaveLength(2);
    expect(heard).toContainEqual({ ...about, run: guilty.id });
    expect(heard).toContainEqual({ ...about, run: innocent.id, innocent: true });
    expect(await rescuer.bury([death])).toBe(0);
    expect(heard).toHaveLength(2);
  });

  test("looks every second, gives the runs of the dead back, and tells of each", async () => {
    const { store: base, clock } = memory();
    const lost: Death[] = [];
    const { store, calls } = counting(base, { findLost: async () => lost });
    const worker = dead();
    await store.register(worker);
    await store.insert([aRun(), aRun()]);
    await store.claim({ worker: worker.id, queues: { "*": 10 }, abilities: worker.abilities });
    const events = new Events<RunEvents>(fail);
    const heard: RunEvents["lost"][] = [];
    events.on("lost", (about) => heard.push(about));
    const rescuer = await started(createRescuer(store, clock, events));
    await clock.advance(2_000);
    expect(calls.get("findLost")).toBe(3);
    lost.push({ worker: worker.id });
    await clock.advance(1_000);
    await until(() => heard.length === 2);
    expect(heard).toMatchObject([
      { job: "copy", attempt: 1, worker: worker.id },
      { job: "copy", attempt: 1, worker: worker.id },
    ]);
    expect(await store.countByState()).toMatchObject({ ready: 2, running: 0 });
    await rescuer.stop();
    expect(clock.nextTimer()).toBeUndefined();
  });

  test("being asked in between leaves one alarm, not two", async () => {
    const { store: base, clock } = memory();
    const { store, calls } = counting(base);
    await store.open();
    const rescuer = await started(createRescuer(store, clock, new Events<RunEvents>(fail)));
    for (let n = 0; n < 5; n++) await rescuer.run();
    calls.clear();
    await clock.advance(10_000);
    expect(calls.get("findLost")).toBe(10);
  });

  test("a store that fails is reported and asked again", async () => {
    const { store: base, clock } = memory();
    const { store, calls } = counting(base, { findLost: () => Promise.reject(new Error("away")) });
    const events = new Events<RunEvents>(fail);
    const where: string[] = [];
    events.on("error", (about) => where.push(about.where));
    await started(createRescuer(store, clock, events));
    await clock.advance(1_000);
    expect(calls.get("findLost")).toBe(2);
    expect(where).toEqual(["rescue", "rescue"]);
  });
});

describe("prune", () => {
  test("removes what is past its keeping, five hundred at a time with a breath between, and then rests", async () => {
    const { store: base, clock } = memory();
    const { store, calls } = counting(base);
    await ended(store, 1_200);
    await clock.advance(91 * 24 * 3_600_000);
    const pruner = await started(createPruner(store, clock, fail));
    for (const left of [700, 200, 0]) {
      await clock.advance(20);
      await until(async () => (await store.count({})) === left);
    }
    await clock.advance(1_000);
    expect(calls.get("prune")).toBe(3);
    await clock.advance(10 * 60_000);
    expect(calls.get("prune")).toBe(4);
    await pruner.stop();
    expect(clock.nextTimer()).toBeUndefined();
  });
});

describe("prepare", () => {
  const mail = job({
    name: "mail",
    queue: "post",
    priority: 3,
    version: 2,
    input: z.object({ to: z.string() }),
    handle() {},
  });
  const jobs = new Map([["mail", { job: mail, policy: policyOf(mail) }]]);
  const unchecked = (input: string) => aRun({ job: "mail", input, waiting: "preparation" });

  test("gives what is valid the policy of its job, and fails what is not, without an attempt", async () => {
    const { store, clock } = memory();
    const [good, bad] = [unchecked('{"to":"ada"}'), unchecked('{"to":5}')];
    const unknown = aRun({ job: "fax", input: "1", waiting: "preparation" });
    await store.insert([good, bad, unknown]);
    await started(createPreparer(store, clock, jobs, fail));
    const [goodRun, badRun, unknownRun] = await store.find([good.id, bad.id, unknown.id]);
    expect(goodRun).toMatchObject({ state: "ready", queue: "post", priority: 3, version: 2 });
    expect(badRun).toMatchObject({ state: "failed", attempt: 0, error: { code: "INVALID_INPUT" } });
    expect(unknownRun).toMatchObject({ state: "waiting", waiting: { reason: "preparation" } });
  });

  test("starts and stops although a schema never answers", async () => {
    const { store, clock } = memory();
    await store.insert([unchecked('{"to":"ada"}')]);
    const validate = () => new Promise<never>(() => {});
    const slow = job({
      name: "mail",
      input: { "~standard": { version: 1, vendor: "test", validate } },
      handle: () => {},
    });
    const silent = new Map([["mail", { job: slow, policy: policyOf(slow) }]]);
    const preparer = createPreparer(store, clock, silent, fail);
    for (const call of [preparer.start(), preparer.stop()]) {
      await until(async () => clock.nextTimer() !== undefined);
      await clock.advance(5_000);
      await call;
    }
    expect(clock.nextTimer()).toBeUndefined();
  });

  test("gathers the wake-ups of fifty milliseconds, and leaves no timer when it stops", async () => {
    const { store: base, clock } = memory();
    const { store, calls } = counting(base);
    await store.open();
    const preparer = await started(createPreparer(store, clock, jobs, fail));
    calls.clear();
    const run = unchecked('{"to":"ada"}');
    await store.insert([run]);
    for (let n = 0; n < 10; n++) preparer.soon();
    await clock.advance(50);
    await until(async () => (await store.find([run.id]))[0]?.state === "ready");
    expect(calls.get("prepare")).toBe(1);
    preparer.soon();
    await preparer.stop();
    preparer.soon();
    expect(clock.nextTimer()).toBeUndefined();
  });
});
