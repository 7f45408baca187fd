// One execution after another: how a handler can end or be ended, and what the store then says of its run.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, gate, memory, until } from "../../test/engine.js";
import { type AnyJob, job } from "../job/index.js";
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
