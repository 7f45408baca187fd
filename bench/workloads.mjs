// What can be measured: a file in the folder of a group is a workload, or gives several of them as `workloads`, ours first
// and then the peers and the floor that do the same.
//
// Before this file comes the harness. After it come the workloads.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {object} Options
 * @property {boolean} quick a tenth of the work, for seeing that it runs
 * @property {string} folder an empty folder, gone afterwards
 *
 * @typedef {object} Figure
 * @property {number} value
 * @property {string} unit
 * @property {string} [workload] what was done, where the name of the figure says more than that
 * @property {string} [part] which part of the workload's name says what of it is measured, such as `p99`
 * @property {string} [peer] who did it; absent: duckdive
 * @property {boolean} [floor] it was done without any library
 * @property {number} [at] where on the axis of a curve
 * @property {string} [note]
 *
 * @typedef {object} Measured
 * @property {number} value
 * @property {Record<string, Figure>} [also] further figures, by what is added to the name
 *
 * @typedef {Figure & { name: string, note: string }} Recorded not measured here
 *
 * @typedef {object} Described
 * @property {string} name
 * @property {string} unit
 * @property {string} [note] what has to be known to read the figure
 * @property {number} [rounds] at most this many: for what takes long
 * @property {string} [peer] who does it; absent: duckdive
 * @property {boolean} [floor] it is done without any library
 * @property {string} [peerOf] the workload of ours that does the same: their ratio is a figure too
 * @property {readonly Recorded[]} [recorded] figures of others from another time, printed beside ours as what they are
 * @property {() => string | undefined} [missing] what this machine lacks for it, and how to get it: then it is skipped
 * @property {(options: Options) => Promise<number | Measured>} run
 *
 * @typedef {Described & { group: string }} Workload
 */

const here = fileURLToPath(new URL(".", import.meta.url));

/** Every group, in the order in which they are run. */
export const allGroups = ["sqlite", "postgres", "durable", "rescue", "application"].filter((group) =>
  existsSync(join(here, group)),
);

/**
 * @param {string} group
 * @returns {Promise<Workload[]>}
 */
export async function workloadsOf(group) {
  const names = readdirSync(join(here, group)).filter((name) => name.endsWith(".mjs"));
  const files = await Promise.all(names.sort().map((name) => import(join(here, group, name))));
  return files.flatMap((file) =>
    (file.workloads ?? [file]).map((/** @type {Described} */ one) => ({ ...one, group })),
  );
}
