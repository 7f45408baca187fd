// What programs import as `duckdive` here: the parts, as far as they are built.
//
// When src/index.ts exports all of it, tsconfig.json beside this file points there and this file goes.
export type * from "../../src/job/index.js";
export {
  currentContext,
  job,
  ResultTimeoutError,
  RunCancelledError,
  RunFailedError,
  signal,
  UniqueConflictError,
  withContext,
} from "../../src/job/index.js";
export type { Duration } from "../../src/kernel/index.js";
export { config, open } from "../../src/open.js";
export type * from "../../src/queue/schedule-types.js";
export type * from "../../src/queue/types.js";
export { schedule } from "../../src/schedule/index.js";
