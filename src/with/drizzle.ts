// Drizzle, as the application uses it: its own transactions carry what duckdive writes.
//
// Under a Drizzle transaction lies a connection of a driver, and that is what the store writes with. Where it is was
// read from Drizzle's own classes: a database has `$client`, a transaction has its session, and a session its client.
// Nothing of Drizzle is loaded, and nothing of it is needed to compile: databases are met by their shape.
//
// Before this file comes the application's database object. After it come `open({ with })` and `enqueueSync`.
import { type Adapter, InvalidTransactionError } from "../job/index.js";
import { InvalidOptionError, NotBuiltError } from "../kernel/index.js";
import { exclusive } from "./exclusive.js";
import { isSqliteHandle, type SqliteHandle } from "./sqlite.js";

/**
 * The adapter of a Drizzle database with synchronous transactions: on better-sqlite3, and on libsql through it.
 *
 * @throws InvalidOptionError when the database has no synchronous SQLite connection under it
 * @example
 * const db = drizzle({ client: new Database("app.db") }); // drizzle-orm/better-sqlite3
 * const duckdive = open("sqlite:./app.db", { with: drizzleSync(db) });
 * db.transaction((tx) => duckdive.enqueueSync(welcome, { userId: 7 }, { tx }));
 */
export function drizzleSync<Tx>(db: {
  transaction(fn: (tx: Tx) => unknown, ...rest: never[]): unknown;
}): Adapter<Tx, true> {
  const own = clientOf(db);
  if (own === undefined) {
    throw new InvalidOptionError(
      "drizzleSync() was given a database without a synchronous SQLite connection under it. " +
        "Use drizzle-orm/better-sqlite3 for it, or drizzle() for a database whose transactions are asynchronous.",
    );
  }
  const inTransaction = exclusive(own);
  return {
    name: "drizzle",
    sync: true,
    connectionOf(transaction) {
      const client = transaction === undefined ? own : clientOf(transaction);
      if (client !== undefined) return client;
      throw new InvalidTransactionError(
        "The `tx` that was given is no Drizzle transaction. Pass what db.transaction((tx) => …) gives you.",
      );
    },
    transaction: (fn) => inTransaction(() => fn(transactionOf(db))),
  };
}

/**
 * The adapter of a Drizzle database with asynchronous transactions, which PostgreSQL has.
 *
 * Its types hold already; this version has no store that it fits, and `open` says so.
 */
export function drizzle<Tx>(_db: {
  transaction(fn: (tx: Tx) => Promise<unknown>, ...rest: never[]): Promise<unknown>;
}): Adapter<Tx, false> {
  const notBuilt = (): never => {
    throw new NotBuiltError(
      "This version of duckdive does not enqueue in asynchronous Drizzle transactions. Use drizzleSync(db) on SQLite.",
    );
  };
  return { name: "drizzle", sync: false, connectionOf: notBuilt, transaction: notBuilt };
}

/**
 * A transaction object of Drizzle's. Its own `transaction` function refuses a function that is asynchronous, and the
 * object that it gives keeps nothing of the transaction but the connection: so an empty one yields it.
 */
function transactionOf<Tx>(db: { transaction(fn: (tx: Tx) => unknown): unknown }): Tx {
  const given: Tx[] = [];
  db.transaction((tx) => void given.push(tx));
  const [tx] = given;
  if (tx !== undefined) return tx;
  throw new InvalidTransactionError(
    "db.transaction() of the Drizzle database did not call its function at once. Use drizzle() for a database whose transactions are asynchronous.",
  );
}

/** The driver's connection under a Drizzle database or transaction. */
function clientOf(value: unknown): SqliteHandle | undefined {
  const candidates = [property(value, "$client"), property(property(value, "session"), "client")];
  return candidates.find(isSqliteHandle);
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
