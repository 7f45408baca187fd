// What is on record of a run, as an application reads it, what is said of what it waits for, and doing it again from a step on.
// A step is misspelt on purpose. cspell:ignore chrage
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Context, job, signal } from "../job/index.js";
import { InvalidOptionError } from "../kernel/index.js";
import { open } from "../open.js";
import type { Store } from "../store/contract.js";
import { sqlite } from "../store/sqlite/index.js";
import { type TestQueue, testQueue } from "../testing/queue.js";
import { NotRetryableError, RunNotFoundError, UnknownStepError } from "./errors.js";

const opened: TestQueue[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((queue) => queue.close()));
});

const start = "2026-01-02T12:00:00.000Z";

function queueOf(...jobs: Parameters<typeof testQueue>[0]["jobs"][number][]): TestQueue {
  const queue = testQueue({ jobs, now: start }) as TestQueue;
  opened.push(queue);
  return queue;
}

const approved = signal("approved", z.object({ by: z.string() }));
const boot = job({
  name: "boot",
  input: z.object({ name: z.string() }),
  async handle({ name }, ctx) {
    if (name === "slow") await ctx.sleep("warm up", "1h");
    return { address: `10.0.0.${name.length}` };
  },
});

/** Its calls in order, and whether its charge fails. */
function orders() {
  const calls: string[] = [];
  const bank = { isOpen: false };
  const order = job({
    name: "order",
    retry: { attempts: 1 },
    async handle(_input, ctx) {
      await ctx.step("reserve", () => void calls.push("reserve"));
      await ctx.run("boot", boot, { name: "fast" });
      await ctx.step("pick", () => calls.push("pick"));
      await ctx.step("charge", () => {
        calls.push("charge");
        if (!bank.isOpen) throw new Error("the bank is closed");
      });
      return calls.length;
    },
  });
  return { calls, bank, order };
}

describe("steps", () => {
  test("are values and dates, in the order of settling, then what is pending", async () => {
    const mixed = job({
      name: "mixed",
      async handle(_input, ctx) {
        await ctx.step("load", () => ({ rows: 3 }));
        await ctx.run("boot", boot, { name: "one" });
        await ctx.runAll("boots", boot, [{ name: "a" }, { name: "bb" }]);
        const nap = ctx.sleep("nap", "1h");
        const wait = ctx.waitFor("approval", approved, { timeout: "2h" });
        const retried = ctx.step("flaky", () => Promise.reject(new TypeError("no luck")), {
          retry: { attempts: 2, backoff: () => 60_000 },
        });
        await Promise.all([nap, wait, retried]);
      },
    });
    const queue = queueOf(mixed, boot);
    const { id } = await queue.enqueue(mixed);
    await queue.drain();
    const steps = await queue.steps(id);
    const at = new Date(start);
    const [child] = await queue.enqueued(boot);
    expect(steps.slice(0, 3)).toEqual([
      { name: "load", kind: "step", state: "done", attempts: 1, position: 1, value: { rows: 3 }, at },
      {
        name: "boot",
        kind: "child",
        state: "done",
        attempts: 0,
        position: 2,
        value: { address: "10.0.0.3" },
        run: child?.id,
        at,
      },
      {
        name: "boots",
        kind: "children",
        state: "done",
        attempts: 0,
        position: 3,
        value: [
          { state: "succeeded", output: { address: "10.0.0.1" } },
          { state: "succeeded", output: { address: "10.0.0.2" } },
        ],
        at,
      },
    ]);
    const pending = Object.fromEntries(steps.slice(3).map((step) => [step.name, step]));
    expect(pending).toEqual({
      nap: { name: "nap", kind: "sleep", state: "pending", attempts: 0, due: later("1h"), at },
      approval: {
        name: "approval",
        kind: "signal",
        state: "pending",
        attempts: 0,
        signal: "approved",
        due: later("2h"),
        at,
      },
      flaky: {
        name: "flaky",
        kind: "step",
        state: "pending",
        attempts: 1,
        error: expect.objectContaining({ name: "TypeError", message: "no luck" }),
        due: later("1m"),
        at,
      },
    });
  });

  test("of a run that began anew have nothing of before, and not that it did", async () => {
    const again = job({
      name: "again",
      input: z.number(),
      async handle(round, ctx) {
        await ctx.step(`round ${round}`, () => round);
        return round < 3 ? ctx.restart(round + 1) : "done";
      },
    });
    const queue = queueOf(again);
    const { id } = await queue.enqueue(again, 1);
    await queue.drain();
    expect((await queue.steps(id)).map(({ name, value }) => [name, value])).toEqual([["round 3", 3]]);
  });

  test("of a run that is not there are refused, and of one that has none there are none", async () => {
    const queue = queueOf(boot);
    await expect(queue.steps("00000000-0000-4000-8000-000000000000")).rejects.toThrow(RunNotFoundError);
    const { id } = await queue.enqueue(boot, { name: "a" });
    expect(await queue.steps(id)).toEqual([]);
  });
});

test("children are found by their parents", async () => {
  const parent = job({
    name: "parent",
    handle: (_input, ctx) => ctx.runAll("boots", boot, [{ name: "a" }, { name: "b" }]),
  });
  const queue = queueOf(parent, boot);
  const runs = [await queue.enqueue(parent), await queue.enqueue(parent)];
  await queue.enqueue(boot, { name: "nobody's" });
  await queue.drain();
  expect(await queue.count({ parent: runs[0]?.id ?? "" })).toBe(2);
  expect(await queue.count({ parent: runs.map(({ id }) => id), state: "succeeded" })).toBe(4);
  expect((await queue.list({ parent: runs[1]?.id ?? "" })).runs.map(({ parent: id }) => id)).toEqual([
    runs[1]?.id,
    runs[1]?.id,
  ]);
  // @ts-expect-error: a number is no id
  await expect(queue.count({ parent: 7 })).rejects.toThrow(/parent is 7/);
});

describe("a retry from a step on", () => {
  test("does again what settled from there on, with its children, and remembers what is before", async () => {
    const { calls, bank, order } = orders();
    const queue = queueOf(order, boot);
    const run = await queue.enqueue(order);
    await queue.drain();
    expect(await queue.stats()).toMatchObject({ failed: 1, succeeded: 1 });
    bank.isOpen = true;
    expect(await queue.retry(run.id, { from: "boot" })).toBe(1);
    expect((await queue.steps(run.id)).map(({ name }) => name)).toEqual(["reserve"]);
    expect(await queue.enqueued(boot)).toEqual([]);
    await queue.drain();
    expect(await run.outcome()).toEqual({ state: "succeeded", output: 5 });
    expect(calls).toEqual(["reserve", "pick", "charge", "pick", "charge"]);
    expect(await queue.count({ job: boot })).toBe(1);
  });

  test("forgets nothing of a run that goes on, or has succeeded, and says so", async () => {
    const { bank, order } = orders();
    bank.isOpen = true;
    const queue = queueOf(order, boot);
    const { id } = await queue.enqueue(order);
    await expect(queue.retry(id, { from: "boot" })).rejects.toThrow(NotRetryableError);
    await queue.drain();
    const before = await queue.steps(id);
    await expect(queue.retry(id, { from: "boot" })).rejects.toThrow(/is succeeded.*Nothing of its record/);
    expect(await queue.steps(id)).toEqual(before);
  });

  test("that is cut off after the forgetting leaves a run that failed, which any retry goes on with", async () => {
    const store = sqlite({ file: ":memory:" });
    let isCut = true;
    const cut: Store = new Proxy(store, {
      get: (target, name) =>
        name === "retry" && isCut ? () => Promise.reject(new Error("cut off")) : Reflect.get(target, name),
    });
    const { bank, order } = orders();
    const duckdive = open(cut, { jobs: [order, boot] });
    const run = await duckdive.enqueue(order);
    const failing = duckdive.work();
    expect((await run.outcome()).state).toBe("failed");
    await failing.stop();
    await expect(duckdive.retry(run.id, { from: "pick" })).rejects.toThrow("cut off");
    expect((await run.get()).state).toBe("failed");
    expect((await duckdive.steps(run.id)).map(({ name }) => name)).toEqual(["reserve", "boot"]);
    await expect(duckdive.retry(run.id, { from: "pick" })).rejects.toThrow(
      /Tried again without a step it does what is not on record/,
    );
    isCut = false;
    bank.isOpen = true;
    expect(await duckdive.retry(run.id)).toBe(1);
    duckdive.work();
    expect((await run.outcome()).state).toBe("succeeded");
    await duckdive.close();
  });

  test("of a step that is not on record names the one that was meant, and those that are", async () => {
    const { order } = orders();
    const queue = queueOf(order, boot);
    const { id } = await queue.enqueue(order);
    await queue.drain();
    const before = await queue.steps(id);
    const error = await queue.retry(id, { from: "chrage" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UnknownStepError);
    expect(String(error)).toContain(
      `no step "chrage" on record. Did you mean "charge"? It has on record: "reserve", "boot", "pick", "charge".`,
    );
    expect(await queue.steps(id)).toEqual(before);
    await expect(queue.retry(id, { from: "" })).rejects.toThrow(InvalidOptionError);
    await expect(queue.retry("00000000-0000-4000-8000-000000000000", { from: "a" })).rejects.toThrow(
      RunNotFoundError,
    );
  });
});

describe("explain says what a suspended run waits for:", () => {
  test.each<[what: string, handle: Waiting, said: RegExp]>([
    [
      "a sleep",
      (ctx) => ctx.sleep("let it settle", "3d"),
      /^It waits for time to pass, in "let it settle", which is over in 3d, at 2026-01-05T12:00:00\.000Z\.$/,
    ],
    [
      "a child",
      (ctx) => ctx.run("boot", boot, { name: "slow" }),
      /^It waits for child "boot" \([0-9a-f-]{36}\), which waits itself \(for calls of its own\), asked for at 2026-01-02T12:00:00\.000Z\.$/,
    ],
    [
      "children",
      (ctx) => ctx.runAll("boots", boot, [{ name: "slow" }, { name: "fast" }, { name: "slow" }]),
      /^It waits for 2 children of "boots" to end: "boot" \([^)]+\), which waits itself .*; "boot" \([^)]+\), which waits itself/,
    ],
    [
      "a signal, with the way to send it",
      (ctx) => ctx.waitFor("approval", approved, { timeout: "7d" }),
      /^It waits for signal "approved", in "approval", at the longest in 7d, at .*\. To send it: `duckdive signal [0-9a-f-]{36} approved JSON`\.$/,
    ],
    [
      "a signal without a limit",
      (ctx) => ctx.waitFor("approval", approved),
      /^It waits for signal "approved", in "approval", for as long as that takes\. To send it/,
    ],
    [
      "a step that is tried again",
      (ctx) =>
        ctx.step("charge", () => Promise.reject(new Error("closed")), {
          retry: { attempts: 3, backoff: () => 60_000 },
        }),
      /^It waits for step "charge", which failed 1 time, the last with Error: closed, and is tried again in 1m, at [^,]*\.$/,
    ],
    [
      "a poll",
      (ctx) => ctx.poll("is it there", { every: "5m", timeout: "1h" }, () => undefined),
      /^It waits for an answer to "is it there", which is asked for again in 5m, at [^,]*\.$/,
    ],
    [
      "several at once",
      (ctx) => Promise.race([ctx.sleep("a day", "1d"), ctx.waitFor("approval", approved)]),
      /^It waits for 2 calls: (?=.*time to pass, in "a day")(?=.*signal "approved").*;/,
    ],
  ])("%s", async (_what, handle, said) => {
    const parent = job({ name: "parent", handle: (_input, ctx) => handle(ctx).then(() => {}) });
    const queue = queueOf(parent, boot);
    const { id } = await queue.enqueue(parent);
    await queue.drain();
    expect((await queue.explain(id))[0]).toMatch(said);
  });
});

type Waiting = (ctx: Context) => Promise<unknown>;

function later(time: "1m" | "1h" | "2h"): Date {
  return new Date(new Date(start).getTime() + { "1m": 60_000, "1h": 3_600_000, "2h": 7_200_000 }[time]);
}
