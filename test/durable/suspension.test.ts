// What it means to be suspended: a handler is left where it is, lets go of all it held, and another execution goes on.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { job } from "../../src/index.js";
import { testQueue } from "../../src/testing/index.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("no catch and no finally runs because a run went to sleep, and its signal is not aborted", async () => {
  const seen: string[] = [];
  const careful = job({
    name: "careful",
    async handle(_input: undefined, ctx) {
      ctx.signal.addEventListener("abort", () => seen.push("aborted"));
      try {
        await ctx.sleep("a night", "8h");
        seen.push("morning");
      } catch {
        seen.push("compensated");
      } finally {
        seen.push("finally");
      }
    },
  });
  await using queue = testQueue({ jobs: [careful] });
  await queue.enqueue(careful);
  await queue.drain();
  expect(seen).toEqual([]);
  await queue.advance("8h");
  expect(seen).toEqual(["morning", "finally"]);
});

test("middleware sees an execution that is suspended end, and each later one", async () => {
  const seen: string[] = [];
  const night = job({ name: "night", handle: (_input: undefined, ctx) => ctx.sleep("a night", "8h") });
  await using queue = testQueue({
    jobs: [night],
    middleware: [
      {
        async execute(_run, next) {
          seen.push("begins");
          await next();
          seen.push("ends");
        },
      },
    ],
  });
  await queue.enqueue(night);
  await queue.drain();
  expect(seen).toEqual(["begins", "ends"]);
  await queue.advance("8h");
  expect(seen).toEqual(["begins", "ends", "begins", "ends"]);
});

test("a handler that went on after it was suspended is told of, and changes nothing", async () => {
  const errors: unknown[] = [];
  let answer: () => void = () => {};
  let executions = 0;
  const racing = job({
    name: "racing",
    async handle(_input: undefined, ctx) {
      executions += 1;
      const foreign = new Promise<string>((resolve) => {
        answer = () => resolve("foreign");
      });
      const winner = await Promise.race([foreign, ctx.sleep("long", "1h").then(() => "slept")]);
      await ctx.step("after", () => winner);
      return winner;
    },
  });
  await using queue = testQueue({ jobs: [racing] });
  queue.on("error", ({ error }) => errors.push(error));
  const run = await queue.enqueue(racing);
  await queue.drain();
  answer();
  await queue.drain();
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({
    code: "FOREIGN_AWAIT",
    message: expect.stringMatching(/ctx\.step "after".*ctx\.step/s),
  });
  expect((await run.get()).state).toBe("waiting");
  await queue.advance("1h");
  expect(await run.result()).toBe("slept");
  expect(executions).toBe(2);
});

test("a suspended handler is let go with all that it held", async () => {
  const held: WeakRef<object>[] = [];
  const heavy = job({
    name: "heavy",
    async handle(_input: undefined, ctx) {
      const ballast = { bytes: new Uint8Array(100_000) };
      held.push(new WeakRef(ballast));
      await Promise.race([ctx.sleep("a night", "8h"), ctx.sleep("a day", "1d").catch(() => {})]);
      return ballast.bytes.length;
    },
  });
  await using queue = testQueue({ jobs: [heavy] });
  await queue.enqueueMany(heavy, Array.from({ length: 200 }, () => undefined) as never);
  await queue.drain();
  expect(held).toHaveLength(200);
  // A weak reference that was read holds until the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(held.filter((reference) => reference.deref() !== undefined).length).toBeLessThan(5);
});
