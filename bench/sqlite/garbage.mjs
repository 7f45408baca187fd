// What a worker allocates for each run that it completes.
import { join } from "node:path";
import { fill, outcomeOf, start } from "../measure.mjs";

export const name = "sqlite.garbage";
export const unit = "bytes/run";
export const rounds = 1;
export const note = "100-byte input, one worker process, 1,000 slots; as V8 samples it";

/** @param {import("../workloads.mjs").Options} options */
export async function run({ quick, folder }) {
  const runs = quick ? 10_000 : 100_000;
  const store = `sqlite:${join(folder, "bench.db")}`;
  await fill(store, runs);
  const { garbage } = await outcomeOf(start("drain", [store, runs, 1_000, "garbage"]));
  return garbage / runs;
}
