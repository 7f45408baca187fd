// The door of `duckdive/testing`: for the tests of applications, and for those of stores.
//
//   testQueue         the real engine in memory, with the clock in your hand
//   explore           a job crashed at every boundary: what it does twice, and which step must be made idempotent
//   faults            a store in which things go wrong by chance
//   manualClock       that clock alone
//   storeConformance  what every store must pass, as tests
//
// Nothing here is a mock: what runs in a test is what runs in production.
export { type Clock, type ManualClock, manualClock, type Timer } from "../kernel/index.js";
export { EndlessDrainError } from "./budget.js";
export { type ConformanceOptions, type Harness, storeConformance } from "./conformance/index.js";
export {
  type BoundaryReport,
  type ExploreOptions,
  explore,
  type Finding,
  type ForeignAwait,
  NotExplorableError,
  NotIdempotentError,
  type Report,
} from "./explore/index.js";
export { type FaultKind, type FaultOptions, faults } from "./faults.js";
export {
  type Drained,
  type TestQueue,
  type TestQueueOptions,
  testQueue,
} from "./queue.js";
