// How long it takes until a handler in another process hears that its run was cancelled. On SQLite.
import { join } from "node:path";
import { cancel } from "../supervised.mjs";

export const name = "cancel.sqlite";
export const unit = "ms";
export const note =
  "from cancel in one process to the abort of ctx.signal in another; .slowest: the slowest of all";

/** @param {import("../run.mjs").Options} options */
export const run = ({ folder, quick }) => cancel(`sqlite:${join(folder, "bench.db")}`, quick ? 10 : 50);
