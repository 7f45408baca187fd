// Whatever ends the runner's process, no worker outlives it as an orphan that nobody knows.
//
// At an orderly exit and at one by an error that nobody caught, the workers are killed before this process is gone. When
// it is killed itself it can do nothing more; then the workers notice that the channel is closed, and stop.
//
// Before this file comes nothing. After it comes the runner, which takes the will back when its last worker is gone.
import type { Say } from "./settings.js";

/** Until the function that it gives back is called. */
export function makeLastWill(say: Say, killAll: () => void): () => void {
  const lastWord = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack : undefined;
    say(
      "crashed",
      `the runner itself failed: ${String(error)}. Its workers are killed with it.`,
      { error: stack },
      "error",
    );
  };
  process.on("uncaughtExceptionMonitor", lastWord).on("exit", killAll);
  return () => {
    process.off("uncaughtExceptionMonitor", lastWord).off("exit", killAll);
  };
}
