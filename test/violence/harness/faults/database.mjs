// Faults that a database and the way to it meet: restarts without warning, a full disk, cut and silent connections.
import { setTimeout as wait } from "node:timers/promises";
import { monotonic } from "../ledger.mjs";
import { NotDone } from "./not-done.mjs";

/** @typedef {import("../plan.mjs").Fault} Fault */

/** As `pg_ctl restart -m immediate`: what was not synced is gone. @type {Fault} */
export const restartDatabase = {
  name: "restart-database",
  stores: ["postgres"],
  holds: "database",
  plan: () => ({ lasts: 2_000 }),
  async strike(world) {
    await world.server.restart("immediate");
  },
};

/** @type {Fault} */
export const cut = {
  name: "cut",
  weight: 2,
  stores: ["postgres"],
  holds: "database",
  plan: () => ({}),
  async strike(world) {
    world.proxy.cut();
  },
};

/** Nobody is told: requests and answers, or answers alone, are held back and arrive late. @type {Fault} */
export const silence = {
  name: "silence",
  stores: ["postgres"],
  holds: "database",
  plan: (random) => ({ what: random.pick(["everything", "answers"]), lasts: random.whole(300, 4_000) }),
  async strike(world, { what, lasts }) {
    world.proxy.silence(what);
    try {
      await wait(lasts);
    } finally {
      world.proxy.resume();
    }
  },
};

/**
 * Longer than a worker may be silent: it must stop what it executes before others may give that away. Something to stop
 * is asked for first.
 * @type {Fault}
 */
export const longSilence = {
  ...silence,
  name: "long-silence",
  shortest: 240,
  plan: () => ({ lasts: 36_000 }),
  async strike(world, { lasts = 0 }) {
    const until = monotonic() + lasts + 2_000;
    for (let number = 0; number < 4; number++) await world.ask("patient", { until });
    await wait(1_000);
    await silence.strike(world, { what: "everything", lasts });
  },
};

/** @type {Fault} */
export const fillDisk = {
  name: "fill-disk",
  holds: "database",
  plan: (random) => ({ lasts: random.whole(500, 2_500) }),
  async strike(world, { lasts }) {
    if (world.disk === undefined) throw new NotDone("only root may mount a small disk");
    await world.disk.fill();
    try {
      await wait(lasts);
    } finally {
      await world.disk.empty();
      // A server that found no room for its log has ended itself, as its documentation says.
      await world.server?.start();
    }
  },
};
