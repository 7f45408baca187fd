// one run with 5,000 children, until it has what all returned; one process, 100 slots; on PostgreSQL.
import { fanOf } from "../durable.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.fan";
export const unit = "children/s";
export const note = "one run with 5,000 children, until it has what all returned; one process, 100 slots";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  return withDatabase((url) => fanOf("durable", url, quick));
}
