// What can go wrong with a SQLite file, each with its name, its stable code and its remedy.
//
// A driver reports numbers (SQLITE_FULL is 13) in its own way; `translate` reads them and answers with one of these,
// keeping what the driver said as `cause`. SQLITE_BUSY alone never gets here: the writer waits it out, and only when
// it has waited for long does it say so with StoreBusyError.
import { DuckdiveError } from "../../kernel/index.js";
import { StoreFullError, StoreReadOnlyError, StoreUnreachableError } from "../errors.js";

export {
  MigrationFromFutureError,
  MigrationMissingError,
  OtherDatabaseError,
  StoreBusyError,
  StoreClosedError,
  StoreFullError,
  StoreReadOnlyError,
  StoreUnreachableError,
  WorkerLostError,
} from "../errors.js";

/** The file is not a SQLite database, or is damaged. */
export class CorruptDatabaseError extends DuckdiveError {
  static readonly code = "CORRUPT_DATABASE";
  readonly code: string = CorruptDatabaseError.code;
}

/** No SQLite driver is installed, and the runtime has none. */
export class SqliteDriverMissingError extends DuckdiveError {
  static readonly code = "SQLITE_DRIVER_MISSING";
  readonly code: string = SqliteDriverMissingError.code;
}

/** The number SQLite gave, whichever driver reports it: libsql, node:sqlite or better-sqlite3. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("rawCode" in error && typeof error.rawCode === "number") return error.rawCode;
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode;
  if ("code" in error && typeof error.code === "string") return namedCodes[primaryName(error.code)];
  return undefined;
}

const namedCodes: Readonly<Record<string, number>> = {
  SQLITE_PERM: 3,
  SQLITE_BUSY: 5,
  SQLITE_READONLY: 8,
  SQLITE_IOERR: 10,
  SQLITE_CORRUPT: 11,
  SQLITE_FULL: 13,
  SQLITE_CANTOPEN: 14,
  SQLITE_NOTADB: 26,
};

/** Extended names add words: SQLITE_BUSY_SNAPSHOT is a kind of SQLITE_BUSY. */
function primaryName(name: string): string {
  return name.split("_").slice(0, 2).join("_");
}

/** Whether somebody else has the lock just now. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code !== undefined && (code & 0xff) === 5;
}

/** What a driver threw, as one of the errors above; anything that is none of them stays what it is. */
export function translate(error: unknown, file: string): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  const cause = error;
  switch (code & 0xff) {
    case 11:
    case 26:
      return new CorruptDatabaseError(
        `${file} is ${(code & 0xff) === 26 ? "not a SQLite database" : "damaged"}. ` +
          "Check the path; restore the file from a backup, or recover it with `sqlite3 FILE .recover`.",
        { cause },
      );
    case 3:
    case 8:
      return new StoreReadOnlyError(
        `${file} cannot be written. Give this user the right to write the file and its folder ` +
          "(SQLite keeps two more files beside it), or use another path.",
        { cause },
      );
    case 13:
      return new StoreFullError(
        `The disk of ${file} is full. Nothing of this call was recorded. Free some space and try again.`,
        { cause },
      );
    case 14:
      return new StoreUnreachableError(
        `${file} cannot be opened. Check that its folder exists and that this user may use it.`,
        { cause },
      );
    case 10:
      return new StoreUnreachableError(
        `Reading or writing ${file} failed (input/output error ${code}). ` +
          "Check the disk, and that the file was not removed while it was in use.",
        { cause },
      );
    default:
      return error;
  }
}
