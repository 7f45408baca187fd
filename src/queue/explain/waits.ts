// It waits for something that is no gate and no pause: its own entries, another run, somebody who knows its job.
import type { Facts, Reason } from "./facts.js";
import { isClosed } from "./gates.js";
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
      return sentence("entries", `Its handler waits for something it asked for${on}.`);
    case "dependency":
      return sentence("dependency", `It waits for another run to end${on}.`);
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

/** Recorded from a shell, with SQL, or from another language. */
function preparation({ run, workers }: Facts): string {
  const job = JSON.stringify(run.job);
  const unchecked = "It was recorded without its definition, so its input is unchecked";
  return workers.some(({ abilities }) => abilities.some((ability) => ability.job === run.job))
    ? `${unchecked}: a worker that knows job ${job} checks it within moments. Then it is ready, or has failed as invalid-input.`
    : `${unchecked}: it waits for a worker that knows job ${job} to check it. ` +
        "Start one: `duckdive work FILE` with the file that defines it.";
}
