// The same by DBOS, which starts workflows in the process that executes them.
import { stepsOf } from "../durable.mjs";
import { withDatabase } from "../server.mjs";

export const name = "peer.dbos.steps";
export const unit = "steps/s";
export const peerOf = "postgres.steps";
export const peer = "dbos";
export const note = "workflows started in the process that executes them, a pool of 20 connections";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  return withDatabase((url) => stepsOf("dbos", url, quick));
}
