// Whatever ends the runner's process, no worker outlives it as an orphan that nobody knows.
//
// At an orderly exit and at one by an error that nobody caught, the workers are killed before this process is gone. When
// it is killed itself it can do nothing more; then the workers notice that the channel is closed, and stop.
//
// One error is no reason to end: Node throws when a worker's process has written something into the channel that is not
// JSON, and there is nobody who could catch it. It is that process's mistake, and what it sends next is read again.
//
// Before this file comes nothing. After it comes the runner, which takes the will back when its last worker is gone.
import { writeSync } from "node:fs";
import type { Say } from "./settings.js";

/** Until the function that it gives back is called. */
export function makeLastWill(say: Say, killAll: () => void): () => void {
  function onUncaught(error: unknown): void {
    if (isNonsense(error)) {
      const text = `a worker wrote something into its channel that is not JSON; it is ignored: ${error.message}`;
      say("nonsense", text, {}, "warn");
      return;
    }
    // Whoever else listens decides what becomes of this process.
    if (process.listenerCount("uncaughtException") > 1) return;
    const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    const text = `the runner itself failed: ${String(error)}. Its workers are killed with it.`;
    say("crashed", text, { error: stack }, "error");
    writeSync(2, `${stack}\n`);
    process.exit(1);
  }

  process.on("uncaughtException", onUncaught).on("exit", killAll);
  return () => {
    process.off("uncaughtException", onUncaught).off("exit", killAll);
  };
}

/** What Node throws about a channel; it has no name of its own. */
function isNonsense(error: unknown): error is SyntaxError {
  return error instanceof SyntaxError && error.stack?.includes("node:internal/child_process") === true;
}
