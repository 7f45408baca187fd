// How long it takes until a handler in another process hears that its run was cancelled. On PostgreSQL.
import { withDatabase } from "../server.mjs";
import { cancel } from "../supervised.mjs";

export const name = "cancel.postgres";
export const unit = "ms";
export const note =
  "from cancel in one process to the abort of ctx.signal in another; .slowest: the slowest of all";

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick }) => withDatabase((url) => cancel(url, quick ? 10 : 50));
