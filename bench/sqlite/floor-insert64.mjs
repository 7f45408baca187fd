// The floor of 64 callers: the same rows, 64 a commit, as plain SQL.
import { join } from "node:path";
import { insertRuns, rawDatabase } from "../raw.mjs";

export const name = "floor.sqlite.enqueue64";
export const unit = "runs/s";
export const note = "raw SQL, 64 rows a transaction, synchronous=FULL";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const runs = 64 * (quick ? 100 : 1_500);
  const database = await rawDatabase(join(folder, "bench.db"));
  const start = performance.now();
  insertRuns(database, runs, 64);
  const seconds = (performance.now() - start) / 1000;
  database.close();
  return runs / seconds;
}
