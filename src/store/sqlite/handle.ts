// Writing through a handle that the application holds, inside of its own transaction.
//
// Whatever the application uses, underneath is a `DatabaseSync` of node:sqlite, a better-sqlite3 or a libsql database:
// they are met by their shape. A run must not go silently into another database than the workers look at, so the
// handle is asked for the word that the store wrote into its file; before the store is open, the files' names are
// compared instead, because opening would wait for the very transaction that is open.
import { realpathSync } from "node:fs";
import { InvalidOptionError } from "../../kernel/index.js";
import type { Inserted, NewBatch, NewRun } from "../contract.js";
import { Findings } from "../findings.js";
import { type RawDatabase, type Sql, sqlOf } from "./driver.js";
import { MigrationMissingError, OtherDatabaseError, translate } from "./errors.js";
import { hangsTogether, insertRuns } from "./insert.js";
import { statements } from "./statements.js";

export interface HandleOptions {
  readonly file: string;
  /** The store's own word; undefined while it is not open. */
  readonly nonce: () => string | undefined;
}

/** Runs what writes through a handle of the same file: all of it or nothing. */
export type Through = <T>(handle: unknown, operation: (sql: Sql) => T) => T;

/** A way to write through handles of the same file. */
export function throughHandles(options: HandleOptions): Through {
  const known = new WeakMap<RawDatabase, Sql>();
  return (handle, operation) => {
    if (!isDatabase(handle)) {
      throw new InvalidOptionError(
        "The transaction for a sqlite store must be a database handle of node:sqlite, better-sqlite3 or libsql " +
          "(an object with `prepare`). With an ORM, pass the handle that it was made from.",
      );
    }
    try {
      const sql = known.get(handle) ?? sqlOf(handle);
      checkDatabase(sql, options);
      known.set(handle, sql);
      return allOrNothing(sql, operation);
    } catch (error) {
      throw translate(error, options.file);
    }
  };
}

/** A way to record runs. */
export function handleInserter(
  through: Through,
  now: () => number,
): (handle: unknown, runs: readonly NewRun[], batches?: readonly NewBatch[]) => Inserted[] {
  return (handle, runs, batches = []) => {
    const looksFirst =
      batches.length > 0 || runs.some((run) => run.unique !== undefined || hangsTogether(run));
    return through(handle, (sql) => {
      // Somebody could record a run with the same key, or end one, between reading and writing.
      if (looksFirst) sql.run(statements.writeLock);
      return insertRuns({ sql, found: new Findings() }, runs, batches, now());
    });
  };
}

/** Also for an application that catches the error and commits, or that never began a transaction. */
function allOrNothing<T>(sql: Sql, operation: (sql: Sql) => T): T {
  sql.run("savepoint duckdive_write");
  try {
    const result = operation(sql);
    sql.run("release duckdive_write");
    return result;
  } catch (error) {
    undo(sql);
    throw error;
  }
}

/** After some errors SQLite has rolled the whole transaction back by itself, and knows no savepoint any more. */
function undo(sql: Sql): void {
  try {
    sql.run("rollback to duckdive_write");
    sql.run("release duckdive_write");
  } catch {
    return;
  }
}

function isDatabase(handle: unknown): handle is RawDatabase {
  return (
    typeof handle === "object" &&
    handle !== null &&
    "prepare" in handle &&
    typeof handle.prepare === "function"
  );
}

function checkDatabase(sql: Sql, options: HandleOptions): void {
  const { file } = options;
  const nonce = options.nonce();
  const isSame = nonce === undefined ? isSameFile(sql, file) : nonceThrough(sql) === nonce;
  if (!isSame) {
    throw new OtherDatabaseError(
      `The transaction belongs to another database than the store ${file}. ` +
        "Open the store on the file that the application's handle has open.",
    );
  }
  if (nonceThrough(sql) === undefined) {
    throw new MigrationMissingError(
      `${file} does not have duckdive's tables yet. Open the store once before the transaction: await its \`open()\`.`,
    );
  }
}

function nonceThrough(sql: Sql): string | undefined {
  const hasTable = sql.get("select 1 from sqlite_schema where name = 'duckdive_meta'") !== undefined;
  return hasTable ? sql.get<[string]>(statements.nonce)?.[0] : undefined;
}

function isSameFile(sql: Sql, file: string): boolean {
  const databases = sql.all<[number, string, string | null]>("pragma database_list");
  const path = databases.find((database) => database[1] === "main")?.[2];
  if (path === undefined || path === null || path === "") return false;
  try {
    return realpathSync(path) === realpathSync(file);
  } catch {
    return false;
  }
}
