// An exploration tells which promises of its own a handler waited for when it was suspended, before they ever win.
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Context, job } from "../../src/job/index.js";
import { explore, type Report } from "../../src/testing/index.js";

/** What is seen beside a sleep of a handler. */
function explored(handle: (ctx: Context) => Promise<void>): Promise<Report> {
  const sleeper = () => job({ name: "sleeper", handle: (_input: undefined, ctx) => handle(ctx) });
  return explore(sleeper(), undefined, { world: () => ({}), jobs: () => [sleeper()], observe: () => 0 });
}

function answer(): Promise<void> {
  return new Promise(() => {});
}

test("a promise that is raced with a sleep is told with the line that made it, and is no fault", async () => {
  const report = await explored(async (ctx) => {
    await Promise.race([answer(), ctx.sleep("a moment", "1s")]);
  });
  expect(report.foreign).toEqual([
    { job: "sleeper", stack: expect.stringMatching(/^at answer \(.*foreign\.test\.ts:\d+:\d+\)/) },
  ]);
  expect(report.ok).toBe(true);
  expect(String(report)).toMatch(
    /idempotent: .*\n\nThe handler of job "sleeper" was suspended while it waited/,
  );
});

test("so is one that a library made for it", async () => {
  const report = await explored(async (ctx) => {
    await Promise.race([pause(60_000, undefined, { ref: false }), ctx.sleep("a moment", "1s")]);
  });
  expect(report.foreign.map(({ stack }) => stack)).toEqual([expect.stringContaining("foreign.test.ts")]);
});

test("what duckdive knows of is not: waits, scopes, steps and what they wait for, nor what was over before", async () => {
  const report = await explored(async (ctx) => {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const late = ctx.step("late", () => new Promise<void>((resolve) => setImmediate(resolve)));
    await Promise.all([ctx.scope("part").sleep("a moment", "1s"), late]);
  });
  expect(report.foreign).toEqual([]);
});
