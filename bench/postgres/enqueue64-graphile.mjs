// The same by graphile-worker's addJob.
import { graphile } from "../graphile.mjs";
import { costs } from "../measure.mjs";
import { serverTimeOf, withDatabase } from "../server.mjs";

export const name = "peer.graphile.enqueue64";
export const unit = "runs/s";
export const peerOf = "postgres.enqueue64";
export const note = "100-byte payload, 64 callers, addJob, 10 connections";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const each = quick ? 20 : 150;
  return withDatabase(async (url) => {
    const [{ rate, p50, p99, cpu }, servers] = await serverTimeOf(() => graphile("enqueue64", url, each));
    return {
      value: rate,
      also: {
        p50: { value: p50, unit: "ms" },
        p99: { value: p99, unit: "ms" },
        ...costs(cpu, servers, 64 * each),
      },
    };
  });
}
