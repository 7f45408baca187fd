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
  CycleError,
  IdConflictError,
  InvalidIdError,
  InvalidStoreError,
  NotCommittedError,
  NotEnqueuedError,
  NotRetryableError,
  NotSynchronousError,
  RunNotFoundError,
  SignalUnheardError,
  UnknownStepError,
} from "./errors.js";
export { consoleLog } from "./log.js";
export { outages } from "./outage.js";
export { recordOf } from "./record.js";
export { forPeople } from "./redacted.js";
export { checkId, checkTags, newRunOf, unrefused } from "./request.js";
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
export { stepsOf } from "./steps.js";
export type {
  Batch,
  BatchOptions,
  BatchState,
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
  JobState,
  Listing,
  ListOptions,
  Metrics,
  MetricsOptions,
  MetricsPoint,
  NamedRequest,
  NamedRun,
  OpenOptions,
  Page,
  PauseTarget,
  PublishOptions,
  QueueState,
  Redacted,
  RerouteOptions,
  Run,
  Step,
  StoreChange,
  Tallies,
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
