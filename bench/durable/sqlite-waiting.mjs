// What a run that waits costs on SQLite: the file over the runs that sleep in it.
import { statSync } from "node:fs";
import { join } from "node:path";
import { waitingOf } from "../durable.mjs";

export const name = "sqlite.waiting";
export const unit = "bytes/run";
export const rounds = 1;
export const note =
  "100,000 runs that sleep; the file over them, and what the heap of the process that put them to sleep has grown by";

/** @param {import("../run.mjs").Options} options */
export function run({ quick, folder }) {
  const file = join(folder, "bench.db");
  return waitingOf(`sqlite:${file}`, quick ? 5_000 : 100_000, () => statSync(file).size);
}
