// From the call of enqueue in one process to the start of the handler in another one, at rest. The median.
import { join } from "node:path";
import { latencyAcross } from "../measure.mjs";

export const name = "sqlite.latency.across";
export const unit = "ms";
export const note =
  "median, enqueue to handler, worker in another process, one at a time; .result: until the caller has its result";

/** @param {import("../run.mjs").Options} options */
export function run({ quick, folder }) {
  return latencyAcross(`sqlite:${join(folder, "bench.db")}`, quick ? 10 : 100);
}
