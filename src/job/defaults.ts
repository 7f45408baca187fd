// What holds when nothing is said: the one table of defaults.
//
// Every default that an application can feel stands here and nowhere else, and docs/reference/defaults.md shows the
// same rows; a test holds the two equal. Durations are written as people write them and parsed where they are used.
//
// Before this file comes nothing. After it come policies, requests, workers, schedules and the documentation.

import { jsonLimit } from "../kernel/index.js";

export const defaults = {
  queue: "default",
  priority: 0,
  retry: { attempts: 10, kind: "exponential", base: "5s", factor: 3, cap: "6h", jitter: 0.2 },
  timeout: "15m",
  crashes: 3,
  keep: { succeeded: "7d", failed: "90d", cancelled: "7d" },
  keepShortly: "15m",
  version: 1,
  /** Of one isolated execution. */
  isolateMemory: "512mb",
  drain: "25s",
  work: { "*": 10 },
  /** UTF-8 bytes, for an input, an output and the result of a step. */
  inputLimit: jsonLimit,
  missed: "once",
  overlap: "allow",
  onConflict: "ignore",
  onParentEnd: "cancel",
  onParentFailure: "fail",
  lockHold: "run",
  batchWait: "0s",
} as const;

/** Priorities are whole numbers from here to there, so that lanes stay countable. */
export const priorities = { lowest: -10, highest: 10 } as const;
