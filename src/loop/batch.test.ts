// Handlers that are given many runs at once: who goes together and when, what becomes of each, and whose slot they take.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, memory } from "../../test/engine.js";
import { type BatchRule, job } from "../job/index.js";

const input = z.object({ n: z.number(), to: z.string().default("all") });
type Input = z.output<typeof input>;

/** A job that writes down what it was called with. */
function collecting(batch: BatchRule<Input>) {
  const calls: number[][] = [];
  const made = job({
    name: "collect",
    input,
    batch,
    handle: (items) => void calls.push(items.map((item) => item.input.n)),
  });
  return { made, calls };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));

describe("a group", () => {
  test("gives a hundred runs to the handler in one call, and takes one slot", async () => {
    const { made, calls } = collecting({ size: 100, wait: "1h" });
    const base = memory();
    const { store, calls: verbs } = counting(base.store);
    const { duckdive, work } = engine([made], { store, clock: base.clock });
    await duckdive.enqueueMany(made, numbers(100));
    await work({ queues: { "*": 2 } }).idle();
    expect(calls).toEqual([numbers(100).map(({ n }) => n)]);
    expect(await duckdive.stats()).toMatchObject({ succeeded: 100 });
    expect(verbs.get("settle")).toBe(1);
    expect(verbs.get("claim")).toBeLessThanOrEqual(10);
  });
});
