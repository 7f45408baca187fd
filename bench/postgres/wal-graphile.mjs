// The same by graphile-worker.
import { graphile } from "../graphile.mjs";
import { walOf, withDatabase } from "../server.mjs";

export const name = "peer.graphile.wal";
export const unit = "bytes/run";
export const rounds = 1;
export const peerOf = "postgres.wal";
export const note = "100-byte payload, addJobs of 1,000, drained with a local queue of 2,000, rows deleted";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const jobs = quick ? 5_000 : 50_000;
  return withDatabase(async (url) => {
    await graphile("bulk", url, 1_000);
    await graphile("drain", url, 1_000);
    const add = await walOf(() => graphile("bulk", url, jobs));
    const drain = await walOf(() => graphile("drain", url, jobs));
    return {
      value: (add + drain) / jobs,
      also: { enqueue: { value: add / jobs, unit }, drain: { value: drain / jobs, unit } },
    };
  });
}
