// What can go wrong with a PostgreSQL database, each with its name, its stable code and its remedy.
//
// The server reports five characters (SQLSTATE), a broken connection the name of a system call. They are read here,
// once: whether it is worth trying again, and which of a store's errors it is.
import { DuckdiveError } from "../../kernel/index.js";
import { StoreBusyError, StoreFullError, StoreReadOnlyError, StoreUnreachableError } from "../errors.js";

/** No PostgreSQL driver is installed. */
export class PostgresDriverMissingError extends DuckdiveError {
  static readonly code = "POSTGRES_DRIVER_MISSING";
  readonly code: string = PostgresDriverMissingError.code;
}

/** The role may not do what duckdive needs. */
export class StorePermissionError extends DuckdiveError {
  static readonly code = "STORE_PERMISSION";
  readonly code: string = StorePermissionError.code;
}

/** The caller's own transaction met another one; it is rolled back and can be tried again as a whole. */
export class EnqueueConflictError extends DuckdiveError {
  static readonly code = "ENQUEUE_CONFLICT";
  readonly code: string = EnqueueConflictError.code;
}

/** The five characters, or the name of the system's error; undefined: neither. */
export function stateOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if (error instanceof DuckdiveError) return stateOf(error.cause);
  if ("code" in error && typeof error.code === "string") return error.code;
  return "cause" in error ? stateOf(error.cause) : undefined;
}

const systemErrors = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
]);

/** Starting up, shutting down, out of connections, read-only after a failover: it passes. */
const passing = new Set(["57P01", "57P02", "57P03", "57P05", "53300", "25006", "08P01"]);

const brokenWords =
  /connection (terminated|timeout|ended|closed)|timeout (exceeded|expired)|query read timeout|client has encountered a connection error|cannot use a pool after|not queryable/i;

/** Whether the connection broke or could not be made: whatever was asked may or may not have happened. */
export function isConnectionTrouble(error: unknown): boolean {
  const state = stateOf(error);
  if (state !== undefined && (systemErrors.has(state) || passing.has(state) || state.startsWith("08")))
    return true;
  return state === undefined && error instanceof Error && brokenWords.test(error.message);
}

/** A lock was not to be had in the time that the statement gave it. */
export const lockTimeout = "55P03";

/** Whether two transactions met, and nothing of this one happened. */
export function isConflict(error: unknown): boolean {
  const state = stateOf(error);
  return state === "40P01" || state === "40001" || state === lockTimeout;
}

/** No partition of history is there for the time of an end. */
export function isPartitionMissing(error: unknown): boolean {
  return stateOf(error) === "23514";
}

/** The server is a standby, or has become one. */
export function isReadOnly(error: unknown): boolean {
  return stateOf(error) === "25006";
}

/** What a server that was a standby from the beginning answers to a write: no failover has to be waited for. */
export function standbyError(cause: unknown, where: string): StoreReadOnlyError {
  return new StoreReadOnlyError(
    `${where} is a standby, which can be looked at and takes no writes. Use the address of the primary for them.`,
    { cause, passes: true },
  );
}

/** The server is there and does not let us in, or has no such database. */
export function isRefusal(error: unknown): boolean {
  const state = stateOf(error);
  return state !== undefined && (state.startsWith("28") || state === "3D000");
}

/** A prepared statement is unknown, or known twice: a pooler stands between. */
export function isNamedStatementTrouble(error: unknown): boolean {
  const state = stateOf(error);
  return state === "26000" || state === "42P05";
}

/** What a driver threw, as one of duckdive's errors; anything that is none of them stays what it is. */
export function translate(error: unknown, where: string): unknown {
  if (error instanceof DuckdiveError) return error;
  const state = stateOf(error) ?? "";
  const cause = error;
  if (isReadOnly(error)) {
    return new StoreReadOnlyError(`${where} is read-only: a standby? Use the address of the primary.`, {
      cause,
      passes: true,
    });
  }
  if (isConnectionTrouble(error)) {
    return new StoreUnreachableError(
      `The database ${where} cannot be reached (${wordsOf(error)}). Whether the last call was carried out is not known: ` +
        "repeat it with the same id. Check that the server runs and that the address is right.",
      { cause, passes: true },
    );
  }
  if (isConflict(error)) {
    return new StoreBusyError(`Others held locks in ${where} for too long (${wordsOf(error)}). Try again.`, {
      cause,
    });
  }
  if (state === "42501") {
    return new StorePermissionError(
      `The role may not do this in ${where} (${wordsOf(error)}). Give it the schema: ` +
        "`alter schema duckdive owner to ROLE`, or let the owner run `duckdive migrate` and grant usage.",
      { cause },
    );
  }
  if (isRefusal(error)) {
    return new StoreUnreachableError(
      `${where} refused the connection: ${wordsOf(error)}. Check the address.`,
      { cause },
    );
  }
  if (state === "53100" || state === "53200") {
    return new StoreFullError(
      `The server of ${where} is out of room (${wordsOf(error)}). Free some and try again.`,
      {
        cause,
      },
    );
  }
  return error;
}

export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === "" ? (stateOf(error) ?? error.name) : error.message;
}
