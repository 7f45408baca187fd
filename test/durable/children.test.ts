// Runs that a handler starts and waits for, by the whole engine: typed, recorded with the wait, ended with their parent.
import { expect, test } from "vitest";
import { z } from "zod";
import { job, RunCancelledError, RunFailedError } from "../../src/index.js";
import { testQueue } from "../../src/testing/index.js";

const once = { attempts: 1 } as const;

const snapshot = job({
  name: "snapshot",
  input: z.object({ shard: z.string() }),
  output: z.object({ bytes: z.number() }),
  retry: once,
  errors: { full: z.object({ free: z.number() }) },
  handle({ shard }, ctx) {
    if (shard === "full") return ctx.fail("full", { free: 7 });
    return { bytes: shard.length };
  },
});

test("a child's output is given to its parent, typed, and the parent holds no slot meanwhile", async () => {
  const replica = job({
    name: "replica",
    async handle(_input: undefined, ctx) {
      const one = await ctx.run("snapshot", snapshot, { shard: "abc" });
      const many = await ctx.runAll("snapshots", snapshot, [{ shard: "a" }, { shard: "ab" }], { atOnce: 1 });
      return one.bytes + many.reduce((sum, { bytes }) => sum + bytes, 0);
    },
  });
  await using queue = testQueue({ jobs: [replica, snapshot] });
  const run = await queue.enqueue(replica);
  await queue.drain();
  expect(await run.result()).toBe(6);
  const children = await queue.enqueued(snapshot);
  expect(children.map(({ state, attempt }) => `${state} ${attempt}`)).toEqual(Array(3).fill("succeeded 1"));
});

test("a child that fails rejects with what it failed of, and not caught fails the parent for good", async () => {
  let executions = 0;
  const careful = job({
    name: "careful",
    async handle(_input: undefined, ctx) {
      try {
        await ctx.run("snapshot", snapshot, { shard: "full" });
      } catch (error) {
        expect(error).toBeInstanceOf(RunFailedError);
        expect(error).toMatchObject({ code: "full", data: { free: 7 } });
        return "no room";
      }
      return "room";
    },
  });
  const careless = job({
    name: "careless",
    handle: (_input: undefined, ctx) => {
      executions += 1;
      return ctx.run("snapshot", snapshot, { shard: "full" });
    },
  });
  await using queue = testQueue({ jobs: [careful, careless, snapshot] });
  const [one, other] = [await queue.enqueue(careful), await queue.enqueue(careless)];
  await queue.drain();
  expect(await one.result()).toBe("no room");
  expect(await other.get()).toMatchObject({ state: "failed", reason: "child" });
  expect(executions).toBe(2);
});

test("of many children the failed ones are thrown, left out, or told", async () => {
  const inputs = [{ shard: "a" }, { shard: "full" }];
  const many = job({
    name: "many",
    async handle(_input: undefined, ctx) {
      const ignored = await ctx.runAll("ignored", snapshot, inputs, { onFailure: "ignore" });
      const collected = await ctx.runAll("collected", snapshot, inputs, { onFailure: "collect" });
      const thrown = await ctx.runAll("thrown", snapshot, inputs).catch((error: Error) => error.name);
      return {
        ignored: ignored.map((one) => one ?? null),
        collected: collected.map(({ state }) => state),
        thrown,
      };
    },
  });
  await using queue = testQueue({ jobs: [many, snapshot] });
  const run = await queue.enqueue(many);
  await queue.drain();
  expect(await run.result()).toEqual({
    ignored: [{ bytes: 1 }, null],
    collected: ["succeeded", "failed"],
    thrown: "RunFailedError",
  });
});

test("a cancelled parent takes its whole tree with it", async () => {
  const leaf = job({ name: "leaf", handle: (_input: undefined, ctx) => ctx.sleep("for ever", "300d") });
  const branch = job({ name: "branch", handle: (_input: undefined, ctx) => ctx.run("leaf", leaf) });
  const root = job({
    name: "root",
    handle: async (_input: undefined, ctx) => {
      await Promise.all([
        ctx.run("branch", branch),
        ctx.run("stays", leaf, undefined, { onParentEnd: "leave" }),
      ]);
    },
  });
  await using queue = testQueue({ jobs: [root, branch, leaf] });
  const run = await queue.enqueue(root);
  await queue.drain();
  await queue.cancel(run.id, "no longer wanted");
  await queue.drain();
  const [inTree, left] = await queue.enqueued(leaf);
  expect((await run.get()).state).toBe("cancelled");
  expect((await queue.enqueued(branch))[0]?.state).toBe("cancelled");
  expect([inTree?.state, left?.state].toSorted()).toEqual(["cancelled", "waiting"]);
});

test("a child that is cancelled rejects as cancelled", async () => {
  const leaf = job({ name: "leaf", handle: (_input: undefined, ctx) => ctx.sleep("for ever", "300d") });
  const root = job({
    name: "root",
    handle: (_input: undefined, ctx) =>
      ctx.run("leaf", leaf).then(
        () => "ended",
        (error: unknown) => (error instanceof RunCancelledError ? error.reason : "another error"),
      ),
  });
  await using queue = testQueue({ jobs: [root, leaf] });
  const run = await queue.enqueue(root);
  await queue.drain();
  const [child] = await queue.enqueued(leaf);
  await queue.cancel(child?.id ?? "", "not needed");
  await queue.drain();
  expect(await run.result()).toBe("not needed");
});

test("a parent of 10,000 children is told once, by the last", async () => {
  let executions = 0;
  const leaf = job({ name: "leaf", input: z.number(), handle: (number) => number });
  const fan = job({
    name: "fan",
    async handle(_input: undefined, ctx) {
      executions += 1;
      const numbers = await ctx.runAll(
        "leaves",
        leaf,
        Array.from({ length: 10_000 }, (_none, number) => number),
      );
      return numbers.reduce((sum, number) => sum + number, 0);
    },
  });
  await using queue = testQueue({ jobs: [fan, leaf], most: 20_000 });
  const run = await queue.enqueue(fan);
  await queue.drain();
  expect(await run.result()).toBe((10_000 * 9_999) / 2);
  expect(executions).toBe(2);
}, 60_000);

test("children work under the locks of their parents, however deep, and others wait for those", async () => {
  const seen: string[] = [];
  const server = {
    input: z.object({ server: z.string() }),
    lock: ({ server: name }: { server: string }) => name,
  };
  const stop = job({ name: "stop", ...server, handle: () => void seen.push("stop") });
  const between = job({
    name: "between",
    input: z.object({ server: z.string() }),
    handle: async (input, ctx) => {
      await ctx.run("stop", stop, input);
    },
  });
  const replace = job({
    name: "replace",
    ...server,
    async handle(input, ctx) {
      seen.push("replace");
      await ctx.run("between", between, input);
      await ctx.sleep("cool", "1h");
      seen.push("replaced");
    },
  });
  const other = job({ name: "other", ...server, handle: () => void seen.push("other") });
  await using queue = testQueue({ jobs: [replace, between, stop, other] });
  await queue.enqueue(replace, { server: "a" });
  await queue.enqueue(other, { server: "a" }, { delay: "1s" });
  await queue.drain();
  await queue.advance("30m");
  expect(seen).toEqual(["replace", "stop", "replace"]);
  await queue.advance("1h");
  expect(seen.slice(3)).toEqual(["replace", "replaced", "other"]);
});
