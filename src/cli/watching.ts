// Looking again and again, until somebody has seen enough.
//
// A change in the store is shown at once, but not more often than twice a second; without changes once a second, so that
// "3 s ago" stays true on a terminal. Ctrl-C ends it, which is no failure.
//
// Before this file come `runs --watch` and `stats --watch`. After it comes the store's watch.
import { once } from "node:events";
import { systemClock } from "../kernel/index.js";
import type { Store } from "../store/contract.js";
import { type ExitCode, exits } from "./exit.js";
import type { Cli } from "./session.js";

const pause = { least: 500, most: 1_000 };

export async function watching(
  { output }: Cli,
  store: Pick<Store, "watch">,
  look: () => Promise<void>,
): Promise<ExitCode> {
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  process.stdout.once("error", stop);
  let hasChanged = true;
  let wake = (): void => {};
  const unwatch = store.watch(() => {
    hasChanged = true;
    wake();
  });
  if (output.isTerminal && !output.isJson) process.stdout.write("\x1b[2J");
  try {
    while (!enough.signal.aborted) {
      hasChanged = false;
      await look();
      await waitAtMost(pause.least, enough.signal, () => {});
      if (!hasChanged) await waitAtMost(pause.most - pause.least, enough.signal, (now) => (wake = now));
    }
  } finally {
    unwatch();
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
  return exits.fine;
}

/** Resolves after a time, or when it is woken, or when it is enough. */
async function waitAtMost(
  milliseconds: number,
  enough: AbortSignal,
  onWake: (wake: () => void) => void,
): Promise<void> {
  if (enough.aborted) return;
  const over = new AbortController();
  await Promise.race([
    new Promise<void>((resolve) => {
      const timer = systemClock.after(milliseconds, resolve);
      over.signal.addEventListener("abort", () => timer.cancel());
      onWake(resolve);
    }),
    once(enough, "abort", { signal: over.signal }).catch(() => {}),
  ]);
  over.abort();
}
