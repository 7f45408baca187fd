// What stores say a worker died of, and whom they leave to somebody who knows better.
//
// A store sees that a process is gone, not why. Where a runner keeps the worker alive, it has heard the last words and
// knows whose run is to blame; so a worker whose process is gone is left to its runner for a moment, as long as that one
// is there itself. Before this file comes each store's look at its workers; after it comes the rescue of what they held.
import { processLives } from "../kernel/index.js";
import type { Death } from "./contract.js";

/** Words that go on "the worker was lost: …". */
export const causes = {
  process: "its process is gone",
  silence: "no sign of life for 30 s",
  connection: "its connection is gone",
  takenOut: "it had been taken out before",
  retired: "it stopped with runs in hand",
} as const;

/** How long the dead are left to a runner that lives, in milliseconds: it needs some ten, unless all its workers are gone. */
const patienceWithRunner = 3_000;

export interface Corpse {
  readonly id: string;
  readonly cause: string;
  /** The process that keeps it alive, if that is on this machine. */
  readonly runner: number | undefined;
}

/** Tells which of the dead are nobody's any more. Holds since when it has known the others. */
export function runnersFirst(): (dead: readonly Corpse[], now: number) => Death[] {
  let known: ReadonlyMap<string, number> = new Map();
  return (dead, now) => {
    known = new Map(dead.map(({ id }) => [id, known.get(id) ?? now]));
    const isLeft = ({ id, runner }: Corpse): boolean =>
      runner !== undefined &&
      now - (known.get(id) ?? now) < patienceWithRunner &&
      processLives(runner, undefined);
    return dead.filter((corpse) => !isLeft(corpse)).map(({ id: worker, cause }) => ({ worker, cause }));
  };
}
