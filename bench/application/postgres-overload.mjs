// How long a worker takes to be as it was after twice its capacity was asked for. On PostgreSQL.
import { overload } from "../overload.mjs";
import { withDatabase } from "../server.mjs";

export { note, unit } from "../overload.mjs";
export const name = "overload.postgres";
export const rounds = 1;

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick }) => withDatabase((url) => overload(url, quick));
