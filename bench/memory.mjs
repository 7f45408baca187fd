// What a run takes of its worker's memory while it runs: a worker that is full, less the same worker with nothing to do.
import { outcomeOf, start } from "./measure.mjs";

export const unit = "MB";
export const note =
  "resident memory for each 1,000 running, handlers that wait from 1 ms to 10 s; full: 10,000 at the same time; .heap: of the heap of " +
  "JavaScript; .idle: the worker's process with nothing to do";

/**
 * @param {string} store
 * @param {boolean} quick
 */
export async function memory(store, quick) {
  const [slots, seconds] = quick ? [2_000, 2] : [10_000, 20];
  const { running, rss, heap, idle } = await outcomeOf(
    start("memory", [store, slots, seconds], ["--expose-gc"]),
  );
  const megabytes = (/** @type {number} */ bytes) => bytes / 2 ** 20;
  const share = running / 1_000;
  return {
    value: megabytes(rss) / share,
    also: {
      heap: { value: megabytes(heap) / share, unit },
      idle: { value: megabytes(idle), unit },
      running: { value: running, unit: "runs" },
    },
  };
}
