// The door of `duckdive/testing`: for the tests of applications, and for those of stores.
//
//   testQueue         the real engine in memory, with the clock in your hand
//   manualClock       that clock alone
//   storeConformance  what every store must pass, as tests
//
// Nothing here is a mock: what runs in a test is what runs in production.
export { type ManualClock, manualClock } from "../kernel/index.js";
export { EndlessDrainError } from "./budget.js";
export { type ConformanceOptions, type Harness, storeConformance } from "./conformance/index.js";
export {
  type Drained,
  type TestQueue,
  type TestQueueOptions,
  testQueue,
} from "./queue.js";
