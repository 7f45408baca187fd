// The same drain by graphile-worker, which deletes what it has worked.
import { graphile } from "../graphile.mjs";
import { costs } from "../measure.mjs";
import { serverTimeOf, withDatabase } from "../server.mjs";

export const name = "peer.graphile.drain";
export const unit = "runs/s";
export const peerOf = "postgres.drain";
export const note =
  "100-byte payload, one worker process, local queue of 2,000, completed in batches, rows deleted";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const jobs = quick ? 10_000 : 100_000;
  return withDatabase(async (url) => {
    await graphile("bulk", url, jobs);
    const [{ milliseconds, cpu }, servers] = await serverTimeOf(() => graphile("drain", url, jobs));
    return { value: jobs / (milliseconds / 1000), also: costs(cpu, servers, jobs) };
  });
}
