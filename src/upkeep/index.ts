// The door of `upkeep/`: what keeps a store in order while work goes on. One service a file, each with `start` and `stop`.
//
//   promote  scheduled → ready at the moment it is due; expired → failed
//   rescue   the runs of dead workers → ready, each loss recorded
//   prepare  recorded without a definition → checked, then ready; or failed
//   prune    what is past its keeping → gone
//
// `rounds` is how they answer wake-ups that come while they are at work.
export { createPreparer } from "./prepare.js";
export { createPromoter } from "./promote.js";
export { createPruner } from "./prune.js";
export { createRescuer } from "./rescue.js";
export { rounds } from "./rounds.js";
