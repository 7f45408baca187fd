// From the call of enqueue in one process to the start of the handler in another one, at rest. The median.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { answerOf, end, nothing, percentile, start } from "../measure.mjs";

export const name = "sqlite.latency.across";
export const unit = "ms";
export const note =
  "median, enqueue to handler, worker in another process, one at a time; .result: until the caller has its result";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const times = quick ? 10 : 100;
  const store = `sqlite:${join(folder, "bench.db")}`;
  const duckdive = open(store);
  await duckdive.ready();
  const worker = start("work", [store]);
  await answerOf(worker);
  /** @type {number[]} */
  const waits = [];
  /** @type {number[]} */
  const results = [];
  for (let count = 0; count < times; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const asked = performance.timeOrigin + performance.now();
    const [enqueued, { exactly }] = await Promise.all([duckdive.enqueue(nothing), answerOf(worker)]);
    waits.push(exactly - asked);
    await enqueued.result();
    results.push(performance.timeOrigin + performance.now() - asked);
  }
  await end(worker);
  await duckdive.close();
  return {
    value: percentile(waits, 0.5),
    also: {
      p99: { value: percentile(waits, 0.99), unit },
      result: { value: percentile(results, 0.5), unit },
    },
  };
}
