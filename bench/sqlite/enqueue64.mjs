// 64 callers, each awaiting its own durable enqueue before it asks for the next: all together, a second.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { nothing, together } from "../measure.mjs";

export const name = "sqlite.enqueue64";
export const unit = "runs/s";
export const note = "64 callers, single enqueues, each durable before it resolves";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const duckdive = open(`sqlite:${join(folder, "bench.db")}`);
  await duckdive.ready();
  const { rate, p50, p99 } = await together(64, quick ? 100 : 1_500, () => duckdive.enqueue(nothing));
  await duckdive.close();
  return { value: rate, also: { p50: { value: p50, unit: "ms" }, p99: { value: p99, unit: "ms" } } };
}
