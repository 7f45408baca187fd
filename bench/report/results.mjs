// What was saved, as it is asked for: by workload, with ours, the peers and the floor beside each other.
//
// A workload is what was done (`postgres.drain`); parts of it are what else was seen meanwhile (`p99`, `cpu`). Ratios are taken
// round by round where the rounds are the same ones, since what slows the machine in a round slows all that is in it.
//
// Before this file comes bench/results/. After it come targets, charts and pages.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { kin } from "./catalogue.mjs";

/**
 * @typedef {import("../save.mjs").Results} Results
 * @typedef {import("../save.mjs").Saved} Saved
 *
 * @typedef {object} Figure
 * @property {string} unit
 * @property {number[]} values
 * @property {number} median
 * @property {number} least
 * @property {number} most
 * @property {number} [at] where on the axis of a curve
 *
 * @typedef {object} Line what one of those who did it has
 * @property {string} who `duckdive`, a peer, or `floor`
 * @property {"ours" | "kin" | "peer" | "floor" | "recorded"} kind `kin`: ours in another way
 * @property {string} note
 * @property {number | undefined} others the share of the machine that others had, in the median round
 * @property {Figure | undefined} main
 * @property {Map<string, Figure>} parts
 *
 * @typedef {object} Work
 * @property {string} name
 * @property {string} group
 * @property {string} unit
 * @property {Line[]} lines ours first
 *
 * @typedef {Map<string, Work>} Works
 */

/**
 * Every file of a folder, by the names of the groups.
 * @param {string} folder
 * @returns {Results[]}
 */
export function readResults(folder) {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.sort().map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
}

/**
 * @param {readonly Results[]} results
 * @returns {Works}
 */
export function worksOf(results) {
  /** @type {Works} */
  const works = new Map();
  for (const { group, figures } of results) {
    for (const figure of figures) {
      const { part, unit } = figure;
      const name = nameOf(figure);
      const work = works.get(name) ?? { name, group, unit, lines: [] };
      works.set(name, work);
      if (part === undefined) work.unit = unit;
      put(lineOf(work, figure), figure);
    }
  }
  for (const [name, work] of works) {
    for (const [other, who] of kin[name] ?? []) {
      const line = works.get(other)?.lines.find(({ kind }) => kind === "ours");
      if (line !== undefined) work.lines.push({ ...line, kind: "kin", who });
    }
    work.lines.sort(inOrder);
  }
  return works;
}

/**
 * The workload of a figure, without the part of it that was measured. What was recorded at another time stands apart.
 * @param {Saved} figure
 */
function nameOf({ name, workload, part, recorded }) {
  if (recorded) return `${name.split(".peer.")[0]}.recorded`;
  return part === undefined ? workload : workload.slice(0, -(part.length + 1));
}

/** @param {Line} one @param {Line} other */
function inOrder(one, other) {
  const rank = { ours: 0, kin: 1, peer: 2, recorded: 3, floor: 4 };
  return rank[one.kind] - rank[other.kind] || (one.who < other.who ? -1 : 1);
}

/**
 * @param {Work} work
 * @param {Saved} figure
 */
function lineOf(work, { peer, floor, recorded, name }) {
  const kind = recorded ? "recorded" : floor ? "floor" : peer === undefined ? "ours" : "peer";
  const who = recorded ? (name.split(".peer.")[1] ?? name) : (peer ?? (floor ? "floor" : "duckdive"));
  const found = work.lines.find((line) => line.who === who && line.kind === kind);
  if (found !== undefined) return found;
  /** @type {Line} */
  const line = { who, kind, note: "", others: undefined, main: undefined, parts: new Map() };
  work.lines.push(line);
  return line;
}

/**
 * @param {Line} line
 * @param {Saved} saved
 */
function put(line, { part, unit, values, at, note, others }) {
  const where = at === undefined ? {} : { at };
  const figure = {
    unit,
    values,
    median: medianOf(values),
    least: Math.min(...values),
    most: Math.max(...values),
    ...where,
  };
  if (part === undefined) {
    line.main = figure;
    line.note = note ?? "";
    if (others !== undefined) line.others = medianOf(others);
  } else line.parts.set(part, figure);
}

/** @param {readonly number[]} values */
export function medianOf(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

/** More is better of a rate and of a share; less of everything else. @param {string} unit */
export function isMoreBetter(unit) {
  return (
    (unit.endsWith("/s") && !/^(statements|commands)/.test(unit)) || unit === "x" || unit.startsWith("of ")
  );
}

/**
 * How many times as good one is as another: 2 is twice the rate, or half the time.
 * @param {Figure} one
 * @param {Figure} other
 */
export function timesAsGood(one, other) {
  const of = (/** @type {number} */ mine, /** @type {number} */ theirs) =>
    isMoreBetter(one.unit) ? mine / theirs : theirs / mine;
  if (one.values.length !== other.values.length) return of(one.median, other.median);
  return medianOf(one.values.map((value, round) => of(value, other.values[round] ?? Number.NaN)));
}

/**
 * Of a workload what somebody has, all of it or a part.
 * @param {Works} works
 * @param {string} name
 * @param {string} who
 * @param {string} [part]
 */
export function figureOf(works, name, who = "duckdive", part = undefined) {
  const line = works.get(name)?.lines.find((one) => one.who === who && one.kind !== "recorded");
  return part === undefined ? line?.main : line?.parts.get(part);
}
