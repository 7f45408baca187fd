// What can go wrong with any store, each with its name, its stable code and its remedy.
//
// A store translates what its driver reports into one of these, or into one of its own, and keeps what the driver said
// as `cause`. Callers tell them apart by class or by `code`, never by their words.
//
// Before this file comes the kernel. After it come the stores, and the loop, which knows a lost worker by its code.
import { DuckdiveError } from "../kernel/index.js";

/** A store cannot be used now; `passes` tells whether it may be again without anybody's doing. */
abstract class AbsenceError extends DuckdiveError {
  /** Whether to wait helps: a server that is down comes back, a wrong password stays wrong. */
  readonly passes: boolean;

  constructor(message: string, options?: { cause?: unknown; passes?: boolean }) {
    super(message, options);
    this.passes = options?.passes ?? false;
  }
}

/** Whether an error says that the store is away and may come back by itself. By shape: others write stores, too. */
export function isOutage(error: unknown): boolean {
  return error instanceof Error && "passes" in error && error.passes === true;
}

/** Whether what the store did not take now it may take later: it is away, busy or full. */
export function mayPass(error: unknown): boolean {
  if (isOutage(error)) return true;
  return (
    error instanceof Error && "code" in error && (error.code === "STORE_BUSY" || error.code === "STORE_FULL")
  );
}

/** The file or its folder may not be written, or the database is a standby. */
export class StoreReadOnlyError extends AbsenceError {
  static readonly code = "STORE_READ_ONLY";
  readonly code: string = StoreReadOnlyError.code;
}

/** The disk is full. What was being written was not recorded; everything before it stands. */
export class StoreFullError extends DuckdiveError {
  static readonly code = "STORE_FULL";
  readonly code: string = StoreFullError.code;
}

/** The database was migrated by a newer version than this one. */
export class MigrationFromFutureError extends DuckdiveError {
  static readonly code = "MIGRATION_FROM_FUTURE";
  readonly code: string = MigrationFromFutureError.code;
}

/** Tables are missing or old, and the store was told not to migrate. */
export class MigrationMissingError extends DuckdiveError {
  static readonly code = "MIGRATION_MISSING";
  readonly code: string = MigrationMissingError.code;
}

/** The database cannot be opened or reached. */
export class StoreUnreachableError extends AbsenceError {
  static readonly code = "STORE_UNREACHABLE";
  readonly code: string = StoreUnreachableError.code;
}

/** Somebody else held the write lock for longer than a writer waits. */
export class StoreBusyError extends DuckdiveError {
  static readonly code = "STORE_BUSY";
  readonly code: string = StoreBusyError.code;
}

/** The transaction that was handed in belongs to another database than the store. */
export class OtherDatabaseError extends DuckdiveError {
  static readonly code = "OTHER_DATABASE";
  readonly code: string = OtherDatabaseError.code;
}

/** The store was used after its `close()`. */
export class StoreClosedError extends DuckdiveError {
  static readonly code = "STORE_CLOSED";
  readonly code: string = StoreClosedError.code;
}

/** The worker is not registered any more: somebody took it for dead. It aborts what it has and registers anew. */
export class WorkerLostError extends DuckdiveError {
  static readonly code = "WORKER_LOST";
  readonly code: string = WorkerLostError.code;
}
