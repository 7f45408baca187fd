// The door of `job/`: what a job is, what may be said about a request for it, and what a run looks like from outside.
//
// The list is written by hand, so that adding to it is a decision.

export { type Adapter, isSqlConnection, type SqlConnection, type TxOf } from "./adapter.js";
export { type Admission, admissionOf, batchKeyOf, uniqueKeyOf } from "./admission.js";
export type {
  BatchContext,
  BatchItem,
  BatchJob,
  BatchResult,
  BatchResults,
  BatchRule,
  UnhandledBatch,
} from "./batch-types.js";
export type { BatchOfRun, Context, Log, OnChildFailure, StepInfo, Wait } from "./context.js";
export type { AnyContract, Contract, Taking } from "./contract.js";
export { defaults, priorities } from "./defaults.js";
export {
  type Definition,
  definitionOf,
  isContract,
  isJob,
  job,
  moduleOf,
  partsOf,
  policyOf,
  type RequestParts,
} from "./define.js";
export {
  BatchFinishedError,
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
  UnknownBatchError,
  UnknownRunError,
} from "./errors.js";
export { valuesIn } from "./exports.js";
export { runFailure } from "./failure.js";
export { collectJobs } from "./find.js";
export {
  type PreparedInput,
  parseFailure,
  parseOutput,
  parseStored,
  parseUnchecked,
  prepareInput,
  storeFailure,
  storeOutput,
  upgradedInput,
} from "./input.js";
export { type Isolate, type ResolvedIsolate, shownModule } from "./isolate.js";
export { isPromise } from "./judge.js";
export {
  type CarriedContext,
  carriedMeta,
  checkMeta,
  currentContext,
  inCarried,
  inContextOf,
  isClean,
  mergedContext,
  type RequestContext,
  withCarried,
  withContext,
} from "./meta.js";
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
export { checkPaths, type Redaction, redactionOf } from "./redact.js";
export type { Errors, InputOf, MustBeStorable, NotJson, ParsedOf, Schema, Stored } from "./schema.js";
export { parseSignal, type Signal, signal, signalSchema, storeSignal } from "./signal.js";
export type { AnyJob, DefineJob, Job, MaybePromise, Unhandled } from "./types.js";
export { UpgradeError } from "./upgrade.js";
export type { Upgrade, Upgrades } from "./upgrade-types.js";
