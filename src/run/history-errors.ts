// What can go wrong with the durable calls of a handler, each with its name, its stable code and its remedy.
//
// Before this file come the kernel's errors. After it come the history of a run and its transactions.
import { DuckdiveError } from "../kernel/index.js";

/** This execution does not own its run any more: what it would have committed was rolled back. */
export class ClaimLostError extends DuckdiveError {
  static readonly code = "CLAIM_LOST";
  readonly code: string = ClaimLostError.code;
}

/** Two durable calls of one execution have the same name. */
export class StepNameTwiceError extends DuckdiveError {
  static readonly code = "STEP_NAME_TWICE";
  readonly code: string = StepNameTwiceError.code;
}

/** A durable call was made inside of another one. */
export class NestedStepError extends DuckdiveError {
  static readonly code = "NESTED_STEP";
  readonly code: string = NestedStepError.code;
}

/** The handler asks for something else than what an earlier execution of the run recorded under that name. */
export class HistoryMismatchError extends DuckdiveError {
  static readonly code = "HISTORY_MISMATCH";
  readonly code: string = HistoryMismatchError.code;
}
