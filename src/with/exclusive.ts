// One SQLite handle, one transaction at a time: what `ctx.tx` and `ctx.succeed` run in on SQLite.
//
// A handle is one connection, so whatever anybody writes through it between BEGIN and COMMIT is in the transaction,
// and would be lost with it. Therefore transactions of one adapter stand in line, and the function may be `async` but
// has to end within one turn of the event loop: everything that such a handle does is done at once, so only waiting
// for something else takes longer, and while that lasts the application's other requests would write into it. Their
// writes would go with a rollback, and the file's only write lock would be held for as long as a mail server takes.
//
// Before this file come sqlite(handle) and drizzleSync(db). After it comes the handle.
import { type Adapter, InvalidTransactionError } from "../job/index.js";

/** What is used of a handle. */
interface Handle {
  exec(sql: string): unknown;
}

/** Between two tries for the file's write lock, in milliseconds, and how long they go on. */
const retry = { every: 5, atMost: 30_000 } as const;

/** Runs functions in transactions of the handle, one after the other. `given` is made just before each begins. */
export function exclusive<Tx>(handle: Handle, given: () => Tx): Adapter<Tx, true>["transaction"] {
  let last: Promise<unknown> = Promise.resolve();
  return (fn) => {
    const turn = last.then(() => {
      const tx = given();
      return inTransaction(handle, () => fn(tx));
    });
    last = turn.catch(() => {});
    return turn;
  };
}

async function inTransaction<T>(handle: Handle, fn: () => Promise<T> | T): Promise<T> {
  const givenUpAt = performance.now() + retry.atMost;
  // IMMEDIATE: a transaction that first reads and then writes cannot wait for the lock, it can only fail.
  for (;;) {
    try {
      handle.exec("BEGIN IMMEDIATE");
      break;
    } catch (error) {
      if (!isBusy(error) || performance.now() > givenUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, retry.every));
    }
  }
  try {
    const result = fn();
    const value = result instanceof Promise ? await withinThisTurn(result) : result;
    handle.exec("COMMIT");
    return value;
  } catch (error) {
    rollBack(handle);
    throw error;
  }
}

/** What the promise gives, if it does so before the event loop goes on to anything else. */
async function withinThisTurn<T>(promise: Promise<T>): Promise<T> {
  let next: NodeJS.Immediate | undefined;
  const over = new Promise<never>((_resolve, reject) => {
    next = setImmediate(() =>
      reject(
        new InvalidTransactionError(
          "The function of a SQLite transaction waited for something that is not this database, so the transaction was " +
            "rolled back: a handle is one connection, and what others write through it meanwhile would be in it. " +
            "Do what takes time before it, in a step, and only read and write inside.",
        ),
      ),
    );
  });
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearImmediate(next);
  }
}

/** The error that led here is the one to tell: SQLite may have rolled back by itself, as on a full disk. */
function rollBack(handle: Handle): void {
  try {
    handle.exec("ROLLBACK");
  } catch {
    return;
  }
}

/** Somebody else has the write lock: libsql, node:sqlite and better-sqlite3 each say it in their way. */
function isBusy(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  if ("errcode" in error && typeof error.errcode === "number") return (error.errcode & 0xff) === 5;
  return "code" in error && typeof error.code === "string" && error.code.startsWith("SQLITE_BUSY");
}
