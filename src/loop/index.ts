// The door of `loop/`: fetch → execute → settle, inside one process.
//
//   loop.ts       the pump: claims while slots are free, rests when nothing is left, wakes when told
//   execution.ts  one run: refused, gathered or called; call.ts has its call, ending.ts what its end means
//   isolated.ts   one whose handler runs in an isolate; perform.ts has the call itself, the same for both
//   batch.ts      runs that gather for a handler of many; member.ts, item.ts and together.ts have their call
//   solo.ts       whether a run on its last chance may be executed, which is alone
//   tally.ts      what the loop tells about itself
//   context.ts    the `ctx` of a handler
//   hooks.ts      what a job wants done when a run of it has failed
//   durable.ts    the durable calls of a handler, as the loop meets them
//   transactions.ts  `ctx.tx` and `ctx.succeed`
//   settle.ts     settlements in batches, kept until the store has taken them
//   notes.ts      logs and progress on their way to the store
//   heartbeat.ts  shows that the worker lives; hearing.ts acts on what it is told
//   statistics.ts  counts how executions ended, by the minute
//   retained.ts   counts suspended executions that cannot be let go
//   life.ts       whether the worker could show that it lives
//   enter.ts      enters the store as soon as it is there
//
// It knows nothing of waits: a suspension is one more way for an execution to end. Who keeps the worker
// registered, alive and its store tidy is `src/worker.ts` with `upkeep/`.

export type { Committed, Execution } from "./conclusion.js";
export { createContext, OutcomeNotReturnedError } from "./context.js";
export { abilitiesOf, definitionsOf, knownJobs } from "./definitions.js";
export { type Delay, measureDelay } from "./delay.js";
export type { MakeDurable } from "./durable.js";
export { cleanUp } from "./ending.js";
export { createEntrance } from "./enter.js";
export type { AddFromRun, EnqueueFromRun, Environment, Frames, KnownJob } from "./environment.js";
export { createHearing, type Deed } from "./hearing.js";
export { createHeartbeat } from "./heartbeat.js";
export { createHooks, failedMessage, type RequestRun, readFailed } from "./hooks.js";
export type { Isolated, IsolatedEnd, IsolatedTask, Isolation } from "./isolation.js";
export { BatchResultError } from "./item.js";
export { createLife } from "./life.js";
export { createLoop } from "./loop.js";
export type { Notes } from "./notes.js";
export { perform } from "./perform.js";
export { createRetained } from "./retained.js";
export { SettlementLostError } from "./settle.js";
export { createShutdown } from "./shutdown.js";
export { withSlotsSet } from "./slots.js";
export { createStatistics } from "./statistics.js";
export { ExecutionStoppedError, type Stop } from "./stop.js";
export type { LoopStatus } from "./tally.js";
