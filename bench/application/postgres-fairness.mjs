// How long a tenant with little to do waits beside one with 100,000 runs. On PostgreSQL.
import { fairness } from "../fairness.mjs";
import { withDatabase } from "../server.mjs";

export { note, unit } from "../fairness.mjs";
export const name = "fairness.postgres";
export const rounds = 1;

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick }) => withDatabase((url) => fairness(url, quick));
