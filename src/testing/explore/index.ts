// Crash exploration: what a job does twice when it is interrupted, found by interrupting it everywhere.
//
//   explore     the boundaries of a job, every fault at each, and the report
//   trial       one run in a world of its own, under a script
//   script      which fault happens at which boundary
//   fleet       the processes of a trial: one dies, another works on
//   process     a worker that can be killed, with its view of store, clock and transactions
//   bodies      which bodies of which steps ran, and how often
//   difference  how two worlds differ
//   blame       who made which difference
//   report      all of it as data and as text
//   foreign     what handlers wait for that is none of the above
export { explore, NotExplorableError } from "./explore.js";
export type { ForeignAwait } from "./foreign.js";
export { type BoundaryReport, type Finding, NotIdempotentError, type Report } from "./report.js";
export type { ExploreOptions } from "./trial.js";
