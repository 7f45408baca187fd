// Faults that workers meet: ended without warning, stopped while everybody takes them for dead, with a clock that jumps.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { found } from "./not-done.mjs";

/** @typedef {import("../plan.mjs").Fault} Fault */

/** kill -9. @type {Fault} */
export const killWorker = {
  name: "kill-worker",
  weight: 2,
  plan: (random) => ({ who: random.number() }),
  async strike(world, { who }) {
    const victim = found(world.worker(who), "worker");
    world.signal(victim, "SIGKILL");
  },
};

/**
 * A true zombie: stopped in the middle of whatever it does, taken for dead by others, and then it goes on. That somebody
 * takes it for dead is the harness's doing: on its own host a stopped process is one that lives.
 * @type {Fault}
 */
export const zombie = {
  name: "zombie",
  weight: 2,
  plan: (random) => ({ who: random.number(), lasts: random.whole(300, 4_000) }),
  async strike(world, { who, lasts = 0 }) {
    const victim = found(world.worker(who), "worker");
    world.signal(victim, "SIGSTOP");
    try {
      await wait(lasts / 4);
      await world.takeForDead(victim);
      await wait((lasts * 3) / 4);
    } finally {
      world.signal(victim, "SIGCONT");
    }
  },
};

/** Taken for dead while it is wide awake: it must notice, let go, and come back with empty hands. @type {Fault} */
export const declareDead = {
  name: "declare-dead",
  plan: (random) => ({ who: random.number() }),
  async strike(world, { who }) {
    const victim = found(world.worker(who), "worker");
    await world.takeForDead(victim);
  },
};

/** Stopped for a moment, and nobody minds. @type {Fault} */
export const stopWorker = {
  name: "stop-worker",
  plan: (random) => ({ who: random.number(), lasts: random.whole(200, 3_000) }),
  async strike(world, { who, lasts }) {
    const victim = found(world.worker(who), "worker");
    world.signal(victim, "SIGSTOP");
    try {
      await wait(lasts);
    } finally {
      world.signal(victim, "SIGCONT");
    }
  },
};

const hour = 3_600_000;

/**
 * One worker's clock jumps by an hour, and back. On SQLite the computer's clock is the store's, so it is everybody's that
 * jumps.
 * @type {Fault}
 */
export const jumpClock = {
  name: "jump-clock",
  holds: "clock",
  plan: (random) => ({
    who: random.number(),
    by: random.pick([-hour, hour]),
    lasts: random.whole(1_000, 6_000),
  }),
  async strike(world, { who, by, lasts }) {
    const victim = found(world.worker(who), "worker");
    const file = join(world.clocks, world.store === "sqlite" ? "all" : String(victim.pid));
    await writeFile(file, String(by));
    if (world.store === "sqlite") world.clockHasJumped();
    await wait(lasts);
    await rm(file, { force: true });
  },
};
