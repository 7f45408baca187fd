// What it costs to run a handler in an isolate that is warm: a run that does nothing there, less one that does nothing in
// the worker itself. From enqueue to its result, one at a time, each kind in turn, so that what slows the machine slows all.
//
// Beside it what a start takes, which warm isolates hide: from a worker's start to the end of the first run in an isolate.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { inline, inProcess, thread } from "../isolated.mjs";
import { percentile } from "../measure.mjs";

export const name = "sqlite.isolate";
export const unit = "ms";
export const note = "median of a run that does nothing in a warm thread, less one in the worker itself";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const times = quick ? 50 : 500;
  const kinds = /** @type {const} */ ([inline, thread, inProcess]);
  const duckdive = open(`sqlite:${join(folder, "bench.db")}`, { jobs: kinds });
  await duckdive.work().ready;
  /** @param {import("../../dist/index.js").Job<string, undefined, undefined, void, {}, unknown>} job */
  const once = async (job) => {
    const asked = performance.now();
    await (await duckdive.enqueue(job)).result();
    return performance.now() - asked;
  };
  for (let count = 0; count < 20; count += 1) for (const kind of kinds) await once(kind);
  /** @type {number[][]} */
  const waits = kinds.map(() => []);
  for (let count = 0; count < times; count += 1) {
    for (const [place, kind] of kinds.entries()) waits[place]?.push(await once(kind));
  }
  await duckdive.close();
  const [own = 0, inThread = 0, apart = 0] = waits.map((all) => percentile(all, 0.5));
  const starts = { thread: await startOf(folder, thread), process: await startOf(folder, inProcess) };
  return {
    value: inThread - own,
    also: {
      inline: { value: own, unit },
      process: { value: apart - own, unit },
      "start.thread": { value: starts.thread, unit },
      "start.process": { value: starts.process, unit },
    },
  };
}

/** @param {string} folder @param {import("../../dist/index.js").Job<string, undefined, undefined, void, {}, unknown>} job */
async function startOf(folder, job) {
  const duckdive = open(`sqlite:${join(folder, "bench.db")}`, { jobs: [job] });
  await duckdive.ready();
  const run = await duckdive.enqueue(job);
  const began = performance.now();
  duckdive.work();
  await run.result();
  const took = performance.now() - began;
  await duckdive.close();
  return took;
}
