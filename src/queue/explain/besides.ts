// What is true beside the state: limits in time, lost executions, a cancellation that was asked for, where it would go.

import { formatDuration } from "../../kernel/index.js";
import type { StoredRun } from "../../store/contract.js";
import type { Facts } from "./facts.js";
import { explainLastChance, explainLosses } from "./losses.js";
import { quoted, until } from "./words.js";

/** From this on a difference between two clocks is worth a sentence, in milliseconds. */
const strikingDifference = 2_000;

export function isEnded({ state }: StoredRun): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

export function explainBesides(facts: Facts): string[] {
  const { run, now } = facts;
  const { startBy, finishBy, startedAt, cancelAsked } = run;
  const isOver = isEnded(run);
  const sentences: string[] = [];
  if (cancelAsked !== undefined && !isOver) {
    sentences.push(
      `Its cancellation was asked for (${cancelAsked}); it ends when its handler obeys \`ctx.signal\`, or fails.`,
    );
  }
  sentences.push(...explainLosses(facts), ...explainLastChance(facts));
  if (!isOver && startBy !== undefined && startedAt === undefined)
    sentences.push(`It must start ${until(startBy, now)}, or it fails as expired.`);
  if (!isOver && finishBy !== undefined)
    sentences.push(`It must end ${until(finishBy, now)}, or it fails as expired.`);
  if (!isOver) sentences.push(...explainReroute(facts), ...explainClock(facts));
  return sentences;
}

function explainReroute({ run, reroute }: Facts): string[] {
  if (reroute === undefined) return [];
  const undo = `\`duckdive reroute ${run.job} --back\``;
  if (reroute === run.queue)
    return [`Its job is rerouted to queue ${quoted(reroute)}, whatever its definition says. Undo: ${undo}.`];
  return [
    `Its job is rerouted to queue ${quoted(reroute)}, and this run stayed in ${quoted(run.queue)}. ` +
      `Move it: \`duckdive change ${run.id} --to-queue ${reroute}\`.`,
  ];
}

/** Whoever compares its times with a watch, or gives it one, is misled. */
function explainClock({ clockAhead }: Facts): string[] {
  if (Math.abs(clockAhead) < strikingDifference) return [];
  const away = formatDuration(Math.round(Math.abs(clockAhead)));
  return [
    `The clock of the database is ${away} ${clockAhead > 0 ? "ahead of" : "behind"} this machine's, and its clock counts. ` +
      "Set both by NTP.",
  ];
}
