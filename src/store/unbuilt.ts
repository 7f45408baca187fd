// Verbs of the contract that a store does not have yet: each refuses by name, so that nothing is silently ignored.
import { NotBuiltError } from "../kernel/index.js";
import type { Store } from "./contract.js";

type Verb = "tally" | "change" | "reroute" | "reroutes" | "setSlots" | "standing" | "tallies";

export function unbuiltVerbs(kind: string): Pick<Store, Verb> {
  const refuse = (verb: Verb) => async (): Promise<never> => {
    throw new NotBuiltError(
      `This version of the ${kind} store does not do \`${verb}\` yet. Use a newer version.`,
    );
  };
  return {
    tally: refuse("tally"),
    change: refuse("change"),
    reroute: refuse("reroute"),
    reroutes: refuse("reroutes"),
    setSlots: refuse("setSlots"),
    standing: refuse("standing"),
    tallies: refuse("tallies"),
  };
}
