// What was promised to those who ask for runs: what was acknowledged is there, once, as it was asked for; what was rolled
// back is not.
import { isDeepStrictEqual } from "node:util";
import { linesBy } from "../evidence.mjs";

/** @typedef {import("../evidence.mjs").Evidence} Evidence */
/** @typedef {import("../audit.mjs").Found} Found */

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* missing({ lines, runs }) {
  for (const [run, [first]] of linesBy(lines, "promised"))
    if (!runs.has(run)) yield { run, what: `"${first.job}" was acknowledged and is not there` };
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* undone({ lines, runs, ordered }) {
  for (const [run] of linesBy(lines, "undone"))
    if (runs.has(run)) yield { run, what: "it was rolled back and is there" };
  const orders = new Set(ordered);
  for (const [run, [asked]] of linesBy(lines, "asking")) {
    if (asked.how !== "commit" && asked.how !== "rollback") continue;
    if (orders.has(run) === runs.has(run)) continue;
    const [one, other] = orders.has(run) ? ["order", "run"] : ["run", "order"];
    yield { run, what: `its transaction left the ${one} there and not the ${other}` };
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* unasked({ lines, runs }) {
  const asked = linesBy(lines, "asking");
  /** @type {Map<string, string>} */
  const known = new Map();
  for (const [id, { run }] of runs) {
    const { mark } = inputOf(run);
    if (run.parent !== undefined) {
      if (!runs.has(run.parent)) yield { run: id, what: `its parent ${run.parent} is not there` };
    } else if (!asked.has(mark)) yield { run: id, what: `nobody has asked for this run of "${run.job}"` };
    const other = known.get(mark);
    if (other !== undefined)
      yield { run: id, what: `it was asked for once, and is also recorded as ${other}` };
    known.set(mark, id);
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* madeTwice({ lines, listed }) {
  for (const [run, promises] of linesBy(lines, "promised")) {
    const made = promises.filter(({ created }) => created.length === 1 && created[0] === true);
    if (made.length > 1) yield { run, what: `it was said ${made.length} times that it was made just now` };
  }
  const seen = new Set();
  for (const id of listed) {
    if (seen.has(id)) yield { run: id, what: "the store lists it twice" };
    seen.add(id);
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* altered({ lines, runs }) {
  for (const [id, [{ job, input }]] of linesBy(lines, "promised")) {
    const found = runs.get(id)?.run;
    if (found === undefined) continue;
    if (found.job !== job) yield { run: id, what: `"${job}" was asked for and "${found.job}" is there` };
    if (!isDeepStrictEqual(inputOf(found), input))
      yield { run: id, what: "its input is not what was asked with" };
  }
}

/** @param {{ input: string | undefined }} run */
export const inputOf = ({ input }) => JSON.parse(input ?? "{}");
