// Many runs in one call: 1,000 a commit.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { nothing } from "../measure.mjs";

export const name = "sqlite.enqueueMany";
export const unit = "runs/s";
export const note = "1,000 a call";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const calls = quick ? 10 : 150;
  const duckdive = open(`sqlite:${join(folder, "bench.db")}`);
  await duckdive.ready();
  const inputs = Array.from({ length: 1_000 }, () => undefined);
  const start = performance.now();
  for (let count = 0; count < calls; count += 1) await duckdive.enqueueMany(nothing, inputs);
  const seconds = (performance.now() - start) / 1000;
  await duckdive.close();
  return (calls * inputs.length) / seconds;
}
