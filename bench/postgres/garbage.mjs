// What a worker allocates for each run that it completes.
import { fill, outcomeOf, start } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.garbage";
export const unit = "bytes/run";
export const rounds = 1;
export const note = "100-byte input, one worker process, 2,000 slots; as V8 samples it";

/** @param {import("../workloads.mjs").Options} options */
export function run({ quick }) {
  const runs = quick ? 10_000 : 100_000;
  return withDatabase(async (url) => {
    await fill(url, runs);
    const { garbage } = await outcomeOf(start("drain", [url, runs, 2_000, "garbage"]));
    return garbage / runs;
  });
}
