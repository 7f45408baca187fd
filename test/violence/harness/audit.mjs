// The auditor: from the evidence to what was not kept of the promises. Pure.
//
// A rule is a function that finds what breaks it. Before this file comes the evidence. After it comes the table.
import * as effects from "./rules/effects.mjs";
import * as ends from "./rules/ends.mjs";
import * as executions from "./rules/executions.mjs";
import * as fences from "./rules/fences.mjs";
import * as life from "./rules/life.mjs";
import * as requests from "./rules/requests.mjs";
import * as steps from "./rules/steps.mjs";

/** @typedef {{ run?: string, what: string }} Found */
/** @typedef {Found & { rule: string }} Violation */

/** @typedef {(evidence: import("./evidence.mjs").Evidence) => Generator<Found>} Rule */

/** @type {Record<string, Rule>} */
export const rules = {
  "what was acknowledged is there": requests.missing,
  "what was rolled back is not there": requests.undone,
  "only what was asked for is there": requests.unasked,
  "a run is made once": requests.madeTwice,
  "a run is what was asked for": requests.altered,
  "every run ends": ends.unfinished,
  "a run ends as its job allows": ends.wrongEnds,
  "a run gives back what its handler did": ends.wrongOutputs,
  "nothing of the work is left": ends.leftovers,
  "counts agree": ends.miscounted,
  "cancelled and retried means that": ends.acts,
  "an execution ends once": fences.settledTwice,
  "only the owner ends a run": fences.strangers,
  "what was taken stands": fences.forgotten,
  "no token is above the run's": fences.surpassed,
  "every execution is explained": executions.unexplained,
  "tokens rise": executions.tokens,
  "attempts are what was counted": executions.attempts,
  "effects are there exactly once": effects.effects,
  "only the owner writes effects": effects.strangers,
  "every step is done": steps.undone,
  "what is on record is not done again": steps.repeated,
  "who is dead lets go": life.deadAndBusy,
  "who is unseen lets go": life.unseenAndBusy,
};

/**
 * @param {import("./evidence.mjs").Evidence} evidence
 * @returns {Violation[]}
 */
export function audit(evidence) {
  return Object.entries(rules).flatMap(([rule, judge]) =>
    [...judge(evidence)].map((found) => ({ rule, ...found })),
  );
}

/** What was seen, in numbers. @param {import("./evidence.mjs").Evidence} evidence */
export function tally(evidence) {
  const { lines, runs } = evidence;
  const count = (/** @type {string} */ what) => lines.filter((line) => line.what === what).length;
  const executed = lines.filter((line) => line.what === "executed");
  const once = new Set(executed.map(({ run }) => run)).size;
  /** @type {Record<string, number>} */
  const events = {};
  for (const { events: own } of runs.values())
    for (const { kind } of own) events[kind] = (events[kind] ?? 0) + 1;
  return {
    runs: runs.size,
    acknowledged: new Set(lines.flatMap(({ what, run }) => (what === "promised" ? [run] : []))).size,
    "rolled back": count("undone"),
    "refused enqueues, asked again": count("notAcknowledged"),
    executions: executed.length,
    "duplicate executions": executed.length - once,
    "of them beyond any record": executions.beyondRecord(evidence),
    "lost with their worker": events.lost ?? 0,
    "refused ends": count("refused"),
    "workers that were told they are dead": count("dead"),
  };
}
