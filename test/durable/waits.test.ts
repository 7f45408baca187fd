// Waiting by the whole engine: time, signals and polls hold no slot, and end exactly once.
import { expect, test } from "vitest";
import { z } from "zod";
import { job, signal } from "../../src/index.js";
import { testQueue } from "../../src/testing/index.js";

const approved = signal("approved", z.object({ by: z.string() }));

test("a sleep of a night holds no slot, and goes on at its time", async () => {
  const seen: string[] = [];
  const night = job({
    name: "night",
    async handle(_input: undefined, ctx) {
      ctx.defer(() => void seen.push("let go"));
      seen.push("evening");
      await ctx.sleep("a night", "8h");
      seen.push("morning");
      await ctx.until("new year", "2027-01-01T00:00:00Z");
      return "2027";
    },
  });
  await using queue = testQueue({ jobs: [night], now: "2026-12-31T08:00:00Z" });
  const run = await queue.enqueue(night);
  expect(await queue.drain()).toMatchObject({ waiting: 1 });
  expect(seen).toEqual(["evening", "let go"]);
  await queue.advance("7h");
  expect(seen).toEqual(["evening", "let go"]);
  await queue.advance("1h");
  expect(seen).toEqual(["evening", "let go", "evening", "morning", "let go"]);
  await queue.advance("8h");
  expect(await run.result()).toBe("2027");
  expect((await run.get()).attempt).toBe(1);
});

test("a signal that was sent before the wait is delivered once", async () => {
  const greeter = job({
    name: "greeter",
    async handle(_input: undefined, ctx) {
      const first = await ctx.waitFor("first", approved);
      const second = await ctx.waitFor("second", approved, { timeout: "1h" });
      return [first.by, second?.by ?? "nobody"];
    },
  });
  await using queue = testQueue({ jobs: [greeter] });
  const run = await queue.enqueue(greeter);
  const id = crypto.randomUUID();
  await queue.signal(run, approved, { by: "Ada" }, { id });
  await queue.signal(run.id, approved, { by: "Ada again" }, { id });
  await queue.drain();
  await queue.advance("1h");
  expect(await run.result()).toEqual(["Ada", "nobody"]);
});

test("a signal finds the run that waits by its unique key, or waits for the next that gets it", async () => {
  const order = job({
    name: "order",
    input: z.object({ id: z.string() }),
    unique: { by: ({ id }) => id },
    handle: async (_input, ctx) => (await ctx.waitFor("approval", approved)).by,
  });
  await using queue = testQueue({ jobs: [order] });
  const [first, second] = [
    await queue.enqueue(order, { id: "o1" }),
    await queue.enqueue(order, { id: "o2" }),
  ];
  await queue.drain();
  await queue.signal({ job: order, key: "o2" }, approved, { by: "Grace" });
  await queue.signal({ job: order, key: "o3" }, approved, { by: "Barbara" });
  const third = await queue.enqueue(order, { id: "o3" });
  await queue.drain();
  expect(await second.result()).toBe("Grace");
  expect(await third.result()).toBe("Barbara");
  expect((await first.get()).state).toBe("waiting");
});

test("a signal is refused where it could never be taken, and when its payload is not what it says", async () => {
  const brief = job({ name: "brief", handle() {} });
  await using queue = testQueue({ jobs: [brief] });
  const run = await queue.enqueue(brief);
  await expect(queue.signal(run, approved, { by: 7 } as never)).rejects.toMatchObject({
    code: "INVALID_INPUT",
  });
  await expect(queue.signal({ job: brief, key: "x" }, approved, { by: "Ada" })).rejects.toMatchObject({
    code: "INVALID_OPTION",
  });
  await queue.drain();
  await expect(queue.signal(run, approved, { by: "Ada" })).rejects.toMatchObject({ code: "SIGNAL_UNHEARD" });
});

test("a poll asks until it is given something, and gives up after its timeout", async () => {
  let asked = 0;
  const boot = job({
    name: "boot",
    input: z.object({ boots: z.boolean() }),
    handle: ({ boots }, ctx) =>
      ctx.poll("booted", { every: "10s", timeout: "1m" }, () => {
        asked += 1;
        if (asked === 1) throw new Error("connection refused");
        return boots && asked >= 3 ? "10.0.0.1" : undefined;
      }),
  });
  await using queue = testQueue({ jobs: [boot] });
  const up = await queue.enqueue(boot, { boots: true });
  await queue.drain();
  await queue.advance("30s");
  expect(await up.result()).toBe("10.0.0.1");
  expect(asked).toBe(3);
  asked = 0;
  const never = await queue.enqueue(boot, { boots: false });
  await queue.drain();
  await queue.advance("2m");
  expect(await never.get()).toMatchObject({ state: "failed", error: { code: "POLL_TIMEOUT" } });
  expect(asked).toBe(7);
});

test("a race has the same winner in every execution", async () => {
  const winners: string[] = [];
  const race = job({
    name: "race",
    async handle(_input: undefined, ctx) {
      const winner = await Promise.race([
        ctx.waitFor("approval", approved).then(({ by }) => by),
        ctx.sleep("too long", "1h").then(() => "nobody"),
      ]);
      winners.push(winner);
      await ctx.sleep("afterwards", "2h");
      return winner;
    },
  });
  await using queue = testQueue({ jobs: [race] });
  const run = await queue.enqueue(race);
  await queue.drain();
  await queue.advance("30m");
  await queue.signal(run, approved, { by: "Ada" });
  await queue.drain();
  await queue.advance("3h");
  expect(await run.result()).toBe("Ada");
  // The sleep that lost still ends, and wakes the run; it changes nothing.
  expect(new Set(winners)).toEqual(new Set(["Ada"]));
  expect(winners.length).toBeGreaterThan(1);
});
