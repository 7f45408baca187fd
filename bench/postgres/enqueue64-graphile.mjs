// The same by graphile-worker's addJob.
import { graphile } from "../graphile.mjs";
import { withDatabase } from "../server.mjs";

export const name = "peer.graphile.enqueue64";
export const unit = "runs/s";
export const peerOf = "postgres.enqueue64";
export const note = "100-byte payload, 64 callers, addJob, 10 connections";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  return withDatabase(async (url) => {
    const { rate, p50, p99 } = await graphile("enqueue64", url, quick ? 20 : 150);
    return { value: rate, also: { p50: { value: p50, unit: "ms" }, p99: { value: p99, unit: "ms" } } };
  });
}
