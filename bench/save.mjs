// What was measured, kept: a file a group in bench/results/, with every round of every figure, and on which machine, with
// which versions and when. A run of a few workloads, or one that was ended early, replaces theirs and leaves the others of the
// group as they were.
//
// Before this file comes the harness. After it comes report.mjs, which makes docs/performance.md of all of them.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { versions } from "./versions.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * @typedef {object} About
 * @property {string} group
 * @property {string} name
 * @property {string} workload the name of ours that does the same
 * @property {string} [part] what of it is measured, such as `p99`: the end of the workload's name
 * @property {string} [peer] who did it; absent: duckdive
 * @property {boolean} [floor] it was done without any library
 * @property {number} [at] where on the axis of a curve
 * @property {string} unit
 * @property {string} [note] what has to be known to read the figure, such as the configuration
 *
 * @typedef {About & { found: number[], others: number[] }} Found of each round: the value, and the share of the machine that others had
 *
 * @typedef {Omit<About, "group"> & { values: number[], others?: number[], recorded?: boolean, date: string, commit: string }} Saved
 *
 * @typedef {object} Results of one group
 * @property {string} group
 * @property {{ processor: string, cores: number, memory: string, system: string }} machine
 * @property {Record<string, string>} versions
 * @property {string} date when the last run that is in it began
 * @property {number} seconds that it took
 * @property {Saved[]} figures
 */

/**
 * Writes a file for each group of which there are figures. With `among`, those that were not measured now stay as they were.
 * @param {readonly Found[]} figures
 * @param {{ begun: Date, among: boolean, recorded: readonly (import("./run.mjs").Recorded & { group: string })[] }} run
 */
export function save(figures, { begun, among, recorded }, folder = join(root, "bench", "results")) {
  const date = begun.toISOString().slice(0, 16);
  const stamp = { date, commit: commit() };
  for (const group of new Set(figures.map((figure) => figure.group))) {
    const measured = figures
      .filter((figure) => figure.group === group)
      .map((figure) => lineOf(figure, stamp));
    const told = recorded.filter((figure) => figure.group === group).map((figure) => recordOf(figure, stamp));
    const fresh = [...measured, ...told];
    const path = join(folder, `${group}.json`);
    const seconds = Math.round((Date.now() - begun.getTime()) / 1000);
    /** @type {Results} */
    const now = { group, machine: machine(), versions: versions(), date, seconds, figures: fresh };
    const results = among ? amongOthers(path, now) : now;
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, textOf(results));
  }
}

/**
 * @param {Found} figure
 * @param {{ date: string, commit: string }} stamp
 * @returns {Saved}
 */
function lineOf({ name, workload, part, peer, floor, at, unit, note, found, others }, stamp) {
  const noise = others.length > 0 ? { others: others.map((share) => Number(share.toFixed(3))) } : {};
  const values = found.map((value) => Number(value.toPrecision(6)));
  return { name, workload, part, peer, floor, at, unit, values, ...noise, note, ...stamp };
}

/**
 * @param {import("./run.mjs").Recorded & { group: string }} figure
 * @param {{ date: string, commit: string }} stamp
 * @returns {Saved}
 */
function recordOf({ group: _, value, workload, ...about }, stamp) {
  return { ...about, workload: workload ?? about.name, values: [value], recorded: true, ...stamp };
}

/**
 * Whether what was found of a group before can stand beside what is found now: it is of this machine, or there is nothing.
 * @param {string} group
 */
export function isOfThisMachine(group, folder = join(root, "bench", "results")) {
  const path = join(folder, `${group}.json`);
  if (!existsSync(path)) return true;
  return JSON.stringify(JSON.parse(readFileSync(path, "utf8")).machine) === JSON.stringify(machine());
}

/**
 * What an earlier run has found, with what was measured again in its place. When that was stands in each figure.
 * @param {string} path
 * @param {Results} now
 * @returns {Results}
 */
function amongOthers(path, now) {
  if (!existsSync(path)) return now;
  /** @type {Results} */
  const before = JSON.parse(readFileSync(path, "utf8"));
  if (JSON.stringify(before.machine) !== JSON.stringify(now.machine))
    throw new Error(`${path} is of another machine. Measure the whole group, without --only.`);
  const again = new Map(now.figures.map((figure) => [figure.name, figure]));
  const old = new Set(before.figures.map(({ name }) => name));
  const figures = [
    ...before.figures.map((figure) => again.get(figure.name) ?? figure),
    ...now.figures.filter(({ name }) => !old.has(name)),
  ];
  return { ...before, versions: { ...before.versions, ...now.versions }, figures };
}

/**
 * A line a figure, so that a difference of two runs can be read.
 * @param {Results} results
 */
function textOf({ figures, ...about }) {
  const head = JSON.stringify(about, null, 2).slice(0, -2);
  return `${head},\n  "figures": [\n${figures.map((figure) => `    ${JSON.stringify(figure)}`).join(",\n")}\n  ]\n}\n`;
}

function machine() {
  return {
    processor: cpus()[0]?.model ?? "unknown processor",
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
  };
}

function commit() {
  const git = (/** @type {string[]} */ ...words) =>
    execFileSync("git", words, { cwd: root, encoding: "utf8" });
  try {
    const isChanged = git("status", "--porcelain", "--", "src", "bench", ":!bench/results").trim() !== "";
    return `${git("rev-parse", "--short=10", "HEAD").trim()}${isChanged ? ", with changes" : ""}`;
  } catch {
    return "unknown";
  }
}
