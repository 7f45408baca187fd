// SQLite, as the application holds it: a node:sqlite, better-sqlite3 or libsql database of its own.
//
// Transactions of these are synchronous, and the handle itself is the transaction: whatever is written through it
// between BEGIN and COMMIT belongs together. So `tx` is the handle, and a run that is enqueued with it exists when,
// and only if, the application's own writes do. Nothing of these packages is loaded: a handle is met by its shape.
//
// Before this file comes the application's handle. After it come `open({ with })` and `enqueueSync`.
import { type Adapter, InvalidTransactionError } from "../job/index.js";
import { InvalidOptionError } from "../kernel/index.js";
import { exclusive } from "./exclusive.js";

/** What is used of a database of node:sqlite, better-sqlite3 or libsql. */
export interface SqliteHandle {
  exec(sql: string): unknown;
  prepare(sql: string): object;
}

/**
 * The adapter of a SQLite database that the application holds open itself.
 *
 * The handle must be on the same file as the store: another one is refused with OTHER_DATABASE at its first use.
 *
 * @throws InvalidOptionError when it is no such handle
 * @example
 * const db = new DatabaseSync("app.db");
 * const duckdive = open("sqlite:./app.db", { with: sqlite(db) });
 * db.exec("BEGIN");
 * duckdive.enqueueSync(welcome, { userId: 7 }, { tx: db });
 * db.exec("COMMIT");
 */
export function sqlite<Handle extends SqliteHandle>(handle: Handle): Adapter<Handle, true> {
  if (!isSqliteHandle(handle)) {
    throw new InvalidOptionError(
      "sqlite() was given something that is no open SQLite database. Pass what new DatabaseSync(file) of node:sqlite, " +
        "or new Database(file) of better-sqlite3 or libsql, gives back.",
    );
  }
  return {
    name: "sqlite",
    sync: true,
    connectionOf(transaction) {
      if (transaction === undefined) return handle;
      if (isSqliteHandle(transaction)) return transaction;
      throw new InvalidTransactionError(
        "The `tx` that was given is no SQLite database. Pass the handle in whose transaction you are: { tx: db }.",
      );
    },
    transaction: exclusive(handle, () => handle),
  };
}

/** Whether a value has the shape of a synchronous SQLite database. @internal */
export function isSqliteHandle(value: unknown): value is SqliteHandle {
  return (
    typeof value === "object" &&
    value !== null &&
    "exec" in value &&
    typeof value.exec === "function" &&
    "prepare" in value &&
    typeof value.prepare === "function"
  );
}

/** The file that a handle has open; undefined: none, it is in memory. @internal */
export function fileOf(handle: SqliteHandle): string | undefined {
  const statement: object & { all?: unknown } = handle.prepare("PRAGMA database_list");
  const databases: unknown = typeof statement.all === "function" ? statement.all() : undefined;
  const main: unknown = Array.isArray(databases)
    ? databases.find((database: { readonly name?: unknown }) => database.name === "main")
    : undefined;
  const file: unknown = typeof main === "object" && main !== null && "file" in main ? main.file : undefined;
  return typeof file === "string" && file !== "" ? file : undefined;
}
