// Inputs that grow older, by the whole engine: runs of an old release, executed by a new one.
import { expect, test } from "vitest";
import { z } from "zod";
import { type AnyJob, job } from "../../src/index.js";
import { engine, memory } from "../engine.js";

const v1 = z.object({ name: z.string() });
const v2 = z.object({ first: z.string() });
const toSecond = { 1: (old: { name: string }) => ({ first: old.name }) };

/** What an old release has recorded, and the engine of a new one on the same store. */
async function deployed(
  fresh: readonly AnyJob[],
  record: (old: ReturnType<typeof engine>) => Promise<string>,
) {
  const base = memory();
  const old = engine([job({ name: "greet", input: v1, handle() {} })], base);
  const id = await record(old);
  return { id, base, ...engine(fresh, base) };
}

const asked = async ({ duckdive }: ReturnType<typeof engine>): Promise<string> =>
  (await duckdive.enqueue(job({ name: "greet", input: v1 }), { name: "Ada" })).id;

test("a run of an older version is given to the handler as the new version takes it, and stays as it was recorded", async () => {
  const seen: unknown[] = [];
  const greet = job({
    name: "greet",
    version: 2,
    upgrade: toSecond,
    input: v2,
    handle: (input) => void seen.push(input),
  });
  const { id, work, duckdive } = await deployed([greet], asked);
  await work().idle();
  expect(seen).toEqual([{ first: "Ada" }]);
  expect(await duckdive.get(id)).toMatchObject({ state: "succeeded", version: 1, input: { name: "Ada" } });
});

test("runs of several versions are given together, each converted from its own", async () => {
  const seen: unknown[] = [];
  const greet = job({
    name: "greet",
    version: 2,
    upgrade: toSecond,
    input: v2,
    batch: { size: 10, by: "first" },
    handle: (items) => void seen.push(items.map((item) => item.input)),
  });
  const { work, duckdive } = await deployed([greet], asked);
  await duckdive.enqueue(greet, { first: "Ada" });
  await work().idle();
  expect(seen).toEqual([[{ first: "Ada" }, { first: "Ada" }]]);
});

test("a wrong upgrade fails the run without an attempt and keeps the input, so that a retry after the next deploy does it", async () => {
  const wrong = job({
    name: "greet",
    version: 2,
    upgrade: { 1: () => ({ last: "?" }) },
    input: v2,
    handle() {},
  });
  const { id, base, ...broken } = await deployed([wrong], asked);
  const worker = broken.work();
  await worker.idle();
  await worker.stop();
  const failed = await broken.duckdive.get(id);
  expect(failed).toMatchObject({
    state: "failed",
    reason: "invalid-input",
    attempt: 0,
    version: 1,
    input: { name: "Ada" },
    error: { name: "UpgradeError", code: "UPGRADE_FAILED" },
  });
  const seen: unknown[] = [];
  const right = job({
    name: "greet",
    version: 2,
    upgrade: toSecond,
    input: v2,
    handle: (input) => void seen.push(input),
  });
  const mended = engine([right], base);
  expect(await mended.duckdive.retry({ error: "UPGRADE_FAILED" })).toBe(1);
  await mended.work().idle();
  expect(seen).toEqual([{ first: "Ada" }]);
  expect(await mended.duckdive.get(id)).toMatchObject({ state: "succeeded", attempt: 1 });
});

test("a run under way goes on with its steps on record and its input converted", async () => {
  const done: string[] = [];
  const first = job({
    name: "greet",
    input: v1,
    async handle({ name }, ctx) {
      await ctx.step("look up", () => void done.push(`looked up ${name}`));
      await ctx.sleep("rest", "1h");
    },
  });
  const second = job({
    name: "greet",
    version: 2,
    upgrade: toSecond,
    input: v2,
    async handle({ first: name }, ctx) {
      await ctx.step("look up", () => void done.push("looked up again"));
      await ctx.sleep("rest", "1h");
      done.push(`greeted ${name}`);
    },
  });
  const base = memory();
  const old = engine([first], base);
  await old.duckdive.enqueue(first, { name: "Ada" });
  const worker = old.work();
  await worker.idle();
  await worker.stop();
  await base.clock.advance(3_600_000);
  await engine([second], base).work().idle();
  expect(done).toEqual(["looked up Ada", "greeted Ada"]);
});

test("a run that begins anew is of the version that gave its new input, and is not converted twice", async () => {
  const seen: unknown[] = [];
  const greet = job({
    name: "greet",
    version: 2,
    upgrade: toSecond,
    input: v2,
    handle(input, ctx) {
      seen.push(input);
      return seen.length === 1 ? ctx.restart({ first: `${input.first} again` }) : undefined;
    },
  });
  const { id, work, duckdive } = await deployed([greet], asked);
  await work().idle();
  expect(seen).toEqual([{ first: "Ada" }, { first: "Ada again" }]);
  expect(await duckdive.get(id)).toMatchObject({ state: "succeeded", version: 2 });
});

test("a request that replaces the input of a run gives it its version as well", async () => {
  const seen: unknown[] = [];
  const unique = { by: () => "one", onConflict: { replace: ["input" as const] } };
  const greet = job({
    name: "greet",
    version: 2,
    upgrade: toSecond,
    input: v2,
    unique,
    handle: (input) => void seen.push(input),
  });
  const { id, work, duckdive } = await deployed([greet], async ({ duckdive }) => {
    return (
      await duckdive.enqueue(job({ name: "greet", input: v1, unique }), { name: "Ada" }, { delay: "1s" })
    ).id;
  });
  const again = await duckdive.enqueue(greet, { first: "Grace" });
  expect(again).toMatchObject({ id, created: false });
  await duckdive.change(id, { runAt: new Date(0) });
  await work().idle();
  expect(seen).toEqual([{ first: "Grace" }]);
});

test("a schedule that was made at run time ticks with its input converted", async () => {
  const seen: unknown[] = [];
  const greet = job({
    name: "greet",
    version: 2,
    upgrade: toSecond,
    input: v2,
    handle: (input) => void seen.push(input),
  });
  const { base, work } = await deployed([greet], async ({ duckdive }) => {
    await duckdive
      .schedule("hourly")
      .create(job({ name: "greet", input: v1 }), { every: "1h", input: { name: "Ada" } });
    return "";
  });
  const worker = work();
  await worker.ready;
  await base.clock.advance(3_600_000);
  await worker.idle();
  expect(seen).toEqual([{ first: "Ada" }]);
});
