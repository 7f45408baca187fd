// The door of duckdive for applications: everything that `import { … } from "duckdive"` gives.
//
// The list is written by hand, so that adding to it is a decision. Values first, then errors, then types. Nothing
// here, or below, does anything at import, and nothing awaits at the top level, so `require("duckdive")` works too.

export type {
  Adapter,
  AnyContract,
  AnyJob,
  Backoff,
  By,
  ChildOptions,
  Context,
  Contract,
  DefineJob,
  Errors,
  InputOf,
  Issue,
  Job,
  Limit,
  Log,
  Meta,
  NotJson,
  OnChildFailure,
  OnConflict,
  Outcome,
  ParsedOf,
  Policy,
  Rate,
  Request,
  RequestOptions,
  Retry,
  RunRecord,
  Schema,
  Settled,
  Signal,
  SqlConnection,
  State,
  StepInfo,
  Stored,
  StoredError,
  TxOf,
  Unhandled,
  Unique,
  Wait,
  WaitingReason,
} from "./job/index.js";
export {
  ContractNotHandledError,
  DuplicateJobError,
  InvalidInputError,
  InvalidOutputError,
  InvalidTransactionError,
  job,
  ResultTimeoutError,
  RunCancelledError,
  RunFailedError,
  signal,
  UniqueConflictError,
} from "./job/index.js";
export type { Duration } from "./kernel/index.js";
export {
  DuckdiveError,
  InvalidDurationError,
  InvalidOptionError,
  NotBuiltError,
  NotJsonError,
  TooLargeError,
} from "./kernel/index.js";
export {
  ClaimLostError,
  ExecutionStoppedError,
  HistoryMismatchError,
  NestedStepError,
  OutcomeNotReturnedError,
  SettlementLostError,
  StepNameTwiceError,
} from "./loop/index.js";
export type { EnqueueMiddleware, EnqueueRequest, ExecuteMiddleware, Middleware } from "./middleware/index.js";
export { NextCalledTwiceError } from "./middleware/index.js";
export { type Config, config, isConfig, open } from "./open.js";
export type {
  Batch,
  BatchSummary,
  Duckdive,
  EnqueueOptions,
  ErrorContext,
  Filter,
  Listing,
  ListOptions,
  OpenOptions,
  Page,
  PauseTarget,
  QueueState,
  Run,
  Schedule,
  Target,
  Timeline,
  WaitOptions,
  Worker,
  WorkerState,
  WorkOptions,
} from "./queue/index.js";
export {
  ClosedError,
  IdConflictError,
  InvalidIdError,
  InvalidStoreError,
  NotCommittedError,
  NotEnqueuedError,
  NotSynchronousError,
  RunNotFoundError,
} from "./queue/index.js";
export type { RunEvents } from "./run/index.js";
