// The door of `queue/`: the application's hand on its runs.
//
// The list is written by hand, so that adding to it is a decision.
export { createClient } from "./client.js";
export {
  type Command,
  checkQueues,
  decodedPayload,
  readCommand,
} from "./control.js";
export { recordAll } from "./enqueue.js";
export {
  ClosedError,
  IdConflictError,
  InvalidIdError,
  InvalidStoreError,
  NotCommittedError,
  NotEnqueuedError,
  NotSynchronousError,
  RunNotFoundError,
} from "./errors.js";
export { consoleLog } from "./log.js";
export { outages } from "./outage.js";
export { recordOf } from "./record.js";
export { checkId, checkMeta, checkTags, newRunOf, unrefused } from "./request.js";
export type {
  PastTick,
  RuntimeScheduleOptions,
  Schedule,
  ScheduleHandle,
  ScheduleOptions,
  ScheduleRules,
  ScheduleState,
  TickState,
} from "./schedule-types.js";
export type {
  Batch,
  BatchSummary,
  BulkOptions,
  BulkProgress,
  Change,
  DepartedState,
  DrainQueueOptions,
  Duckdive,
  EnqueueOptions,
  ErrorContext,
  ExecutionName,
  Filter,
  Listing,
  ListOptions,
  OpenOptions,
  Page,
  PauseTarget,
  PublishOptions,
  QueueState,
  RerouteOptions,
  Run,
  Target,
  Throughput,
  ThroughputOptions,
  Timeline,
  WaitOptions,
  Worker,
  WorkerState,
  WorkerStatus,
  WorkOptions,
} from "./types.js";
