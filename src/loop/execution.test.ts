// One execution after another: how a handler can end or be ended, and what the store then says of its run.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, gate, memory, silent, until } from "../../test/engine.js";
import { type AnyJob, type Context, job } from "../job/index.js";
import type { NewRun } from "../store/contract.js";

const once = { attempts: 1 } as const;

/** Runs one run of the job to its end, and answers its record. */
async function execute(one: AnyJob, input?: unknown) {
  const { duckdive, work, run, heard, store } = engine([one]);
  const { id } = await duckdive.enqueue(one, input);
  await work().idle();
  return { record: await run(id), heard, timeline: await store.timeline(id) };
}

const failing = (thrown: () => unknown) =>
  job({
    name: "failing",
    retry: once,
    handle() {
      throw thrown();
    },
  });

describe("a handler that fails", () => {
  test("leaves message, code, stack and the chain of causes", async () => {
    const root = Object.assign(new Error("connect refused"), { code: "ECONNREFUSED" });
    const { record } = await execute(failing(() => new TypeError("no answer", { cause: root })));
    expect(record).toMatchObject({
      state: "failed",
      reason: "error",
      error: {
        name: "TypeError",
        message: "no answer",
        stack: expect.stringContaining("execution.test.ts"),
        cause: { name: "Error", message: "connect refused", code: "ECONNREFUSED" },
      },
    });
  });

  test.each([
    ["throws a text", "just words", "just words"],
    ["throws undefined", undefined, "undefined"],
    ["throws what has half a surrogate pair and NUL in it", new Error("a\0b\ud800c"), "a\ufffdb\ufffdc"],
  ])("%s and is stored", async (_how, thrown, message) => {
    const { record } = await execute(failing(() => thrown));
    expect(record).toMatchObject({ state: "failed", error: { message } });
  });

  test("may reject with nothing at all", async () => {
    const rejecting = job({ name: "rejecting", retry: once, handle: () => Promise.reject() });
    const { record } = await execute(rejecting);
    expect(record).toMatchObject({ state: "failed", error: { message: "undefined" } });
  });

  test("is tried again after its backoff, as often as its policy says", async () => {
    let tries = 0;
    const flaky = job({
      name: "flaky",
      retry: { attempts: 3, backoff: { kind: "fixed", base: "10s", jitter: 0 } },
      handle() {
        tries += 1;
        throw new Error(`try ${tries}`);
      },
    });
    const { duckdive, work, clock, run, names } = engine([flaky]);
    const { id } = await duckdive.enqueue(flaky);
    const worker = work();
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "scheduled", attempt: 1, error: { message: "try 1" } });
    for (const attempt of [2, 3]) {
      await clock.advance(9_999);
      expect(tries).toBe(attempt - 1);
      await clock.advance(1);
      await worker.idle();
      expect(tries).toBe(attempt);
    }
    expect(await run(id)).toMatchObject({ state: "failed", attempt: 3, error: { message: "try 3" } });
    expect(names().filter((name) => name !== "started")).toEqual(["retrying", "retrying", "failed"]);
  });

  test.each([
    [
      "retry.when",
      {
        when: () => {
          throw new Error("a bug in the policy");
        },
      },
    ],
    [
      "backoff",
      {
        backoff: () => {
          throw new Error("a bug in the policy");
        },
      },
    ],
  ])("whose %s throws is tried again by the default rule, and somebody hears of it", async (_name, retry) => {
    const { record, heard } = await execute(
      job({
        name: "odd",
        retry: { attempts: 5, ...retry },
        handle() {
          throw new Error("the handler's own");
        },
      }),
    );
    expect(record).toMatchObject({ state: "scheduled", error: { message: "the handler's own" } });
    expect(heard.find(({ name }) => name === "error")).toMatchObject({
      about: { where: 'the retry policy of job "odd"', error: { message: "a bug in the policy" } },
    });
  });
});

describe("an outcome", () => {
  test("that is returned ends the execution as it says", async () => {
    const { record } = await execute(
      job({
        name: "declining",
        errors: { declined: z.object({ cents: z.number() }) },
        handle: (_input: undefined, ctx) => ctx.fail("declined", { cents: 7 }),
      }),
    );
    expect(record).toMatchObject({
      state: "failed",
      reason: "declined",
      attempt: 1,
      error: { code: "declined", data: { cents: 7 } },
    });
  });

  test("that is made and not returned fails the attempt", async () => {
    const { record } = await execute(
      job({
        name: "forgetful",
        retry: once,
        handle(_input: undefined, ctx) {
          ctx.snooze("1m");
        },
      }),
    );
    expect(record).toMatchObject({ state: "failed", error: { code: "OUTCOME_NOT_RETURNED" } });
  });

  test("snooze gives the attempt back and comes again", async () => {
    let times = 0;
    const sleepy = job({
      name: "sleepy",
      retry: once,
      handle: (_input: undefined, ctx) => (++times < 4 ? ctx.snooze("1m") : undefined),
    });
    const { duckdive, work, clock, run } = engine([sleepy]);
    const { id } = await duckdive.enqueue(sleepy);
    const worker = work();
    for (const _ of [1, 2, 3]) {
      await worker.idle();
      expect(await run(id)).toMatchObject({ state: "scheduled", attempt: 0 });
      await clock.advance(60_000);
    }
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  test("cancel with a reason that no store could hold is still a cancellation", async () => {
    const { record } = await execute(
      job({
        name: "odd",
        handle: (_input: undefined, ctx) => ctx.cancel(`\0${"x".repeat(10_000)}\ud800`),
      }),
    );
    expect(record.state).toBe("cancelled");
    expect(record.reason?.length).toBeLessThan(4_100);
  });
});

describe("values", () => {
  test("a stored input that is not accepted any more fails without an attempt", async () => {
    const strict = job({ name: "strict", input: z.object({ to: z.string() }), handle() {} });
    const { work, store, run, names } = engine([strict]);
    const id = "018f0000-0000-7000-8000-000000000001";
    const stored: NewRun = {
      id,
      job: "strict",
      version: 1,
      queue: "default",
      priority: 0,
      input: '{"to":5}',
    };
    await store.insert([stored]);
    await work().idle();
    expect(await run(id)).toMatchObject({
      state: "failed",
      reason: "invalid-input",
      attempt: 0,
      error: { code: "INVALID_INPUT" },
    });
    expect(names()).toEqual(["failed"]);
  });

  test("an output that cannot be stored fails the run for good", async () => {
    const { record } = await execute(job({ name: "odd", handle: () => ({ n: Number.NaN }) as unknown }));
    expect(record).toMatchObject({ state: "failed", reason: "invalid-output", error: { code: "NOT_JSON" } });
  });
});

describe("an execution that is told to stop", () => {
  /** Obeys its signal: throws the reason. */
  const obedient = (policy: object = {}) =>
    job({
      name: "obedient",
      ...policy,
      handle: (_input: undefined, ctx) =>
        new Promise<void>((_resolve, reject) => {
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
        }),
    });
  const deaf = (policy: object = {}) =>
    job({ name: "deaf", ...policy, handle: () => new Promise<void>(() => {}) });

  async function begun(one: AnyJob, options: { drain?: number } = {}) {
    const hand = engine([one]);
    const run = await hand.duckdive.enqueue(one);
    const worker = hand.work(options);
    await until(() => hand.heard.some(({ name }) => name === "started"));
    return { ...hand, worker, id: run.id, handle: run };
  }

  test("ends at its timeout, when its handler obeys", async () => {
    const { clock, worker, run, id, names } = await begun(obedient({ timeout: "30s", retry: once }));
    await clock.advance(30_000);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "failed", reason: "timeout", error: { code: "TIMEOUT" } });
    expect(names()).not.toContain("abandoned");
  });

  test("ends five seconds after its timeout, when its handler hears nothing, and says so", async () => {
    const { clock, worker, run, id, heard } = await begun(deaf({ timeout: "30s", retry: once }));
    await clock.advance(34_999);
    expect(await run(id)).toMatchObject({ state: "running" });
    await clock.advance(1);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "failed", reason: "timeout" });
    expect(heard.find(({ name }) => name === "abandoned")).toMatchObject({ about: { why: "timeout" } });
  });

  test("ends when its run is cancelled, and its handler learns why", async () => {
    const { handle, worker, run, id } = await begun(obedient());
    expect(await handle.cancel("no longer wanted")).toBe(true);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "cancelled", reason: "no longer wanted" });
  });

  test("ends when its run is cancelled, also when its handler hears nothing", async () => {
    const { handle, worker, run, id, clock } = await begun(deaf());
    await handle.cancel();
    await until(() => (clock.nextTimer() ?? 0) > 0);
    await clock.advance(5_000);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "cancelled" });
  });

  test("and returns all the same has done its work", async () => {
    const release = gate();
    const slow = job({ name: "slow", handle: () => release.passed.then(() => "done") });
    const { handle, worker, run, id } = await begun(slow);
    await handle.cancel();
    release.open();
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", output: '"done"' });
  });

  test("fails when its finishWithin is over before its timeout", async () => {
    const { clock, worker, run, id } = await begun(obedient({ finishWithin: "10s" }));
    await clock.advance(10_000);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "failed", reason: "expired" });
  });

  test("at shutdown goes back without losing the attempt, at the deadline and not before", async () => {
    const { clock, worker, run, id, names } = await begun(obedient(), { drain: 20_000 });
    const stopped = worker.stop();
    await clock.advance(19_999);
    expect(await run(id)).toMatchObject({ state: "running" });
    await clock.advance(1);
    await stopped;
    expect(await run(id)).toMatchObject({ state: "ready", attempt: 0 });
    expect(names()).toEqual(["started", "handedBack"]);
    expect(clock.nextTimer()).toBeUndefined();
  });

  test("at shutdown goes back even when its handler hears nothing", async () => {
    const { clock, worker, run, id, heard } = await begun(deaf(), { drain: 20_000 });
    const stopped = worker.stop();
    await clock.advance(21_000);
    await stopped;
    expect(await run(id)).toMatchObject({ state: "ready", attempt: 0 });
    expect(heard.find(({ name }) => name === "abandoned")).toMatchObject({ about: { why: "shutdown" } });
    expect(clock.nextTimer()).toBeUndefined();
  });

  test("hurries when stop is called again with less time, and not when it is with more", async () => {
    const { clock, worker, run, id } = await begun(deaf(), { drain: 20_000 });
    const stopped = worker.stop();
    void worker.stop({ drain: "1h" });
    void worker.stop({ drain: 0 });
    await clock.advance(0);
    await stopped;
    expect(await run(id)).toMatchObject({ state: "ready", attempt: 0 });
    void worker.stop({ drain: "10s" });
    expect(clock.nextTimer()).toBeUndefined();
  });

  test("hurries also when the deadline has passed and its handler still has its last second", async () => {
    const { clock, worker, run, id } = await begun(deaf(), { drain: 20_000 });
    const stopped = worker.stop();
    await clock.advance(20_000);
    expect(await run(id)).toMatchObject({ state: "running" });
    void worker.stop({ drain: 0 });
    await clock.advance(0);
    await stopped;
    expect(await run(id)).toMatchObject({ state: "ready", attempt: 0 });
  });

  test("what was being claimed when the worker was told to stop goes back before its handler is called", async () => {
    const base = memory();
    const claimed = gate();
    const held = gate();
    const { store } = counting(base.store, {
      async claim(request) {
        const runs = await base.store.claim(request);
        if (runs.length === 0) return runs;
        claimed.open();
        await held.passed;
        return runs;
      },
    });
    const called: string[] = [];
    const note = job({ name: "note", handle: (_input: undefined, ctx) => void called.push(ctx.runId) });
    const hand = engine([note], { store, clock: base.clock });
    const { id } = await hand.duckdive.enqueue(note);
    const worker = hand.work();
    await claimed.passed;
    const stopped = worker.stop();
    held.open();
    await stopped;
    expect(called).toEqual([]);
    expect(await hand.run(id)).toMatchObject({ state: "ready", attempt: 0 });
  });

  test("a run that was stopped long before its worker had it is expired, not executed", async () => {
    const called: string[] = [];
    const urgent = job({
      name: "urgent",
      startWithin: "10s",
      handle: (_input: undefined, ctx) => void called.push(ctx.runId),
    });
    const { duckdive, work, clock, run } = engine([urgent]);
    const { id } = await duckdive.enqueue(urgent);
    await clock.advance(10_000);
    await work().idle();
    expect(await run(id)).toMatchObject({ state: "failed", reason: "expired" });
    expect(called).toEqual([]);
  });
});

test("a run that has started and comes back is not expired as if it had not", async () => {
  let times = 0;
  const twice = job({
    name: "twice",
    startWithin: "10s",
    handle: (_input: undefined, ctx) => (++times === 1 ? ctx.snooze("1m") : "done"),
  });
  const { duckdive, work, clock, run } = engine([twice]);
  const { id } = await duckdive.enqueue(twice);
  const worker = work();
  await worker.idle();
  await clock.advance(60_000);
  await worker.idle();
  expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 1 });
});

describe("ctx", () => {
  test("defer runs last first when the execution ends, and at once when it is asked for later", async () => {
    const order: string[] = [];
    let kept: Context | undefined;
    const tidy = job({
      name: "tidy",
      retry: once,
      handle(_input: undefined, ctx) {
        kept = ctx;
        for (const name of ["first", "second", "third"]) ctx.defer(() => void order.push(name));
        throw new Error("it ends in any way");
      },
    });
    await execute(tidy);
    expect(order).toEqual(["third", "second", "first"]);
    kept?.defer(() => void order.push("late"));
    expect(order.at(-1)).toBe("late");
  });

  test("a deferred cleanup that fails is reported and changes nothing; one that never ends is left after five seconds", async () => {
    const order: string[] = [];
    const tidy = job({
      name: "tidy",
      handle(_input: undefined, ctx) {
        ctx.defer(() => void order.push("not reached before the grace is over"));
        ctx.defer(() => new Promise<void>(() => {}));
        ctx.defer(() => {
          throw new Error("a bad cleanup");
        });
        return "done";
      },
    });
    const { duckdive, work, clock, run, heard } = engine([tidy]);
    const { id } = await duckdive.enqueue(tidy);
    const worker = work();
    await until(() => heard.some(({ name }) => name === "error"));
    expect(heard.at(-1)).toMatchObject({ about: { where: "ctx.defer", run: id } });
    await clock.advance(5_000);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded" });
  });

  test("enqueue records one run over two attempts, and meta travels with it", async () => {
    const child = job({ name: "child", input: z.object({ n: z.number() }), handle() {} });
    const carried: unknown[] = [];
    const parent = job({
      name: "parent",
      retry: { attempts: 2, backoff: { kind: "fixed", base: 0 } },
      async handle(_input: undefined, ctx) {
        carried.push(ctx.meta);
        await ctx.enqueue("the child", child, { n: 1 }, { meta: { step: "one" } });
        if (ctx.attempt === 1) throw new Error("after the enqueue");
      },
    });
    const { duckdive, work, clock } = engine([parent, child]);
    await duckdive.enqueue(parent, undefined, { meta: { tenant: "acme" } });
    const worker = work();
    await worker.idle();
    await clock.advance(1);
    await worker.idle();
    expect(carried).toEqual([{ tenant: "acme" }, { tenant: "acme" }]);
    const { runs } = await duckdive.list({ job: child });
    expect(runs).toMatchObject([{ state: "succeeded", meta: { tenant: "acme", step: "one" } }]);
  });

  test("what was logged and said of progress is in the store before the run has ended", async () => {
    const base = memory();
    const order: string[] = [];
    const { store } = counting(base.store, {
      note: (notes) => {
        order.push(`note ${notes.length}`);
        return base.store.note(notes);
      },
      settle: (settlements) => {
        order.push("settle");
        return base.store.settle(settlements);
      },
    });
    const chatty = job({
      name: "chatty",
      handle(_input: undefined, ctx) {
        ctx.log.info("half-way", { at: 50 });
        ctx.progress(1, 2);
        ctx.progress(2, 2, "all of it");
      },
    });
    const { duckdive, work, run } = engine([chatty], { store, clock: base.clock });
    const { id } = await duckdive.enqueue(chatty);
    await work().idle();
    expect(order).toEqual(["note 2", "settle"]);
    expect(await run(id)).toMatchObject({ progress: { done: 2, total: 2, note: "all of it" } });
    expect((await store.timeline(id)).logs).toMatchObject([
      { level: "info", message: "half-way", fields: { at: 50 } },
    ]);
  });

  test("progress that is no number and a log that throws fail nobody", async () => {
    const odd = job({
      name: "odd",
      handle(_input: undefined, ctx) {
        ctx.progress(Number.NaN, Number.POSITIVE_INFINITY, "\0");
        ctx.log.warn("\ud800 half of a pair", { circular: ctx });
      },
    });
    const log = {
      ...silent,
      warn() {
        throw new Error("a bad log");
      },
    };
    const { duckdive, work, run, heard } = engine([odd], { log });
    const { id } = await duckdive.enqueue(odd);
    await work().idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", progress: { done: 0, note: "\ufffd" } });
    expect(heard.find(({ name }) => name === "error")).toMatchObject({ about: { where: "log" } });
  });
});

describe("middleware", () => {
  test("stands around the handler, sees the run, and may turn its end", async () => {
    const order: string[] = [];
    const plain = job({ name: "plain", handle: () => void order.push("handler") });
    const { duckdive, work, run } = engine([plain], {
      middleware: [
        async (record, next) => {
          order.push(`before ${record.job} ${record.attempt} ${record.state}`);
          await next();
          order.push("after");
          throw new Error("the middleware had a word to say");
        },
      ],
    });
    const { id } = await duckdive.enqueue(plain);
    await work().idle();
    expect(order).toEqual(["before plain 1 running", "handler", "after"]);
    expect(await run(id)).toMatchObject({
      state: "scheduled",
      error: { message: expect.stringContaining("a word") },
    });
  });
});

describe("settling", () => {
  test("is tried again while the store fails, and nothing is lost", async () => {
    const base = memory();
    let failures = 3;
    const { store, calls } = counting(base.store, {
      settle: (settlements) =>
        failures-- > 0 ? Promise.reject(new Error("the disk is full")) : base.store.settle(settlements),
    });
    const note = job({ name: "note", handle() {} });
    const { duckdive, work, clock, run, heard } = engine([note], { store, clock: base.clock });
    const { id } = await duckdive.enqueue(note);
    const worker = work();
    await until(() => heard.some(({ name }) => name === "error"));
    for (const times of [1, 2, 3]) {
      await until(() => calls.get("settle") === times);
      await clock.advance(100 * 2 ** (times - 1));
    }
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  test("one that the store cannot take holds up nobody else", async () => {
    const base = memory();
    let poisoned = "";
    const { store } = counting(base.store, {
      settle: (settlements) =>
        settlements.some(({ run }) => run === poisoned)
          ? Promise.reject(new Error("cannot write this one"))
          : base.store.settle(settlements),
    });
    const release = gate();
    const note = job({ name: "note", handle: () => release.passed });
    const { duckdive, work, clock, heard, store: _store } = engine([note], { store, clock: base.clock });
    const runs = await duckdive.enqueueMany(Array.from({ length: 10 }, () => note.with()));
    poisoned = runs[3]?.id ?? "";
    const worker = work();
    await until(() => heard.length === 10);
    release.open();
    await until(() => heard.some(({ name }) => name === "error"));
    await clock.advance(20_000);
    expect(await duckdive.stats()).toMatchObject({ succeeded: 9, running: 1 });
    const stopped = worker.stop();
    await clock.advance(5_000);
    await stopped;
    expect(heard.at(-1)).toMatchObject({ name: "error", about: { error: { code: "SETTLEMENT_LOST" } } });
    expect(clock.nextTimer()).toBeUndefined();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 9, ready: 1 });
  });

  test("one that the store refuses is reported, and the run is left as it is", async () => {
    const release = gate();
    const note = job({ name: "note", handle: () => release.passed });
    const { duckdive, work, store, run, heard } = engine([note]);
    const { id } = await duckdive.enqueue(note);
    const worker = work();
    await until(() => heard.length === 1);
    await store.rescue([worker.id]);
    await duckdive.pause("default");
    release.open();
    await until(() => heard.some(({ name }) => name === "refused"));
    expect(heard.find(({ name }) => name === "refused")).toMatchObject({ about: { run: id, attempt: 1 } });
    expect(await run(id)).toMatchObject({ state: "ready", attempt: 1 });
  });
});
