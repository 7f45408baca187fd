// Steps by the whole engine: done once, retried at the step, remembered whatever comes after.
import { expect, test } from "vitest";
import { z } from "zod";
import { job, StepFailedError } from "../../src/index.js";
import { testQueue } from "../../src/testing/index.js";

const soon = { attempts: 3, backoff: { kind: "fixed", base: 1_000, jitter: 0 } } as const;

test("a step is done once, whatever fails after it, and is given a key that stays the same", async () => {
  const keys: string[] = [];
  let failures = 2;
  const pay = job({
    name: "pay",
    retry: soon,
    async handle(_input: undefined, ctx) {
      const receipt = await ctx.step("charge", ({ key, attempt }) => {
        keys.push(`${key} ${attempt}`);
        return { at: new Date(0), cents: 500 };
      });
      if (failures-- > 0) throw new Error("the mail server is away");
      return receipt;
    },
  });
  await using queue = testQueue({ jobs: [pay] });
  const run = await queue.enqueue(pay);
  await queue.drain();
  await queue.advance("1m");
  expect(await run.result()).toEqual({ at: "1970-01-01T00:00:00.000Z", cents: 500 });
  expect(keys).toHaveLength(1);
});

test("a failing step is tried again by itself: what was done beside it is not done again", async () => {
  const done: string[] = [];
  let failures = 2;
  const both = job({
    name: "both",
    async handle(_input: undefined, ctx) {
      await Promise.all([
        ctx.step("steady", () => void done.push("steady")),
        ctx.step(
          "shaky",
          ({ attempt }) => {
            done.push(`shaky ${attempt}`);
            if (failures-- > 0) throw new Error("not yet");
          },
          { retry: soon },
        ),
      ]);
    },
  });
  await using queue = testQueue({ jobs: [both] });
  const run = await queue.enqueue(both);
  expect((await queue.drain()).left[0]).toMatchObject({ state: "waiting", waiting: { reason: "entries" } });
  await queue.advance("10s");
  await run.result();
  expect(done).toEqual(["steady", "shaky 1", "shaky 2", "shaky 3"]);
  // A wait at a step uses no attempt of the run.
  expect((await run.get()).attempt).toBe(1);
});

test("a step that has failed for good is given as data, and compensated for by a plain catch", async () => {
  const done: string[] = [];
  const order = job({
    name: "order",
    async handle(_input: undefined, ctx) {
      await ctx.step("reserve", () => void done.push("reserve"));
      try {
        await ctx.step(
          "charge",
          () => {
            done.push("charge");
            throw Object.assign(new Error("declined"), { code: "DECLINED" });
          },
          { retry: soon },
        );
      } catch (error) {
        expect(error).toBeInstanceOf(StepFailedError);
        expect(error).toMatchObject({ step: "charge", code: "DECLINED", error: { message: "declined" } });
        await ctx.step("release", () => void done.push("release"));
        await ctx.sleep("a while", "1h");
        return "released";
      }
      return "charged";
    },
  });
  await using queue = testQueue({ jobs: [order] });
  const run = await queue.enqueue(order);
  await queue.drain();
  await queue.advance("2h");
  expect(await run.result()).toBe("released");
  expect(done).toEqual(["reserve", "charge", "charge", "charge", "release"]);
});

test("a step that has failed for good and is not caught fails the run: another execution would be given the same", async () => {
  let executions = 0;
  const doomed = job({
    name: "doomed",
    retry: soon,
    async handle(_input: undefined, ctx) {
      executions += 1;
      await ctx.step("charge", () => Promise.reject(new Error("declined")), {
        retry: { ...soon, attempts: 1 },
      });
    },
  });
  await using queue = testQueue({ jobs: [doomed] });
  const run = await queue.enqueue(doomed);
  await queue.drain();
  expect(await run.get()).toMatchObject({
    state: "failed",
    reason: "step",
    error: { code: "STEP_FAILED", message: 'Step "charge" failed: declined' },
  });
  expect(executions).toBe(1);
  // Tried again by hand, what failed is done again.
  await run.retry();
  await queue.drain();
  expect(executions).toBe(2);
});

test("a step past its timeout has its signal aborted, and has failed", async () => {
  let aborted: unknown;
  const slow = job({
    name: "slow",
    async handle(_input: undefined, ctx) {
      await ctx.step(
        "hangs",
        ({ signal }) =>
          new Promise<void>((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              aborted = signal.reason;
              reject(signal.reason);
            });
          }),
        { timeout: "5s", retry: { ...soon, attempts: 1 } },
      );
    },
  });
  await using queue = testQueue({ jobs: [slow] });
  const run = await queue.enqueue(slow);
  const drained = queue.drain();
  await queue.advance("6s");
  await drained;
  expect(await run.get()).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
  expect(aborted).toMatchObject({ name: "TimeoutError" });
});

test("names under a scope are apart from those outside of it", async () => {
  const made: string[] = [];
  const shards = job({
    name: "shards",
    input: z.object({ names: z.array(z.string()) }),
    async handle({ names }, ctx) {
      for (const name of names) {
        const shard = ctx.scope(name);
        await shard.step("snapshot", () => void made.push(`${name} snapshot`));
        await shard.sleep("cool", "1s");
        await shard.step("verify", () => void made.push(`${name} verify`));
      }
    },
  });
  await using queue = testQueue({ jobs: [shards] });
  const run = await queue.enqueue(shards, { names: ["a", "b"] });
  await queue.drain();
  await queue.advance("1m");
  await run.result();
  expect(made).toEqual(["a snapshot", "a verify", "b snapshot", "b verify"]);
});

test("a run of 10,000 steps works, and is replayed without doing one again", async () => {
  let done = 0;
  const long = job({
    name: "long",
    async handle(_input: undefined, ctx) {
      const parts = Array.from({ length: 10_000 }, (_none, number) =>
        ctx.step(`part ${number}`, () => {
          done += 1;
        }),
      );
      await Promise.all(parts);
      await ctx.sleep("pause", "1s");
      return done;
    },
  });
  await using queue = testQueue({ jobs: [long] });
  const run = await queue.enqueue(long);
  await queue.drain();
  await queue.advance("1s");
  expect(await run.result()).toBe(10_000);
}, 30_000);

test("a name is used once in an execution, and not inside of another step", async () => {
  const twice = job({
    name: "twice",
    retry: { ...soon, attempts: 1 },
    async handle(_input: undefined, ctx) {
      await ctx.step("a", () => 1);
      await ctx.step("a", () => 2);
    },
  });
  const nested = job({
    name: "nested",
    retry: { ...soon, attempts: 1 },
    handle: (_input: undefined, ctx) =>
      ctx.step("outer", async () => void (await ctx.step("inner", () => 1))),
  });
  await using queue = testQueue({ jobs: [twice, nested] });
  const runs = [await queue.enqueue(twice), await queue.enqueue(nested)];
  await queue.drain();
  const errors = await Promise.all(runs.map(async (run) => (await run.get()).error?.code));
  expect(errors).toEqual(["STEP_NAME_TWICE", "NESTED_STEP"]);
});

test("code that has changed meanwhile is told which call it left out, and goes on once it has it again", async () => {
  let version = 1;
  const changing = job({
    name: "changing",
    retry: { attempts: 5, backoff: { kind: "fixed", base: 60_000, jitter: 0 } },
    async handle(_input: undefined, ctx) {
      if (version === 1) await ctx.step("old", () => "old");
      if (version === 3 && !ctx.patched("without old")) await ctx.step("old", () => "old");
      const greets = version === 3 && ctx.patched("greets");
      await ctx.sleep("a night", "8h");
      return greets ? "greeted" : "as before";
    },
  });
  await using queue = testQueue({ jobs: [changing] });
  const run = await queue.enqueue(changing);
  await queue.drain();
  version = 2;
  await queue.advance("8h");
  expect(await run.get()).toMatchObject({ state: "scheduled", error: { code: "HISTORY_MISMATCH" } });
  expect((await run.get()).error?.message).toMatch(/"old".*ctx\.patched/);
  version = 3;
  await queue.advance("1m");
  // It had been past these points before they were patched, and goes on as it did.
  expect(await run.result()).toBe("as before");
  const late = await queue.enqueue(changing);
  await queue.drain();
  await queue.advance("8h");
  expect(await late.result()).toBe("greeted");
});

test("work without an end begins anew with an empty record, as the same run", async () => {
  const keys = new Set<string>();
  const feed = job({
    name: "feed",
    input: z.object({ page: z.number() }),
    async handle({ page }, ctx) {
      await ctx.step("read", ({ key }) => void keys.add(key));
      const [one] = await ctx.runAll("index", index, [page]);
      await ctx.enqueue("detached", index, page);
      await ctx.sleep("pause", "1m");
      return page < 3 ? ctx.restart({ page: page + 1 }) : `${one} pages`;
    },
  });
  const index = job({ name: "index", input: z.number(), handle: (page) => page });
  await using queue = testQueue({ jobs: [feed, index] });
  const run = await queue.enqueue(feed, { page: 1 });
  await queue.drain();
  await queue.advance("10m");
  expect(await run.result()).toBe("3 pages");
  expect(await run.get()).toMatchObject({ id: run.id, input: { page: 3 }, attempt: 1 });
  expect(keys.size).toBe(3);
  expect((await queue.enqueued(index)).map(({ input }) => input)).toEqual([1, 1, 2, 2, 3, 3]);
  expect((await queue.timeline(run.id)).events.filter(({ kind }) => kind === "restarted")).toHaveLength(2);
});

test("a run begins anew only with an input that its job accepts", async () => {
  const feed = job({
    name: "feed",
    input: z.object({ page: z.number() }),
    retry: { ...soon, attempts: 1 },
    handle: (_input, ctx) => ctx.restart({ page: "two" }),
  });
  await using queue = testQueue({ jobs: [feed] });
  const run = await queue.enqueue(feed, { page: 1 });
  await queue.drain();
  expect(await run.get()).toMatchObject({ state: "failed", error: { code: "INVALID_INPUT" } });
});
