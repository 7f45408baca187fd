// The loop, with the real store under it and the clock in the test's hand: what is claimed, how much of it, and what
// becomes of what goes wrong.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, gate, memory, until } from "../../test/engine.js";
import { job } from "../job/index.js";
import { WorkerLostError } from "../store/sqlite/index.js";

const anything = z.object({ n: z.number() });

describe("slots", () => {
  test("hold each queue to its own number, and all others to that of the star", async () => {
    const running = new Map<string, number>();
    const most = new Map<string, number>();
    const release = gate();
    const make = (name: string, queue: string) =>
      job({
        name,
        queue,
        async handle() {
          running.set(queue, (running.get(queue) ?? 0) + 1);
          most.set(queue, Math.max(most.get(queue) ?? 0, running.get(queue) ?? 0));
          await release.passed;
          running.set(queue, (running.get(queue) ?? 0) - 1);
        },
      });
    const jobs = [make("mail", "mail"), make("one", "one"), make("two", "two"), make("never", "never")];
    const { duckdive, work, heard } = engine(jobs);
    for (const one of jobs) await duckdive.enqueueMany(Array.from({ length: 10 }, () => one.with()));
    const worker = work({ queues: { mail: 4, never: 0, "*": 3 } });
    await until(() => heard.filter(({ name }) => name === "started").length === 7);
    expect(most.get("mail")).toBe(4);
    expect((most.get("one") ?? 0) + (most.get("two") ?? 0)).toBe(3);
    release.open();
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 30, ready: 10 });
    expect(most.get("mail")).toBe(4);
  });

  test("a queue that is neither named nor covered by a star is left alone", async () => {
    const other = job({ name: "other", queue: "other", handle() {} });
    const { duckdive, work } = engine([other]);
    await duckdive.enqueue(other);
    await work({ queues: { mail: 1 } }).idle();
    expect(await duckdive.stats()).toMatchObject({ ready: 1 });
  });

  test("go to the highest priority first, and within it to whoever has waited longest", async () => {
    const order: number[] = [];
    const note = job({ name: "note", input: anything, handle: ({ n }) => void order.push(n) });
    const { duckdive, work } = engine([note]);
    for (const [n, priority] of [
      [1, 0],
      [2, 5],
      [3, -5],
      [4, 5],
      [5, 0],
    ] as const)
      await duckdive.enqueue(note, { n }, { priority });
    await work({ queues: { "*": 1 } }).idle();
    expect(order).toEqual([2, 4, 1, 5, 3]);
  });
});

describe("sharing", () => {
  test("a thousand handlers that end in one turn share a settlement and a claim", async () => {
    const release = gate();
    const wait = job({ name: "wait", handle: () => release.passed });
    const base = memory();
    const { store, calls } = counting(base.store);
    const { duckdive, work, heard } = engine([wait], { store, clock: base.clock });
    await duckdive.enqueueMany(Array.from({ length: 1_000 }, () => wait.with()));
    const worker = work({ queues: { "*": 1_000 } });
    await until(() => heard.length === 1_000);
    const before = { settle: calls.get("settle") ?? 0, claim: calls.get("claim") ?? 0 };
    release.open();
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 1_000 });
    expect((calls.get("settle") ?? 0) - before.settle).toBe(1);
    expect((calls.get("claim") ?? 0) - before.claim).toBeLessThanOrEqual(2);
  });
});

describe("rest", () => {
  test("an idle minute costs heartbeats and nothing that reads a table", async () => {
    const base = memory();
    const { store, calls } = counting(base.store);
    const { work, clock } = engine([job({ name: "nothing", handle() {} })], { store, clock: base.clock });
    await work().idle();
    await clock.advance(1_000);
    calls.clear();
    await clock.advance(60_000);
    // findLost is a look at processes: it reads no table while no worker came or went.
    expect(Object.fromEntries(calls)).toEqual({ heartbeat: 6, findLost: 60 });
    calls.clear();
    await clock.advance(10 * 60_000);
    expect(Object.fromEntries(calls)).toEqual({ heartbeat: 60, findLost: 600, prune: 1 });
  });

  test("an idle store with a run due on Friday is not read before", async () => {
    const later = job({ name: "later", handle() {} });
    const base = memory();
    const { store, calls } = counting(base.store);
    const { duckdive, work, clock } = engine([later], { store, clock: base.clock });
    const worker = work();
    await duckdive.enqueue(later, undefined, { delay: "5m" });
    await worker.idle();
    calls.clear();
    await clock.advance(5 * 60_000 - 1);
    expect(calls.get("promote")).toBeUndefined();
    await clock.advance(1);
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 1 });
  });

  test("a stopped worker leaves no timer behind", async () => {
    const { duckdive, work, clock } = engine([job({ name: "nothing", handle() {} })]);
    const worker = work();
    await worker.ready;
    expect(clock.nextTimer()).toBeDefined();
    await worker.stop();
    expect(clock.nextTimer()).toBeUndefined();
    expect(await duckdive.workers()).toEqual([]);
  });

  test("a heartbeat under way when the worker stops begins no new one", async () => {
    const base = memory();
    const held = gate();
    const { store } = counting(base.store, {
      async heartbeat(id) {
        await held.passed;
        return base.store.heartbeat(id);
      },
    });
    const { work, clock } = engine([job({ name: "nothing", handle() {} })], { store, clock: base.clock });
    const worker = work();
    await worker.idle();
    await clock.advance(10_000);
    await worker.stop();
    held.open();
    await clock.advance(0);
    expect(clock.nextTimer()).toBeUndefined();
    expect(await base.store.workers()).toEqual([]);
  });

  test("a worker that cannot start says so once, and stops", async () => {
    const base = memory();
    const { store } = counting(base.store, {
      publish: () => Promise.reject(new Error("no room for definitions")),
    });
    const { work, heard, clock } = engine([job({ name: "nothing", handle() {} })], {
      store,
      clock: base.clock,
    });
    const worker = work();
    await expect(worker.ready).rejects.toThrow("no room for definitions");
    await worker.stop();
    expect(heard).toMatchObject([{ name: "error", about: { where: "start" } }]);
    expect(clock.nextTimer()).toBeUndefined();
    expect(await base.store.workers()).toEqual([]);
  });
});

describe("a store in trouble", () => {
  test("a claim that fails is reported and tried again with growing pauses", async () => {
    const base = memory();
    let failures = 3;
    const { store } = counting(base.store, {
      claim: (request) =>
        failures-- > 0 ? Promise.reject(new Error("the store is away")) : base.store.claim(request),
    });
    const note = job({ name: "note", handle() {} });
    const { duckdive, work, heard, clock } = engine([note], { store, clock: base.clock });
    await duckdive.enqueue(note);
    const worker = work();
    await worker.ready;
    for (const pause of [50, 100, 200]) {
      await until(() => clock.nextTimer() !== undefined && heard.at(-1)?.name === "error");
      await clock.advance(pause);
    }
    await worker.idle();
    expect(heard.filter(({ name }) => name === "error")).toHaveLength(3);
    expect(await duckdive.stats()).toMatchObject({ succeeded: 1 });
  });

  test("a claim that fails while the worker stops leaves no timer", async () => {
    const base = memory();
    const asked = gate();
    const held = gate();
    const { store } = counting(base.store, {
      async claim() {
        asked.open();
        await held.passed;
        throw new Error("the store is away");
      },
    });
    const note = job({ name: "note", handle() {} });
    const { work, clock } = engine([note], { store, clock: base.clock });
    const worker = work();
    await asked.passed;
    const stopped = worker.stop();
    held.open();
    await stopped;
    expect(clock.nextTimer()).toBeUndefined();
  });

  test("a worker that was taken for dead stops what it runs, comes back and works on", async () => {
    const base = memory();
    const signals: AbortSignal[] = [];
    const hold = job({
      name: "hold",
      handle: (_input: undefined, ctx) =>
        new Promise<void>((_resolve, reject) => {
          if (signals.push(ctx.signal) > 1) _resolve();
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
        }),
    });
    const { duckdive, work, heard, run } = engine([hold], base);
    const first = await duckdive.enqueue(hold);
    const worker = work();
    await until(() => signals.length === 1);
    await base.store.rescue([{ worker: worker.id }]);
    await until(() => heard.some(({ name }) => name === "refused"));
    expect(signals[0]?.reason).toMatchObject({ code: "EXECUTION_STOPPED", why: "lost" });
    await worker.idle();
    expect(await run(first.id)).toMatchObject({ state: "succeeded", attempt: 2, crashes: 1 });
    expect((await base.store.workers()).map(({ id }) => id)).toEqual([worker.id]);
    const { events } = await base.store.timeline(first.id);
    expect(events).toMatchObject([{ kind: "lost", attempt: 1 }]);
  });

  test("a heartbeat tells a worker without work that it was taken for dead, too", async () => {
    const { store, work, clock } = engine([job({ name: "nothing", handle() {} })]);
    const worker = work();
    await worker.idle();
    await store.rescue([{ worker: worker.id }]);
    expect(await store.workers()).toEqual([]);
    await clock.advance(10_000);
    await until(async () => (await store.workers()).length === 1);
    expect((await store.workers())[0]?.id).toBe(worker.id);
  });

  test("being lost is met with one return, however many find it out", async () => {
    const base = memory();
    const held = gate();
    let registrations = 0;
    let failures = 1;
    const { store, calls } = counting(base.store, {
      async register(worker) {
        if (++registrations === 2) await held.passed;
        await base.store.register(worker);
      },
      claim: (request) =>
        failures-- > 0 ? Promise.reject(new WorkerLostError("taken for dead")) : base.store.claim(request),
    });
    const note = job({ name: "note", handle() {} });
    const { duckdive, work, clock } = engine([note], { store, clock: base.clock });
    const worker = work();
    await worker.ready;
    await duckdive.enqueue(note);
    await until(() => registrations === 2);
    await base.store.rescue([{ worker: worker.id }]);
    await clock.advance(10_000);
    expect(calls.get("heartbeat")).toBe(2);
    held.open();
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 1 });
    expect(registrations).toBe(2);
  });
});

describe("a cancellation", () => {
  test("that is committed together with the claim of its run reaches the handler at once", async () => {
    const base = memory();
    let id = "";
    const { store } = counting(base.store, {
      async claim(request) {
        const claimed = base.store.claim(request);
        // After the claim has been handed to the writer, and before the writer's turn has come.
        for (let steps = 0; steps < 10; steps++) await Promise.resolve();
        await base.store.cancel([id], "no longer wanted");
        return claimed;
      },
    });
    const wait = job({
      name: "wait",
      handle: (_input: undefined, ctx) =>
        new Promise<void>((_resolve, reject) => {
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
        }),
    });
    const hand = engine([wait], { store, clock: base.clock });
    ({ id } = await hand.duckdive.enqueue(wait));
    hand.work();
    await until(async () => (await hand.run(id)).state === "cancelled");
    expect(hand.names()).toEqual(["started", "cancelled"]);
  });
});

describe("parking", () => {
  test("a run of a job the worker lacks waits, without an attempt, until a worker registers it", async () => {
    const base = memory();
    const mail = job({ name: "mail", handle() {} });
    const fax = job({ name: "fax", handle: () => "sent" });
    const old = engine([mail], base);
    const run = await old.duckdive.enqueue(fax);
    await old.work().idle();
    expect(await old.run(run.id)).toMatchObject({
      state: "waiting",
      waiting: { reason: "worker", on: "fax@1" },
      attempt: 0,
    });
    expect(old.names()).toEqual(["parked"]);
    await engine([fax], base).work().idle();
    expect(await old.run(run.id)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  test("in a rolling deploy each of two versions gets its 10,000 runs, and no attempt is lost", async () => {
    const base = memory();
    const done = { old: 0, new: 0, wrong: 0 };
    const make = (version: number, whose: "old" | "new") =>
      job({
        name: "resize",
        version,
        input: z.object({ version: z.number() }),
        handle(input) {
          if (input.version > version) done.wrong += 1;
          else done[whose] += 1;
        },
      });
    const [one, two] = [make(1, "old"), make(2, "new")];
    const before = engine([one], base);
    const after = engine([two], base);
    const half = Array.from({ length: 5_000 }, (_, index) => index);
    const enqueueBoth = async () => {
      await before.duckdive.enqueueMany(half.map(() => one.with({ version: 1 })));
      await after.duckdive.enqueueMany(half.map(() => two.with({ version: 2 })));
    };
    await enqueueBoth();
    const oldWorker = before.work({ queues: { "*": 100 } });
    await oldWorker.idle();
    expect(await base.store.countByState()).toMatchObject({ succeeded: 5_000, waiting: 5_000 });
    // The new release comes up beside the old one, and both are asked for more.
    const newWorker = after.work({ queues: { "*": 100 } });
    await enqueueBoth();
    await Promise.all([oldWorker.idle(), newWorker.idle()]);
    await oldWorker.stop();
    await newWorker.idle();
    expect(await base.store.countByState()).toMatchObject({ succeeded: 20_000, ready: 0, waiting: 0 });
    expect(done.wrong).toBe(0);
    expect(done.old + done.new).toBe(20_000);
    expect(done.new).toBeGreaterThanOrEqual(10_000);
    const { runs } = await base.store.list({}, { limit: 1_000 });
    expect(new Set(runs.map((run) => run.attempt))).toEqual(new Set([1]));
  });

  test("runs of a paused job are put aside and come back when it is resumed; others of its queue go on", async () => {
    const paused = job({ name: "paused", handle() {} });
    const other = job({ name: "other", handle() {} });
    const { duckdive, work, run, names } = engine([paused, other]);
    await duckdive.pause({ job: paused });
    const [aside, onward] = [await duckdive.enqueue(paused), await duckdive.enqueue(other)];
    const worker = work();
    await worker.idle();
    expect(await run(aside.id)).toMatchObject({
      state: "waiting",
      waiting: { reason: "paused" },
      attempt: 0,
    });
    expect(await run(onward.id)).toMatchObject({ state: "succeeded" });
    await duckdive.resume({ job: paused });
    await worker.idle();
    expect(await run(aside.id)).toMatchObject({ state: "succeeded", attempt: 1 });
    expect(names().filter((name) => name === "parked")).toHaveLength(1);
  });
});

describe("a worker that is told", () => {
  const wait = (end: Promise<void>) => job({ name: "wait", handle: () => end });

  test("to be quiet fetches nothing until it is resumed, and what runs goes on", async () => {
    const end = gate();
    const waiting = wait(end.passed);
    const { duckdive, work } = engine([waiting]);
    await duckdive.enqueue(waiting);
    const worker = work();
    await until(() => worker.status().running.length === 1);
    worker.quiet();
    const second = await duckdive.enqueue(waiting);
    end.open();
    await worker.idle();
    expect(worker.status()).toMatchObject({ state: "quiet", started: 1, ended: 1, fetchingFor: undefined });
    expect((await second.get()).state).toBe("ready");
    worker.resume();
    await worker.idle();
    expect(worker.status()).toMatchObject({ state: "working", started: 2, ended: 2, running: [] });
    expect(worker.status().lastFetch).toBeGreaterThanOrEqual(0);
    expect(worker.status().lastSettle).toBeGreaterThanOrEqual(0);
  });

  test("to kill ends what runs as a failed attempt, and goes on", async () => {
    const calls: number[] = [];
    const stuck = job({
      name: "stuck",
      retry: { attempts: 2, backoff: { kind: "fixed", base: "1s", jitter: 0 } },
      handle(_input: undefined, { attempt, signal }) {
        calls.push(attempt);
        return attempt === 2
          ? undefined
          : new Promise<undefined>((_, reject) =>
              signal.addEventListener("abort", () => reject(signal.reason)),
            );
      },
    });
    const { duckdive, work, clock, run, heard } = engine([stuck]);
    const { id } = await duckdive.enqueue(stuck);
    const worker = work();
    await until(() => calls.length === 1);
    expect(worker.kill(["another"])).toBe(0);
    expect(worker.kill([id])).toBe(1);
    await worker.idle();
    expect(heard.find(({ name }) => name === "retrying")).toMatchObject({
      about: { error: { name: "KilledError", code: "KILLED" } },
    });
    await clock.advance(1_000);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 2 });
  });

  test("to be quiet while a claim is under way executes nothing of it, since it may have said that it is quiet", async () => {
    const base = memory();
    const answer = gate();
    const { store, calls } = counting(base.store, {
      async claim(claim) {
        const claimed = await base.store.claim(claim);
        await answer.passed;
        return claimed;
      },
    });
    const called: number[] = [];
    const noted = job({ name: "noted", handle: (_, { attempt }) => void called.push(attempt) });
    const { duckdive, work, run } = engine([noted], { store, clock: base.clock });
    const { id } = await duckdive.enqueue(noted);
    const worker = work();
    await until(() => calls.get("claim") === 1);
    await until(async () => (await run(id)).state === "running");
    worker.quiet();
    answer.open();
    await until(async () => (await run(id)).state === "ready");
    expect(called).toEqual([]);
    worker.resume();
    await worker.idle();
    expect(called).toEqual([1]);
  });

  test("other queues draws from those", async () => {
    const end = gate();
    const waiting = wait(end.passed);
    const { duckdive, work } = engine([waiting]);
    await duckdive.enqueueMany(Array.from({ length: 5 }, () => waiting.with()));
    const worker = work({ queues: { "*": 1 } });
    await until(() => worker.status().running.length === 1);
    worker.setQueues({ default: 4 });
    await until(() => worker.status().running.length === 4);
    worker.setQueues({ default: 0 });
    end.open();
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 4, ready: 1 });
  });
});
