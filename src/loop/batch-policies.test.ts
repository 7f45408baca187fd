// A handler of many runs beside the other rules of a policy: each run keeps its own place, its own end and its own follower.
import { expect, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { testQueue } from "../testing/index.js";

test("runs of one call hold their locks, keep their limits, and are told of one by one when they fail", async () => {
  const calls: string[][] = [];
  const told: string[] = [];
  const complain = job({
    name: "complain",
    input: z.object({ input: z.object({ to: z.string(), account: z.string() }) }),
    handle: (failure) => void told.push(failure.input.to),
  });
  const send = job({
    name: "send",
    input: z.object({ to: z.string(), account: z.string() }),
    lock: ({ account }) => account,
    concurrency: { limit: 2 },
    retry: { attempts: 1 },
    onFailed: complain,
    batch: { size: 10, wait: "1s" },
    handle(items) {
      calls.push(items.map(({ input }) => input.to));
      return items.map(({ input }) => (input.to === "bad" ? new Error("no such address") : undefined));
    },
  });
  await using queue = testQueue({ jobs: [send, complain] });
  const requests = [
    { to: "a1", account: "a" },
    { to: "a2", account: "a" },
    { to: "bad", account: "b" },
    { to: "c1", account: "c" },
  ];
  const runs = await queue.enqueueMany(send, requests);
  const drained = queue.drain();
  await queue.advance("1m");
  await drained;
  expect((await Promise.all(runs.map((run) => run.get()))).map(({ state }) => state)).toEqual([
    "succeeded",
    "succeeded",
    "failed",
    "succeeded",
  ]);
  expect(calls.flat().sort()).toEqual(["a1", "a2", "bad", "c1"]);
  for (const call of calls) {
    expect(call.length).toBeLessThanOrEqual(2);
    expect(call.includes("a1") && call.includes("a2")).toBe(false);
  }
  expect(told).toEqual(["bad"]);
});
