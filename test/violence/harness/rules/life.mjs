// Life: a worker that knows that its runs may be somebody else's stops executing them.
//
// `awake` lines show that a process was able to act in that moment: one that is stopped or blocked cannot.
import { linesBy } from "../evidence.mjs";

/** @typedef {import("../evidence.mjs").Evidence} Evidence */
/** @typedef {import("../audit.mjs").Found} Found */

/** From being told to the abort, on a machine that is busy, in milliseconds. */
const slack = 3_000;
/** How long the workers of a store may be silent, in milliseconds; on SQLite a process that lives is alive. */
const patience = { postgres: 30_000, sqlite: Number.POSITIVE_INFINITY };

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* deadAndBusy({ lines }) {
  const awake = linesBy(lines, "awake", "pid");
  const open = openExecutions(lines);
  for (const [pid, deaths] of linesBy(lines, "dead", "pid")) {
    for (const { at, worker } of deaths) {
      const end = at + slack;
      // Two moments, so that it was not merely woken and about to act.
      if ((awake.get(pid) ?? []).filter((line) => line.at > end && line.at < end + 10_000).length < 2)
        continue;
      for (const { run, token, begun, over } of open.get(pid) ?? [])
        if (begun < at && over > end + 2_000)
          yield {
            run,
            what: `token ${token} went on in worker ${worker}, which knew that it was taken for dead`,
          };
    }
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* unseenAndBusy({ lines, store }) {
  if (patience[store] === Number.POSITIVE_INFINITY) return;
  const shown = linesBy(lines, "shown", "pid");
  const open = openExecutions(lines);
  for (const [pid, moments] of linesBy(lines, "awake", "pid")) {
    const signs = (shown.get(pid) ?? []).map(({ asked }) => asked);
    for (const [place, { at }] of moments.entries()) {
      const before = moments[place - 1]?.at ?? 0;
      const last = signs.filter((asked) => asked <= at).at(-1) ?? Number.POSITIVE_INFINITY;
      if (at - before > 2_000 || before - last < patience[store]) continue;
      for (const { run, token, begun, over } of open.get(pid) ?? [])
        if (begun < before && over > at)
          yield {
            run,
            what: `token ${token} was executing ${Math.round(at - last)} ms after its worker last showed life`,
          };
    }
  }
}

/**
 * Executions by process: from their beginning to the moment when they ended, or were told to.
 * @param {Evidence["lines"]} lines
 */
function openExecutions(lines) {
  /** @type {Map<string, number>} */
  const over = new Map();
  for (const { what, pid, run, token, at } of lines) {
    if (what !== "left" && what !== "aborted") continue;
    const key = `${pid} ${run} ${token}`;
    if (!over.has(key)) over.set(key, at);
  }
  const executed = linesBy(lines, "executed", "pid");
  return new Map(
    [...executed].map(([pid, list]) => [
      pid,
      list
        // One in an isolate is ended without a line.
        .filter(({ isIsolated }) => isIsolated !== true)
        .map(({ run, token, at }) => ({
          run,
          token,
          begun: at,
          over: over.get(`${pid} ${run} ${token}`) ?? Number.POSITIVE_INFINITY,
        })),
    ]),
  );
}
