// All faults, by name.
import * as database from "./database.mjs";
import * as handlers from "./handlers.mjs";
import * as operators from "./operators.mjs";
import * as workers from "./workers.mjs";

/** @type {readonly import("../plan.mjs").Fault[]} */
export const faults = [workers, handlers, database, operators]
  .flatMap((part) => Object.values(part))
  .sort((one, other) => (one.name < other.name ? -1 : 1));
