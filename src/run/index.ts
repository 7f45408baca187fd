// The door of `run/`: what a run is and what becomes of it. Pure: nothing here reads a clock, a store or a handler.
export type { Ended } from "./ended.js";
export { storedError, storedText } from "./error.js";
export type { RunEvents } from "./events.js";
export { type FailedRun, failureOf } from "./failed.js";
export {
  ClaimLostError,
  ForeignAwaitError,
  HistoryMismatchError,
  HistoryTooLongError,
  isRecordedFailure,
  NestedStepError,
  PollTimeoutError,
  recordedFailure,
  StepFailedError,
  StepNameTwiceError,
} from "./history-errors.js";
export { childId, originOf, restartEntry, restartsIn } from "./restarts.js";
export {
  type Fence,
  failureReasons,
  type Moment,
  type NewEvent,
  type Settlement,
  type WaitReason,
} from "./settlement.js";
export { hasEnded, states } from "./states.js";
export { isExhausted, isLastChance, isPoison, transition } from "./transition.js";
