// How many no-op runs a second one, two and four worker processes complete, on one PostgreSQL that shares the machine.
import { withDatabase } from "../server.mjs";
import { drainTogether } from "../together.mjs";

export { note, unit } from "../together.mjs";
export const name = "processes.postgres";

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick }) => drainTogether(withDatabase, quick);
