// The line about a worker that has ended: how, and which runs that concerns.
//
// Before this file comes how a process ended. After it comes the log.
import type { Child } from "./child.js";
import { causeOf, culpritsOf, type Ended } from "./death.js";
import type { Say } from "./settings.js";
import { idsOf, shownRun, who } from "./text.js";

/** How many runs are named in a line. */
const shownRuns = 5;

export function sayEnd(say: Say, child: Child, ended: Ended): void {
  if (isOrderly(ended)) {
    const why = ended.left === "empty" ? "has nothing left to do" : "has stopped";
    say("left", `${who(child)} ${why}`, idsOf(child));
    return;
  }
  const running = child.status?.value.running ?? [];
  const fields = {
    ...idsOf(child),
    code: ended.code,
    signal: ended.signal,
    lived: Math.round(ended.lived),
    culprits: culpritsOf(ended),
    running: running.map(({ run }) => run),
  };
  const text = `${who(child)} is dead: ${causeOf(ended)}${hint(ended)}${runsText(child, ended)}`;
  say("died", text, fields, "error");
}

/** It has stopped by itself, and given back what it held. */
export function isOrderly({ left, verdict }: Ended): boolean {
  return left !== undefined && verdict === undefined;
}

function hint({ signal, verdict }: Ended): string {
  return signal === "SIGKILL" && verdict === undefined ? " (by somebody, or for want of memory)" : "";
}

function runsText({ status }: Child, ended: Ended): string {
  const running = status?.value.running ?? [];
  const culprits = culpritsOf(ended);
  const concerned = culprits === undefined ? running : running.filter(({ run }) => culprits.includes(run));
  if (concerned.length === 0) return culprits?.length ? `, because of run ${culprits.join(", ")}` : "";
  const more = concerned.length > shownRuns ? ` and ${concerned.length - shownRuns} more` : "";
  const names = `${concerned.slice(0, shownRuns).map(shownRun).join(", ")}${more}`;
  return culprits === undefined ? `; it was executing ${names}` : `, because of ${names}`;
}
