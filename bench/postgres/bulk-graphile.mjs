// The same by graphile-worker's addJobs.
import { graphile } from "../graphile.mjs";
import { costs } from "../measure.mjs";
import { serverTimeOf, withDatabase } from "../server.mjs";

export const name = "peer.graphile.bulk";
export const unit = "runs/s";
export const peerOf = "postgres.bulk";
export const note = "100-byte payload, addJobs of 1,000, one call after another";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const jobs = quick ? 10_000 : 100_000;
  return withDatabase(async (url) => {
    const [{ rate, cpu }, servers] = await serverTimeOf(() => graphile("bulk", url, jobs));
    return { value: rate, also: costs(cpu, servers, jobs) };
  });
}
