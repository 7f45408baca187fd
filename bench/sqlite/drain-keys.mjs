// How many runs a second one worker process completes of which one an account may run at a time, with 10,000 accounts.
import { join } from "node:path";
import { drainKeys } from "../measure.mjs";

export const name = "sqlite.drain.keys";
export const unit = "runs/s";
const slots = 1_000;
export const note = `a limit of one for each of 10,000 keys, one worker process, ${slots} slots, synchronous=FULL`;

/** @param {import("../run.mjs").Options} options */
export function run({ quick, folder }) {
  return drainKeys(async (name) => `sqlite:${join(folder, `${name}.db`)}`, quick ? 10_000 : 100_000, slots);
}
