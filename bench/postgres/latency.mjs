// From the call of enqueue in one process to the start of the handler in another one, at rest. The median.
import { latencyAcross } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.latency";
export const unit = "ms";
export const note =
  "median, enqueue to handler, worker in another process, one at a time; .result: until the caller has its result";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  return withDatabase((url) => latencyAcross(url, quick ? 10 : 200));
}
