// The door of `loop/`: fetch → execute → settle, inside one process.
//
//   loop.ts       the pump: claims while slots are free, rests when nothing is left, wakes when told
//   execution.ts  one run: refuse or call, observe, clean up, decide
//   context.ts    the `ctx` of a handler
//   transactions.ts  `ctx.tx` and `ctx.succeed`, over what history.ts knows of the run
//   settle.ts     settlements in batches, kept until the store has taken them
//   notes.ts      logs and progress on their way to the store
//   life.ts       whether the worker could show that it lives
//
// It knows nothing of waits: a suspension is one more way for an execution to end. Who keeps the worker
// registered, alive and its store tidy is `src/worker.ts` with `upkeep/`.

export { OutcomeNotReturnedError } from "./context.js";
export type { EnqueueFromRun, Environment, KnownJob } from "./environment.js";
export { ClaimLostError, HistoryMismatchError, NestedStepError, StepNameTwiceError } from "./errors.js";
export type { Execution } from "./execution.js";
export { createLife } from "./life.js";
export { createLoop } from "./loop.js";
export { SettlementLostError } from "./settle.js";
export { createShutdown } from "./shutdown.js";
export { ExecutionStoppedError } from "./stop.js";
