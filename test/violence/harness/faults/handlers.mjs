// Faults that handlers commit: they block the event loop, use up the memory, or throw where nobody catches.
//
// Each is a run like any other, asked for by the harness and promised to it, of a job whose handler takes its worker down.
import { kinds } from "../kinds.mjs";

/**
 * @param {string} name
 * @param {string} kind
 * @returns {import("../plan.mjs").Fault}
 */
function bad(name, kind) {
  return {
    name,
    plan: (random) => ({ input: kinds[kind]?.input(random) ?? {} }),
    async strike(world, { input }) {
      await world.ask(kind, input);
    },
  };
}

export const block = bad("block", "blocking");
export const exhaustMemory = bad("exhaust-memory", "hungry");
export const crash = bad("crash", "crashing");
