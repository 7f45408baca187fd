// What programs import as `duckdive` here: the parts, as far as they are built, and in pending.ts what is not.
//
// When src/index.ts exports all of it, tsconfig.json beside this file points there and both files go.
export type * from "../../src/job/index.js";
export {
  job,
  ResultTimeoutError,
  RunCancelledError,
  RunFailedError,
  signal,
  UniqueConflictError,
} from "../../src/job/index.js";
export type { Duration } from "../../src/kernel/index.js";
export { config, open } from "../../src/open.js";
export type * from "../../src/queue/schedule-types.js";
export type * from "../../src/queue/types.js";
export { schedule } from "../../src/schedule/index.js";
export * from "./pending.js";
