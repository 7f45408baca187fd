// The same drain in a process that a runner looks after: what it costs to know at any time whose code is executed.
import { startAttended } from "../measure.mjs";
import { drain, note as same, unit } from "./drain.mjs";

export const name = "sqlite.drain.attended";
export const note = `${same}, looked after as by a runner`;
export { unit };

/** @param {import("../run.mjs").Options} options */
export function run(options) {
  return drain(options, startAttended);
}
