// The harness: `npm run bench -- [--quick] [--rounds N] [--only NAME] [--save]` runs everything, `npm run bench:sqlite` and the others one
// group. What it needs: `npm ci --prefix bench` for the peers, and a redis-server for those that want one; who is not there is
// skipped, and said. Peers need a newer Node than duckdive and run on one from npm; whoever runs this on that Node (24) has everybody on the same.
//
// A workload is a file below a folder named after its group. It exports `name`, `unit` and `run(options)`, which does
// the work once and gives back a number, or a number and others beside it; or `workloads`, a list of such. Rounds are
// interleaved, one of each workload before the next of any, so that a busy minute of the machine is spread over all; what is
// printed is the median with the lowest and the highest, and which share of the machine others had meanwhile. Standard output has
// one JSON line a figure, standard error the words for people; with `--save` bench/results/ has every round of each, from which
// docs/performance.md is made.
//
// Who is measured, and how each is configured, is in peers.mjs; how each is asked in libraries/; what is done with it, by the same
// code for everybody, in processes/library.mjs and asked.mjs.
//
// A figure of somebody else has `peer` (or `floor`, where it is plain SQL) and in `workload` the name of ours beside which it
// stands. `NAME.ratio.PEER` is ours over theirs, and `NAME.floor` the share of the floor that ours reaches, round by round.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { peersRunOn } from "./peers.mjs";
import { besides } from "./processor.mjs";
import { isOfThisMachine, save } from "./save.mjs";
import { allGroups, workloadsOf } from "./workloads.mjs";

/**
 * @typedef {import("./workloads.mjs").Options} Options
 * @typedef {import("./workloads.mjs").Figure} Figure
 * @typedef {import("./workloads.mjs").Measured} Measured
 * @typedef {import("./workloads.mjs").Recorded} Recorded
 * @typedef {import("./workloads.mjs").Workload} Workload
 * @typedef {import("./save.mjs").Found} Found
 */

const here = fileURLToPath(new URL(".", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
    save: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const groups = positionals.length > 0 ? positionals : allGroups;
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

if (values.save && values.quick) {
  console.error("A quick run says nothing that is worth keeping: --save without --quick.");
  process.exit(2);
}

if (values.save && values.only !== undefined && !groups.every((group) => isOfThisMachine(group))) {
  console.error("The results are of another machine. Measure the whole group, without --only.");
  process.exit(2);
}

const begun = new Date();
const processor = cpus()[0]?.model ?? "unknown processor";
console.error(
  `Node ${process.version}, peers on ${peersRunOn()}, ${cpus().length} × ${processor}, ${begun.toISOString().slice(0, 10)}`,
);
const recorded = workloads.flatMap(({ group, recorded: all = [] }) => all.map((one) => ({ ...one, group })));
/** @type {Map<string, Found>} */
const figures = new Map();
/** What is not tried again: it failed, or cannot be done on this machine. @type {Set<string>} */
const leftOut = new Set();
// Whoever ends it early has what was found so far, among what is there unless that is of another machine.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    printAll();
    if (values.save)
      save([...figures.values()], {
        begun,
        among: groups.every((group) => isOfThisMachine(group)),
        recorded,
      });
    process.exit(1);
  });
}
for (let round = 1; round <= rounds; round += 1) {
  for (const workload of workloads) if (round <= (workload.rounds ?? rounds)) await attempt(workload, round);
}
printAll();
if (values.save) save([...figures.values()], { begun, among: values.only !== undefined, recorded });

function printAll() {
  for (const figure of figures.values()) print(figure);
  for (const workload of workloads) printRatio(workload);
  for (const { group: _, ...figure } of recorded) console.log(JSON.stringify({ ...figure, rounds: 0 }));
}

/**
 * One round of a workload. What cannot be done here, or fails, is said, and the others go on.
 * @param {Workload} workload
 * @param {number} round
 */
async function attempt(workload, round) {
  const { name } = workload;
  if (leftOut.has(name)) return;
  const missing = workload.missing?.();
  if (missing === undefined) {
    try {
      return await runOnce(workload, round);
    } catch (error) {
      console.error(`round ${round}  ${name}: FAILED`, error);
      process.exitCode = 1;
    }
  } else console.error(`skipped  ${name}: ${missing}`);
  leftOut.add(name);
}

/**
 * @param {Workload} workload
 * @param {number} round
 */
async function runOnce(workload, round) {
  const { name, unit, note, peerOf = name, peer, floor, run } = workload;
  // On the disk that the sources are on: a folder in memory would make every sync free.
  const base = join(here, "..", ".cache", "bench");
  mkdirSync(base, { recursive: true });
  const folder = mkdtempSync(join(base, "round-"));
  try {
    const start = performance.now();
    const { answer, others } = await besides(() => run({ quick: values.quick, folder }));
    const { value, also = {} } = typeof answer === "number" ? { value: answer } : answer;
    const group = workload.group;
    remember({ group, name, unit, value, note, workload: peerOf, peer, floor }, others);
    for (const [more, figure] of Object.entries(also)) {
      const what = figure.workload === undefined ? { workload: `${peerOf}.${more}`, part: more } : {};
      remember({ peer, floor, workload: peerOf, ...what, ...figure, group, name: `${name}.${more}` }, others);
    }
    const noise = others === undefined ? "" : `, others had ${Math.round(others * 100)} % of the machine`;
    const took = ((performance.now() - start) / 1000).toFixed(1);
    console.error(`round ${round}  ${name}: ${shown(value)} ${unit}, in ${took} s${noise}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {Figure & { group: string, name: string, workload: string }} one
 * @param {number | undefined} others
 */
function remember({ value, ...about }, others) {
  const figure = figures.get(about.name) ?? { ...about, found: [], others: [] };
  figure.found.push(value);
  if (others !== undefined) figure.others.push(others);
  figures.set(about.name, figure);
}

/** @param {Pick<Found, "name" | "unit" | "found"> & Partial<Found>} figure */
function print({ name, workload, peer, floor, unit, note, found, others = [] }) {
  const [value, min, max] = [medianOf(found), Math.min(...found), Math.max(...found)].map(rounded);
  const noise = others.length > 0 ? { others: Number(medianOf(others).toFixed(2)) } : {};
  const who = { ...(workload !== name && { workload }), peer, floor };
  console.log(
    JSON.stringify({
      name,
      ...who,
      value,
      unit,
      min,
      max,
      rounds: found.length,
      ...noise,
      note: note || undefined,
    }),
  );
}

/** @param {number[]} values */
function medianOf(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

/**
 * Ours over the other one's, round by round: what slows the machine in a round slows both.
 * @param {Workload} workload
 */
function printRatio({ name, peerOf, peer, floor }) {
  if (peerOf === undefined) return;
  const theirs = figures.get(name)?.found ?? [];
  const ratios = (figures.get(peerOf)?.found ?? []).flatMap((ours, round) => {
    const other = theirs[round];
    return other === undefined ? [] : [ours / other];
  });
  const called = floor ? `${peerOf}.floor` : `${peerOf}.ratio.${peer}`;
  const note = `${peerOf} over ${name}, round by round`;
  if (ratios.length > 0) print({ name: called, unit: "x", note, found: ratios });
}

/** @param {number} value */
function rounded(value) {
  return Number(value.toPrecision(value >= 1000 ? 6 : 3));
}

/** @param {number} value */
function shown(value) {
  return rounded(value).toLocaleString("en");
}
