// runs of ten steps, a hundred at once, asked for and executed in one process; on SQLite.
import { join } from "node:path";
import { stepsOf } from "../durable.mjs";

export const name = "sqlite.steps";
export const unit = "steps/s";
export const note = "runs of ten steps, a hundred at once, asked for and executed in one process";

/** @param {import("../run.mjs").Options} options */
export function run({ quick, folder }) {
  return stepsOf("durable", `sqlite:${join(folder, "bench.db")}`, quick);
}
