// The one contract of everything that lives for a while: it starts, and it stops.
//
// Whoever holds a service may call stop before start, start twice, stop twice, and either while the other is still
// under way; the calls are put in order here, so that the two functions that do the work never meet. `stop()`
// resolves when the thing has stopped, not when it was told to. A start that fails leaves the service stopped: it
// may be stopped, which does nothing, or started again, so a start that fails must let go of what it took.
//
// Before this file comes nothing. After it come the loop, the upkeep and the scheduler.

/** Something long-lived. Both calls may be made in any state, any number of times. */
export interface Service {
  /** Resolves when it is running. Rejects, and is stopped, when it cannot start. */
  start(): Promise<void>;
  /** Resolves when nothing of it is running any more. */
  stop(): Promise<void>;
}

/**
 * A service made of the two functions that do the work; each is called only when it is its turn.
 *
 * @example const ticker = service({ start: () => { timer = arm(); }, stop: () => timer.cancel() });
 */
export function service(parts: {
  start: () => void | Promise<void>;
  stop: () => void | Promise<void>;
}): Service {
  let wanted: "running" | "stopped" = "stopped";
  /** What the latest call was promised; the same wish again is the same promise. */
  let latest: Promise<void> = Promise.resolve();
  /** Whether it runs once everything asked for so far is done. Never rejects. */
  let running: Promise<boolean> = Promise.resolve(false);

  function next(wish: "running" | "stopped", work: (isRunning: boolean) => Promise<boolean>): Promise<void> {
    if (wanted === wish) return latest;
    wanted = wish;
    const done = running.then(work);
    const promised = done.then(() => {});
    running = done.catch(() => {
      if (latest === promised) {
        wanted = "stopped";
        latest = Promise.resolve();
      }
      return false;
    });
    latest = promised;
    return promised;
  }

  return {
    start: () =>
      next("running", async (isRunning) => {
        if (!isRunning) await parts.start();
        return true;
      }),
    stop: () =>
      next("stopped", async (isRunning) => {
        if (isRunning) await parts.stop();
        return false;
      }),
  };
}
