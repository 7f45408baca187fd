// How runs end: all of them do, as their job allows, and nothing of the work is left behind.
import { isDeepStrictEqual } from "node:util";
import { linesBy } from "../evidence.mjs";
import { kinds } from "../kinds.mjs";
import { inputOf } from "./requests.mjs";

/** @typedef {import("../evidence.mjs").Evidence} Evidence */
/** @typedef {import("../audit.mjs").Found} Found */

const final = new Set(["succeeded", "failed", "cancelled"]);

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* unfinished({ runs }) {
  for (const [id, { run }] of runs) {
    if (final.has(run.state)) continue;
    const waits = run.waiting === undefined ? "" : ` for ${run.waiting.reason}`;
    yield {
      run: id,
      what: `"${run.job}" is still ${run.state}${waits}, at attempt ${run.attempt}, held by ${run.worker}`,
    };
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* wrongEnds({ lines, runs }) {
  const cancels = new Set(
    lines.flatMap(({ what, runs: ids }) => (what === "acting" ? /** @type {string[]} */ (ids) : [])),
  );
  for (const [id, { run }] of runs) {
    if (!final.has(run.state)) continue;
    const { state, reason, job } = run;
    if (state === "cancelled") {
      // A parent that is cancelled takes its children with it.
      if (!cancels.has(id) && !cancels.has(run.parent ?? ""))
        yield { run: id, what: `"${job}" is cancelled, and nobody has cancelled it` };
    } else if (!kinds[job]?.allows({ state, reason }, inputOf(run))) {
      yield { run: id, what: `"${job}" has ${state} with reason ${reason}: ${run.error?.message}` };
    }
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* wrongOutputs({ runs }) {
  for (const [id, { run }] of runs) {
    if (run.state !== "succeeded") continue;
    const { output = "done" } = kinds[run.job] ?? {};
    if (!isDeepStrictEqual(JSON.parse(run.output ?? "null"), output))
      yield { run: id, what: `"${run.job}" has returned ${run.output}` };
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* leftovers({ workers, claims, broken, unwilling, orphans }) {
  for (const worker of workers) yield { what: `worker ${worker} is still registered` };
  if (claims > 0) yield { what: `${claims} claims are still held` };
  for (const { rule, what } of broken) yield { run: what, what: rule };
  if (orphans > 0) yield { what: `${orphans} workers have outlived their supervisors` };
  if (unwilling > 0) yield { what: `${unwilling} supervisors did not end when they were told to` };
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* miscounted({ runs, listed, counts, counted }) {
  /** @type {Record<string, number>} */
  const tally = {};
  for (const { run } of runs.values()) tally[run.state] = (tally[run.state] ?? 0) + 1;
  for (const [state, count] of Object.entries(counts)) {
    const seen = [tally[state] ?? 0, counted[state]];
    if (seen.some((other) => other !== count))
      yield { what: `${count} runs are ${state} by one count, and ${seen.join(" and ")} by others` };
  }
  if (listed.length !== runs.size)
    yield { what: `${listed.length} runs are listed, and ${runs.size} can be read` };
}

/** What somebody was told of cancelling and retrying holds. @param {Evidence} evidence @returns {Generator<Found>} */
export function* acts({ lines, runs }) {
  const claims = linesBy(lines, "claimed");
  const done = actsIn(lines);
  for (const { verb, run, at } of done) {
    const events = runs.get(run)?.events ?? [];
    if (verb === "retry") {
      const asked = done.filter((one) => one.run === run && one.verb === "retry").length;
      const happened = events.filter(({ kind }) => kind === "retried").length;
      if (happened < asked)
        yield { run, what: `it was retried ${asked} times, and its record says ${happened}` };
      continue;
    }
    // A parent that is retried asks for its children again.
    if (events.some(({ kind }) => kind === "retried")) continue;
    const late = (claims.get(run) ?? []).find(({ asked }) => asked > at);
    if (late !== undefined)
      yield { run, what: `it was cancelled, and a worker was given it after that (token ${late.token})` };
  }
}

/** @param {Evidence["lines"]} lines */
function actsIn(lines) {
  return lines.flatMap(({ what: verb, at, runs, answers }) => {
    if (verb !== "cancel" && verb !== "retry") return [];
    const ids = /** @type {string[]} */ (runs);
    return ids.flatMap((run, place) => (/** @type {boolean[]} */ (answers)[place] ? { verb, run, at } : []));
  });
}
