// What a worker says of itself, as lines of the runner's log.
//
// Before this file come a child's messages. After it comes the log.
import { formatDuration } from "../kernel/index.js";
import type { Child } from "./child.js";
import type { Blocked, FromPipe, FromWorker } from "./protocol.js";
import type { Say } from "./settings.js";
import { idsOf, shownRun, who } from "./text.js";

/** Says what people want to know of it; what comes every second is kept, not said. */
export function sayNews(say: Say, child: Child, message: FromWorker | FromPipe): void {
  const ids = idsOf(child);
  switch (message.type) {
    case "ready":
      say("ready", `${who(child)} is ready: ${message.worker}`, ids);
      return;
    case "rescued":
      say("rescued", `worker ${message.worker}: ${message.runs} of its runs given back by ${who(child)}`, {
        worker: message.worker,
        runs: message.runs,
        by: child.worker,
      });
      return;
    case "blocked":
      say("blocked", `${who(child)}: ${blockedText(message)}`, { ...ids, ...detailsOf(message) }, "warn");
      return;
    case "unblocked":
      say(
        "unblocked",
        `${who(child)}: its event loop moves again, after ${formatDuration(message.milliseconds)}`,
        { ...ids, ...detailsOf(message) },
      );
      return;
    case "status":
    case "recycle":
    case "dying":
    case "leaving":
      return;
  }
}

function blockedText({ milliseconds, run }: Blocked): string {
  const because = run === undefined ? "" : `, because of ${shownRun(run)}`;
  return `its event loop has stood still for ${formatDuration(milliseconds)}${because}`;
}

function detailsOf({ milliseconds, run, stack }: Blocked): Blocked {
  return {
    milliseconds,
    ...(run === undefined ? {} : { run }),
    ...(stack === undefined ? {} : { stack }),
  };
}
