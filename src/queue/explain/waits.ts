// It waits for something that is no gate and no pause: its own entries, another run, somebody who knows its job.

import { awaitedCalls } from "./calls.js";
import type { Facts, Reason } from "./facts.js";
import { isClosed } from "./gates.js";
import { standing } from "./standing.js";
import { many } from "./words.js";
import { whoLacksIt } from "./workers.js";

export function waitReasons(facts: Facts): Reason[] {
  const { run, workers } = facts;
  if (run.state !== "waiting") return [];
  const on = run.waiting?.on === undefined ? "" : ` (${run.waiting.on})`;
  const sentence = (code: Reason["code"], text: string): Reason[] => [{ code, text, isSentence: true }];
  switch (run.waiting?.reason) {
    case "preparation":
      return sentence("preparation", preparation(facts));
    case "entries":
      return sentence("entries", awaitedCalls(facts) ?? `Its handler waits for something it asked for${on}.`);
    case "dependency":
      return sentence("dependency", dependency(facts));
    case "worker":
      return sentence("worker", `It waits for a worker that can run it: ${whoLacksIt(facts, workers)}`);
    case "admission":
      return facts.gates.some((gate) => isClosed(gate, facts.now))
        ? []
        : sentence("unknown", `It waits for a place at a lock, a limit or a rate${on}.`);
    case undefined:
      return sentence("unknown", "It is waiting, and its record does not say for what.");
    default:
      return [];
  }
}

/** Which runs it comes after, and how each stands. */
function dependency({ run, awaited, now }: Facts): string {
  const all = run.after?.length ?? 0;
  if (awaited.length === 0) return "It waits for another run to end.";
  const named = awaited.map(([id, one]) => standing(id, one, now));
  const others = all - awaited.length;
  const more = others > 0 ? [`${others} others${all === mostListed ? " or more" : ""}`] : [];
  return `It waits for ${many(all, "run")}${all === mostListed ? " or more" : ""} to end: ${[...named, ...more].join("; ")}.`;
}

/** How many of those that a run comes after its record lists. */
const mostListed = 100;

/** Recorded from a shell, with SQL, or from another language. */
function preparation({ run, workers }: Facts): string {
  const job = JSON.stringify(run.job);
  const unchecked = "It was recorded without its definition, so its input is unchecked";
  return workers.some(({ abilities }) => abilities.some((ability) => ability.job === run.job))
    ? `${unchecked}: a worker that knows job ${job} checks it within moments. Then it is ready, or has failed as invalid-input.`
    : `${unchecked}: it waits for a worker that knows job ${job} to check it. ` +
        "Start one: `duckdive work FILE` with the file that defines it.";
}
