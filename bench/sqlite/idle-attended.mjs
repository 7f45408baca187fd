// The same idle worker, looked after by a runner: it counts its turns, is watched by a thread, and says how it is.
import { startAttended } from "../measure.mjs";
import { idle, note as same, unit } from "./idle.mjs";

export const name = "sqlite.idle.attended";
export const rounds = 1;
export const note = `${same}; looked after as by a runner`;
export { unit };

/** @param {import("../run.mjs").Options} options */
export function run(options) {
  return idle(options, startAttended);
}
