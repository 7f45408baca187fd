// The door of `loop/`: fetch → execute → settle, inside one process.
//
//   loop.ts       the pump: claims while slots are free, rests when nothing is left, wakes when told
//   execution.ts  one run: refuse or call, observe, clean up, decide; ending.ts has what its end means
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
//   life.ts       whether the worker could show that it lives
//   enter.ts      enters the store as soon as it is there
//
// It knows nothing of waits: a suspension is one more way for an execution to end. Who keeps the worker
// registered, alive and its store tidy is `src/worker.ts` with `upkeep/`.

export type { Execution } from "./conclusion.js";
export { OutcomeNotReturnedError } from "./context.js";
export { abilitiesOf, definitionsOf } from "./definitions.js";
export { measureDelay } from "./delay.js";
export type { MakeDurable } from "./durable.js";
export { createEntrance } from "./enter.js";
export type { EnqueueFromRun, Environment, Frames, KnownJob } from "./environment.js";
export { createHearing, type Deed } from "./hearing.js";
export { createHeartbeat } from "./heartbeat.js";
export { createHooks, failedMessage, type RequestRun, readFailed } from "./hooks.js";
export { BatchResultError } from "./item.js";
export { createLife } from "./life.js";
export { createLoop } from "./loop.js";
export { SettlementLostError } from "./settle.js";
export { createShutdown } from "./shutdown.js";
export { withSlotsSet } from "./slots.js";
export { createStatistics, type Statistics } from "./statistics.js";
export { ExecutionStoppedError } from "./stop.js";
export type { LoopStatus } from "./tally.js";
