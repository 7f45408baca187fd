// The harness: `npm run bench:sqlite -- [--quick] [--rounds N] [--only NAME]`, `bench:postgres` and `bench:rescue` likewise.
//
// A workload is a file below a folder named after its group. It exports `name`, `unit` and `run(options)`, which does
// the work once and gives back a number, or a number and others beside it. Rounds are interleaved, one of each workload
// before the next of any, so that a busy minute of the machine is spread over all; what is printed is the median with
// the lowest and the highest, and which share of the machine others had meanwhile. Standard output has one JSON line a figure, standard error the words for people.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { besides } from "./processor.mjs";

/**
 * @typedef {object} Options
 * @property {boolean} quick a tenth of the work, for seeing that it runs
 * @property {string} folder an empty folder, gone afterwards
 *
 * @typedef {object} Figure
 * @property {number} value
 * @property {string} unit
 *
 * @typedef {object} Measured
 * @property {number} value
 * @property {Record<string, Figure>} [also] further figures, by what is added to the name
 *
 * @typedef {Figure & { name: string, note: string }} Recorded not measured here
 *
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} unit
 * @property {string} [note] what has to be known to read the figure
 * @property {number} [rounds] at most this many: for what takes long
 * @property {string} [peerOf] the workload of ours that does the same: their ratio is a figure too
 * @property {readonly Recorded[]} [recorded] figures of others from another time, printed beside ours as what they are
 * @property {(options: Options) => Promise<number | Measured>} run
 */

const here = fileURLToPath(new URL(".", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const groups = positionals.length > 0 ? positionals : ["sqlite"];
const workloads = (await Promise.all(groups.map(workloadsOf)))
  .flat()
  .filter(
    ({ name, peerOf = name }) => name.startsWith(values.only ?? "") || peerOf.startsWith(values.only ?? ""),
  );
if (workloads.length === 0 || !(rounds >= 1)) {
  console.error(
    "No such workload, or no round. Usage: node run.mjs [GROUP] [--quick] [--rounds N] [--only NAME]",
  );
  process.exit(2);
}

const processor = cpus()[0]?.model ?? "unknown processor";
console.error(
  `Node ${process.version}, ${cpus().length} × ${processor}, ${new Date().toISOString().slice(0, 10)}`,
);
/** @type {Map<string, { unit: string, note: string | undefined, found: number[], others: number[] }>} */
const figures = new Map();
// Whoever ends it early has what was found so far.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    printAll();
    process.exit(1);
  });
}
for (let round = 1; round <= rounds; round += 1) {
  for (const workload of workloads) if (round <= (workload.rounds ?? rounds)) await runOnce(workload, round);
}
printAll();

function printAll() {
  for (const [name, { unit, note, found, others }] of figures) print(name, unit, note, found, others);
  for (const { name, peerOf } of workloads) if (peerOf !== undefined) printRatio(peerOf, name);
  for (const figure of workloads.flatMap(({ recorded = [] }) => recorded))
    console.log(JSON.stringify({ ...figure, rounds: 0 }));
}

/**
 * @param {string} group
 * @returns {Promise<Workload[]>}
 */
async function workloadsOf(group) {
  const names = readdirSync(join(here, group)).filter((name) => name.endsWith(".mjs"));
  return Promise.all(names.sort().map((name) => import(join(here, group, name))));
}

/**
 * @param {Workload} workload
 * @param {number} round
 */
async function runOnce({ name, unit, note, run }, round) {
  // On the disk that the sources are on: a folder in memory would make every sync free.
  const base = join(here, "..", ".cache", "bench");
  mkdirSync(base, { recursive: true });
  const folder = mkdtempSync(join(base, "round-"));
  try {
    const { answer, others } = await besides(() => run({ quick: values.quick, folder }));
    const { value, also = {} } = typeof answer === "number" ? { value: answer } : answer;
    remember(name, unit, note, value, others);
    for (const [more, figure] of Object.entries(also)) {
      remember(`${name}.${more}`, figure.unit, note, figure.value, others);
    }
    const noise = others === undefined ? "" : `, others had ${Math.round(others * 100)} % of the machine`;
    console.error(`round ${round}  ${name}: ${shown(value)} ${unit}${noise}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} name
 * @param {string} unit
 * @param {string | undefined} note
 * @param {number} value
 * @param {number | undefined} others
 */
function remember(name, unit, note, value, others) {
  const figure = figures.get(name) ?? { unit, note, found: [], others: [] };
  figure.found.push(value);
  if (others !== undefined) figure.others.push(others);
  figures.set(name, figure);
}

/**
 * @param {string} name
 * @param {string} unit
 * @param {string | undefined} note
 * @param {number[]} found
 * @param {number[]} others
 */
function print(name, unit, note, found, others = []) {
  const [value, min, max] = [medianOf(found), Math.min(...found), Math.max(...found)].map(rounded);
  const noise = others.length > 0 ? { others: Number(medianOf(others).toFixed(2)) } : {};
  const more = note ? { note } : {};
  console.log(JSON.stringify({ name, value, unit, min, max, rounds: found.length, ...noise, ...more }));
}

/** @param {number[]} values */
function medianOf(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

/**
 * Ours over the peer's, round by round: what slows the machine in a round slows both.
 * @param {string} name
 * @param {string} peer
 */
function printRatio(name, peer) {
  const theirs = figures.get(peer)?.found ?? [];
  const ratios = (figures.get(name)?.found ?? []).map((ours, round) => ours / (theirs[round] ?? Number.NaN));
  if (ratios.length > 0) print(`${name}.ratio`, "x", `${name} over ${peer}, round by round`, ratios);
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toPrecision(value >= 1000 ? 6 : 3));
}

/** @param {number} value */
function shown(value) {
  return rounded(value).toLocaleString("en");
}
