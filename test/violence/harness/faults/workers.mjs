// Faults that workers meet: ended without warning, stopped while everybody takes them for dead, with a clock that jumps.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { found, NotDone } from "./not-done.mjs";

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
    await whileStopped(world, victim, lasts, async () => {
      await wait(lasts / 4);
      await world.takeForDead(victim);
    });
  },
};

/**
 * A process that is stopped may hold a lock that others need, so it goes on in time, whatever they have come to.
 * @param {any} world
 * @param {any} victim
 * @param {number} lasts
 * @param {() => Promise<void>} work
 */
async function whileStopped(world, victim, lasts, work) {
  world.signal(victim, "SIGSTOP");
  const worked = work().then(
    () => undefined,
    (error) => error,
  );
  await wait(lasts);
  world.signal(victim, "SIGCONT");
  const error = await worked;
  if (error !== undefined) throw error;
}

/** Taken for dead while it is wide awake: it must notice, let go, and come back with empty hands. @type {Fault} */
export const declareDead = {
  name: "declare-dead",
  plan: (random) => ({ who: random.number() }),
  async strike(world, { who }) {
    const victim = found(world.worker(who), "worker");
    await world.takeForDead(victim);
  },
};

/** Whatever it executes is cancelled, and before it can hear of that it is taken for dead. @type {Fault} */
export const cancelZombie = {
  name: "cancel-zombie",
  plan: (random) => ({ who: random.number() }),
  async strike(world, { who }) {
    const victim = found(world.worker(who), "worker");
    await whileStopped(world, victim, 500, async () => {
      const { runs } = await world.hand.list({ states: ["running"] }, { limit: 200 });
      const own = runs.flatMap((/** @type {{ id: string, worker?: string }} */ { id, worker }) =>
        worker === victim.worker ? [id] : [],
      );
      if (own.length === 0) throw new NotDone("the worker executed nothing");
      await world.act("cancel", own);
      await world.takeForDead(victim);
    });
  },
};

/** Stopped for a moment, and nobody minds. @type {Fault} */
export const stopWorker = {
  name: "stop-worker",
  plan: (random) => ({ who: random.number(), lasts: random.whole(200, 3_000) }),
  async strike(world, { who, lasts = 0 }) {
    const victim = found(world.worker(who), "worker");
    await whileStopped(world, victim, lasts, async () => {});
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
