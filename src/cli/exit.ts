// What a command's exit code says, in one place; docs/reference/cli.md has the same table, held equal by a test.
//
// Few codes, because scripts branch on few things: did it work, did what I asked for fail, did I ask wrongly, is the
// place where runs live at fault, or what I put in. Which of them an error means is decided by its `code`, so that an
// error of another copy of the package counts as well.
//
// Before this file come the errors of every part. After it comes `main`.

import { DuckdiveError } from "../kernel/index.js";

/** Every exit code, and what it says. */
export const exits = {
  fine: 0,
  failed: 1,
  usage: 2,
  store: 3,
  input: 4,
  crashed: 70,
} as const;

export type ExitCode = (typeof exits)[keyof typeof exits];

/** What the codes mean that a command may meet. */
export const exitsByCode: Readonly<Record<string, ExitCode>> = {
  RUN_FAILED: exits.failed,
  RUN_CANCELLED: exits.failed,
  RUN_NOT_FOUND: exits.failed,
  SCHEDULE_NOT_FOUND: exits.failed,
  SCHEDULE_EXISTS: exits.failed,
  SCHEDULE_IN_CODE: exits.failed,
  SCHEDULE_NOT_AT_HAND: exits.failed,
  RESULT_TIMEOUT: exits.failed,
  NOT_RETRYABLE: exits.failed,
  SIGNAL_UNHEARD: exits.failed,
  INVALID_OUTPUT: exits.failed,
  NOTHING_MATCHED: exits.failed,
  AMBIGUOUS_ID: exits.failed,
  WORKERS_RUNNING: exits.failed,
  HEALTH_PORT: exits.failed,
  WEB_PORT: exits.failed,
  MOVE_MISMATCH: exits.failed,
  USAGE: exits.usage,
  INVALID_OPTION: exits.usage,
  INVALID_DURATION: exits.usage,
  INVALID_ID: exits.usage,
  INVALID_STORE: exits.store,
  STORE_MISSING: exits.store,
  STORE_READ_ONLY: exits.store,
  STORE_FULL: exits.store,
  STORE_BUSY: exits.store,
  STORE_CLOSED: exits.store,
  STORE_UNREACHABLE: exits.store,
  CORRUPT_DATABASE: exits.store,
  MIGRATION_MISSING: exits.store,
  MIGRATION_FROM_FUTURE: exits.store,
  SQLITE_DRIVER_MISSING: exits.store,
  POSTGRES_DRIVER_MISSING: exits.store,
  STORE_PERMISSION: exits.store,
  OTHER_DATABASE: exits.store,
  INVALID_INPUT: exits.input,
  NOT_JSON: exits.input,
  TOO_LARGE: exits.input,
  ID_CONFLICT: exits.input,
  NOT_ENQUEUED: exits.input,
  UNIQUE_CONFLICT: exits.input,
  UNKNOWN_JOB: exits.input,
  UNKNOWN_QUEUE: exits.input,
  UNKNOWN_WORKER: exits.input,
  UNKNOWN_SIGNAL: exits.input,
  UNKNOWN_STEP: exits.input,
  JOB_FILE: exits.input,
  PROJECT_FOLDER: exits.input,
  DUPLICATE_JOB: exits.input,
  CONTRACT_NOT_HANDLED: exits.input,
  NOT_BUILT: exits.input,
};

/** The exit code that an error means; one that nobody named is a crash. */
export function exitOf(error: unknown): ExitCode {
  const code = codeOf(error);
  return (code === undefined ? undefined : exitsByCode[code]) ?? exits.crashed;
}

/** The stable code of an error that duckdive makes on purpose, whichever copy of the package made it. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error instanceof DuckdiveError || Object.hasOwn(exitsByCode, error.code) ? error.code : undefined;
}
