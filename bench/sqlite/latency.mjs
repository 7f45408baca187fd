// From the call of enqueue to the start of the handler, worker and caller in one process, at rest. The median.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { nothing, percentile } from "../measure.mjs";

export const name = "sqlite.latency";
export const unit = "ms";
export const note = "median, enqueue to handler, same process, one at a time";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const times = quick ? 20 : 200;
  /** @type {(time: number) => void} */
  let started = () => {};
  const duckdive = open(`sqlite:${join(folder, "bench.db")}`, {
    jobs: [nothing],
    middleware: [
      (_run, next) => {
        started(performance.now());
        return next();
      },
    ],
  });
  await duckdive.work().ready;
  /** @type {number[]} */
  const waits = [];
  for (let count = 0; count < times; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const asked = performance.now();
    const start = new Promise((resolve) => (started = resolve));
    const enqueued = await duckdive.enqueue(nothing);
    waits.push(Number(await start) - asked);
    await enqueued.result();
  }
  await duckdive.close();
  return { value: percentile(waits, 0.5), also: { p99: { value: percentile(waits, 0.99), unit } } };
}
