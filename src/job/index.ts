// The door of `job/`: what a job is, what may be said about a request for it, and what a run looks like from outside.
//
// The list is written by hand, so that adding to it is a decision.

export { type Adapter, isSqlConnection, type SqlConnection, type TxOf } from "./adapter.js";
export { type Admission, admissionOf, batchKeyOf } from "./admission.js";
export type {
  BatchContext,
  BatchItem,
  BatchJob,
  BatchResult,
  BatchResults,
  BatchRule,
  UnhandledBatch,
} from "./batch-types.js";
export type { Context, Log, OnChildFailure, StepInfo, Wait } from "./context.js";
export type { AnyContract, Contract, Taking } from "./contract.js";
export { defaults, priorities } from "./defaults.js";
export {
  type Definition,
  definitionOf,
  isContract,
  isJob,
  job,
  partsOf,
  policyOf,
  type RequestParts,
  unbuilt,
} from "./define.js";
export {
  ContractNotHandledError,
  DuplicateJobError,
  InvalidInputError,
  InvalidKeyError,
  InvalidOutputError,
  InvalidTransactionError,
  type Issue,
  ResultTimeoutError,
  RunCancelledError,
  RunFailedError,
  UniqueConflictError,
} from "./errors.js";
export { runFailure } from "./failure.js";
export { collectJobs } from "./find.js";
export {
  type PreparedInput,
  parseFailure,
  parseOutput,
  parseStored,
  prepareInput,
  storeFailure,
  storeOutput,
} from "./input.js";
export { checkName } from "./names.js";
export type { ChildOptions, InputArgs, Request, RequestOptions } from "./options.js";
export { isOutcome, type Outcome, type OutcomeValue, outcomes } from "./outcome.js";
export {
  type ResolvedBackoff,
  type ResolvedBatch,
  type ResolvedPolicy,
  resolveRetry,
  retryDelay,
} from "./policy.js";
export type {
  Backoff,
  By,
  Limit,
  OnConflict,
  OnFailed,
  Policy,
  Rate,
  Retry,
  Unique,
} from "./policy-types.js";
export type { Meta, RunFailure, RunRecord, Settled, State, StoredError, WaitingReason } from "./record.js";
export type { Errors, InputOf, MustBeStorable, NotJson, ParsedOf, Schema, Stored } from "./schema.js";
export { parseSignal, type Signal, signal, signalSchema } from "./signal.js";
export type { AnyJob, DefineJob, Job, MaybePromise, Unhandled } from "./types.js";
