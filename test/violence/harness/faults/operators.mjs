// What operators do: end, restart and quiet whole workers, and act on runs, at any moment.
import { setTimeout as wait } from "node:timers/promises";
import { found, NotDone } from "./not-done.mjs";

/** @typedef {import("../plan.mjs").Fault} Fault */

/**
 * @param {string} name
 * @param {NodeJS.Signals} signal
 * @param {Partial<Fault>} [more]
 * @returns {Fault}
 */
function signalling(name, signal, more = {}) {
  return {
    name,
    plan: (random) => ({ who: random.number() }),
    async strike(world, { who }) {
      const supervisor = found(world.supervisor(who), "supervisor");
      world.signal(supervisor, signal);
    },
    ...more,
  };
}

export const killSupervisor = signalling("kill-supervisor", "SIGKILL");
/** Its workers are drained; it is started again, as systemd would. */
export const stopSupervisor = signalling("stop-supervisor", "SIGTERM");
export const rollingRestart = signalling("rolling-restart", "SIGHUP");
export const killRuns = signalling("kill-runs", "SIGUSR1");

/** @type {Fault} */
export const quiet = {
  name: "quiet",
  plan: (random) => ({ who: random.number(), lasts: random.whole(500, 3_000) }),
  async strike(world, { who, lasts }) {
    const supervisor = found(world.supervisor(who), "supervisor");
    world.signal(supervisor, "SIGUSR2");
    await wait(lasts);
    world.signal(supervisor, "SIGCONT");
  },
};

/** A worker is told to end, and not by its supervisor. @type {Fault} */
export const stopOneWorker = {
  name: "stop-one-worker",
  plan: (random) => ({ who: random.number() }),
  async strike(world, { who }) {
    const victim = found(world.worker(who), "worker");
    world.signal(victim, "SIGTERM");
  },
};

/** @type {Fault} */
export const killEnqueuer = {
  name: "kill-enqueuer",
  plan: (random) => ({ who: random.number() }),
  async strike(world, { who }) {
    world.killEnqueuer(who);
  },
};

/**
 * Runs of these states, some of them, are acted upon.
 * @param {string} name
 * @param {"cancel" | "retry"} verb
 * @param {readonly string[]} states
 * @returns {Fault}
 */
function acting(name, verb, states) {
  return {
    name,
    weight: 2,
    plan: (random) => ({ places: Array.from({ length: random.whole(1, 5) }, () => random.number()) }),
    async strike(world, { places }) {
      const page = await world.hand.list({ states }, { limit: 200 });
      const ids = new Set(
        places.map((/** @type {number} */ place) => page.runs[Math.floor(place * page.runs.length)]?.id),
      );
      ids.delete(undefined);
      if (ids.size === 0) throw new NotDone("no run was there to be acted upon");
      await world.act(verb, [...ids]);
    },
  };
}

export const cancel = acting("cancel", "cancel", ["running", "running", "ready", "scheduled"]);
export const cancelRunning = acting("cancel-running", "cancel", ["running"]);
export const retry = acting("retry", "retry", ["failed", "cancelled"]);

/** @type {Fault} */
export const pause = {
  name: "pause",
  holds: "queues",
  plan: (random) => ({ queue: random.pick(["default", "long"]), lasts: random.whole(300, 2_000) }),
  async strike(world, { queue, lasts }) {
    await world.hand.pause({ queue });
    await wait(lasts);
    await world.hand.resume({ queue });
  },
};
