// Why is this run not running? Answered in sentences, from plain data.
//
// Every reason for which a run can stand still has its function in a file here, and its test beside them; the remedy is
// in the sentence when there is one. All that are true are told, since each has to go before the run starts. Nothing is
// read and nothing is decided: what the store says of the run, its queue, its gates and its workers is handed in, so that
// a sentence can be tested without making it happen. That they are the true ones is held by explain-claims.test.ts, which
// compares them with what the claim does.
//
// Before this file comes `Duckdive.explain`, which gathers the facts. After it come the command line and the dashboard.
import { explainBesides, isEnded } from "./besides.js";
import { explainEnded } from "./ended.js";
import type { Facts, Reason } from "./facts.js";
import { gateReasons } from "./gates.js";
import { lineReasons } from "./line.js";
import { pauseReasons } from "./pauses.js";
import { explainRunning } from "./running.js";
import { timeReasons } from "./time.js";
import { waitReasons } from "./waits.js";
import { slotsLine, takers, workerReasons } from "./workers.js";

export type { Facts, Reason } from "./facts.js";

/** Says why a run is where it is, in one sentence or more; the first is the answer, the others add to it. */
export function explainRun(facts: Facts): string[] {
  return [...explainState(facts), ...explainBesides(facts)];
}

function explainState(facts: Facts): string[] {
  if (facts.run.state === "running") return [explainRunning(facts)];
  if (isEnded(facts.run)) return [explainEnded(facts)];
  const reasons = reasonsOf(facts);
  if (reasons.length > 0) return reasons.map((reason, position) => sentenceOf(reason, position, facts));
  return [`It is ready and next: ${slotsLine(facts, takers(facts))}.`];
}

/** Everything that stands between a run and its start; nothing: the next claim of some worker takes it. */
export function reasonsOf(facts: Facts): Reason[] {
  const { state } = facts.run;
  if (state === "running" || isEnded(facts.run)) return [];
  const own = [...timeReasons(facts), ...waitReasons(facts)];
  const gates = gateReasons(facts);
  const others = [...pauseReasons(facts), ...workerReasons(facts)];
  return state === "waiting"
    ? [...own, ...gates, ...others]
    : [...own, ...others, ...gates, ...lineReasons(facts)];
}

function sentenceOf({ text, isSentence }: Reason, position: number, { run }: Facts): string {
  if (isSentence) return text;
  if (position > 0) return `Besides, ${text}`;
  return run.state === "ready" ? `It is ready, but ${text}` : `It waits because ${text}`;
}
