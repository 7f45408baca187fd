// 64 callers, each awaiting its own durable enqueue before it asks for the next: all together, a second.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { nothing, percentile } from "../measure.mjs";

export const name = "sqlite.enqueue64";
export const unit = "runs/s";
export const note = "64 callers, single enqueues, each durable before it resolves";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const each = quick ? 100 : 1_500;
  const duckdive = open(`sqlite:${join(folder, "bench.db")}`);
  await duckdive.ready();
  /** @type {number[]} */
  const waits = [];
  const caller = async () => {
    for (let count = 0; count < each; count += 1) {
      const asked = performance.now();
      await duckdive.enqueue(nothing);
      waits.push(performance.now() - asked);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: 64 }, caller));
  const seconds = (performance.now() - start) / 1000;
  await duckdive.close();
  return {
    value: (64 * each) / seconds,
    also: {
      p50: { value: percentile(waits, 0.5), unit: "ms" },
      p99: { value: percentile(waits, 0.99), unit: "ms" },
    },
  };
}
