// Fences: only who has a run ends it, and only once.
//
// A journal line of a worker says when it asked and when it was answered. Whoever was given a run before somebody else
// asked to end it, was given it before that end. On PostgreSQL a crash of the database may undo a claim, which is not
// synced: the token is then given again under another claim, and the run's record says so.
import { linesBy } from "../evidence.mjs";

/** @typedef {import("../evidence.mjs").Evidence} Evidence */
/** @typedef {import("../audit.mjs").Found} Found */

const final = new Set(["succeeded", "failed", "cancelled"]);
/** What an execution that did not end its run leaves in the record. */
const rests = new Set(["failed", "snoozed", "handedBack", "parked", "suspended"]);

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* settledTwice({ lines, runs }) {
  for (const [run, settled] of linesBy(lines, "settled")) {
    const executions = new Set(settled.map(({ token, claim }) => `${token} ${claim}`));
    if (executions.size < settled.length) yield { run, what: "two ends of one execution were taken" };
    const ends = settled.filter(({ state }) => final.has(state)).length;
    const retried = (runs.get(run)?.events ?? []).filter(({ kind }) => kind === "retried").length;
    if (ends > 1 + retried)
      yield { run, what: `it has ended ${ends} times, and was retried ${retried} times` };
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* strangers({ lines }) {
  const claims = linesBy(lines, "claimed");
  for (const [run, settled] of linesBy(lines, "settled")) {
    for (const { token, claim, state, asked } of settled) {
      const later = (claims.get(run) ?? []).find(
        (other) =>
          other.at < asked && (other.token > token || (other.token === token && other.claim !== claim)),
      );
      if (later !== undefined && !isOlder(later, token, claim, claims.get(run) ?? []))
        yield {
          run,
          what: `token ${token} has ended it (${state}) after token ${later.token} was given to somebody`,
        };
    }
  }
}

/** Of two claims with one token the earlier was undone. @param {any} other @param {number} token @param {string} claim @param {any[]} all */
function isOlder(other, token, claim, all) {
  if (other.token !== token) return false;
  const own = all.find((one) => one.token === token && one.claim === claim);
  return own !== undefined && other.at < own.at;
}

/** What a worker was told of an end stands in the store. @param {Evidence} evidence @returns {Generator<Found>} */
export function* forgotten({ lines, runs }) {
  for (const [run, settled] of linesBy(lines, "settled")) {
    const found = runs.get(run);
    if (found === undefined) continue;
    const events = found.events;
    for (const { token, state, wanted, waits } of settled) {
      if (final.has(state)) {
        const holds = found.run.token === token && found.run.state === state;
        const isRetried = events.some((event) => event.kind === "retried");
        if (!holds && !(isRetried && found.run.token > token))
          yield {
            run,
            what: `token ${token} has ended it as ${state}, and it is ${found.run.state} with token ${found.run.token}`,
          };
      } else if (
        waits !== "entries" &&
        !events.some((event) => event.token === token && rests.has(event.kind))
      ) {
        yield {
          run,
          what: `token ${token} has put it to rest (${wanted}), and its record says nothing of that`,
        };
      }
    }
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* surpassed({ lines, runs }) {
  for (const [run, claimed] of linesBy(lines, "claimed")) {
    const found = runs.get(run);
    if (found === undefined) continue;
    for (const { token } of claimed) {
      if (token <= found.run.token || found.events.some((event) => event.token === token)) continue;
      yield {
        run,
        what: `token ${token} was given for it, and it is ${found.run.state} with token ${found.run.token}`,
      };
    }
  }
}
