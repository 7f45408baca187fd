// One file, opened the way duckdive uses it.
//
// A connection of our own, never the application's: write-ahead log, so that readers and the one writer do not meet;
// `synchronous=FULL`, so that a commit that was reported survives a power cut; and a busy timeout of a few
// milliseconds, because waiting inside SQLite stops the whole process. Longer waits are the writer's, between turns.
// A file that cannot be used is found out here, with the path and the remedy, not at the first enqueue.
//
// Before this file comes the driver. After it come the migrations, the writer and every verb.
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Connection, connect } from "./driver.js";
import {
  isBusy,
  StoreBusyError,
  StoreReadOnlyError,
  StoreUnreachableError,
  sqliteCode,
  translate,
} from "./errors.js";

export const inMemory = ":memory:";

/** How long SQLite itself may wait for a lock: it stops the process while it does. */
const waitInside = 4;
/** How long anybody here waits for a lock before giving up. */
const waitInAll = 30_000;

export interface ConnectionOptions {
  readonly file: string;
  readonly synchronous: "full" | "normal";
  readonly like?: object | undefined;
}

/** Opens the file, making it when it is not there. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  checkPath(options.file);
  let connection: Connection;
  try {
    connection = connect(options.file, options.like);
  } catch (error) {
    throw explain(error, options.file);
  }
  try {
    connection.exec(`pragma busy_timeout = ${waitInside}`);
    await patiently(options.file, () => prepare(connection, options));
    return connection;
  } catch (error) {
    connection.close();
    throw translate(error, options.file);
  }
}

/**
 * Closes it, and leaves everything in the one file: a driver may let go of the log only later, when it collects its
 * statements, and somebody may copy the file before. While others use the log it stays theirs.
 */
export function closeConnection(connection: Connection): void {
  try {
    connection.get("pragma wal_checkpoint(truncate)");
  } catch (error) {
    // The close must not fail for it: what is in the log is found there by whoever opens the file next.
    if (sqliteCode(error) === undefined) throw error;
  }
  connection.close();
}

function prepare(connection: Connection, options: ConnectionOptions): void {
  connection.get("pragma journal_mode = wal");
  connection.exec(`
    pragma synchronous = ${options.synchronous === "full" ? "full" : "normal"};
    pragma temp_store = memory;
    pragma cache_size = -32000;
    pragma wal_autocheckpoint = 4000;
    pragma journal_size_limit = 67108864;
  `);
}

/** The driver says little about a file it cannot open, so the usual causes are looked for by name. */
function checkPath(file: string): void {
  if (file === inMemory) return;
  const folder = dirname(file);
  if (!existsSync(folder)) {
    throw new StoreUnreachableError(`The folder ${folder} does not exist. Create it, or use another path.`);
  }
  if (existsSync(file) && statSync(file).isDirectory()) {
    throw new StoreUnreachableError(`${file} is a folder. Name a file in it: ${file}/duckdive.db.`);
  }
  for (const path of existsSync(file) ? [folder, file] : [folder]) {
    if (isWritable(path)) continue;
    throw new StoreReadOnlyError(
      `${path} cannot be written by this user. Give it the right to write the file and its folder ` +
        "(SQLite keeps two more files beside it), or use another path.",
    );
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function explain(error: unknown, file: string): unknown {
  const known = translate(error, file);
  if (
    known !== error ||
    (error instanceof Error && "code" in error && error.code === "SQLITE_DRIVER_MISSING")
  ) {
    return known;
  }
  return new StoreUnreachableError(
    `${file} cannot be opened. Check the path and that this user may use it.`,
    { cause: error },
  );
}

/**
 * Calls until nobody else has the lock, letting the process breathe in between: short waits of random length, growing
 * to some twenty milliseconds, so that many who wait do not come back together.
 *
 * @throws StoreBusyError after `longest` milliseconds, 30 seconds unless told otherwise
 */
export async function patiently<T>(file: string, call: () => T, longest = waitInAll): Promise<T> {
  const start = performance.now();
  for (let tries = 0; ; tries++) {
    try {
      return call();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() - start > longest) {
        throw new StoreBusyError(
          `Somebody else has held the write lock of ${file} for ${longest / 1000} seconds. ` +
            "Find the long transaction: an application that began one and did not end it, or a shell.",
          { cause: error },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 1 + Math.random() * Math.min(20, 2 + tries)));
    }
  }
}
