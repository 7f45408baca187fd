// The door of `runner/child/`: the worker's side of a runner.
//
//   attend.ts    speaks the protocol for a worker: says how it is; acts.ts does what it is told
//   blame.ts     knows which run the code that is executed now belongs to
//   watchdog.ts  a thread that sees the event loop stand still, and says by which run; thread.ts is its code
//   pipe.ts      the line that is written to in the last moment
//
// It knows the runner and a running worker, and nothing of stores and jobs: whoever starts the worker loads those.
export { type Attendant, attend, type Spoken } from "./attend.js";
export { startWatchdog } from "./watchdog.js";
