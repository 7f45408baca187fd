// one run with 5,000 children, until it has what all returned; one process, 100 slots; on SQLite.
import { join } from "node:path";
import { fanOf } from "../durable.mjs";

export const name = "sqlite.fan";
export const unit = "children/s";
export const note = "one run with 5,000 children, until it has what all returned; one process, 100 slots";

/** @param {import("../run.mjs").Options} options */
export function run({ quick, folder }) {
  return fanOf("durable", `sqlite:${join(folder, "bench.db")}`, quick);
}
