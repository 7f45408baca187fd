// How much memory a thousand runs take that run at the same time. On PostgreSQL.
import { memory } from "../memory.mjs";
import { withDatabase } from "../server.mjs";

export { note, unit } from "../memory.mjs";
export const name = "memory.postgres";
export const rounds = 1;

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick }) => withDatabase((url) => memory(url, quick));
