// runs of ten steps, a hundred at once, asked for and executed in one process; on PostgreSQL.
import { stepsOf } from "../durable.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.steps";
export const unit = "steps/s";
export const note = "runs of ten steps, a hundred at once, asked for and executed in one process";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  return withDatabase((url) => stepsOf("durable", url, quick));
}
