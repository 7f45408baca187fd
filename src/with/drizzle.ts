// Drizzle, as the application uses it: its own transactions carry what duckdive writes.
//
// Under a Drizzle transaction lies a session on a connection of a driver. On PostgreSQL statements go through the
// session, so any driver will do; on SQLite the store writes with the driver's own connection, since that is
// synchronous. Where both are was read from Drizzle's own classes: a database and a transaction have their session in
// `_`, a database has `$client`, and a session its `client`. Nothing of Drizzle is loaded, or needed to compile.
//
// Before this file comes the application's database object. After it come `open({ with })` and `enqueueSync`.
import { type Adapter, InvalidTransactionError } from "../job/index.js";
import { InvalidOptionError } from "../kernel/index.js";
import {
  connection,
  Ended,
  hasFunctions,
  noTransaction,
  notMadeOf,
  property,
  resultOf,
  type Values,
} from "./connection.js";
import { exclusive } from "./exclusive.js";
import { isIdle, outlive } from "./pg.js";
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
    transaction: exclusive(own, () => transactionOf(db)),
  };
}

/** What is used of a Drizzle database on PostgreSQL. */
export interface DrizzleDatabase<Tx> {
  transaction(fn: (tx: Tx) => Promise<void>, ...rest: never[]): Promise<unknown>;
}

/** The session under a database or a transaction of Drizzle on PostgreSQL, whatever the driver is. */
interface DrizzleSession {
  prepareQuery(
    query: { readonly sql: string; readonly params: Values },
    fields: undefined,
    name: undefined,
    isArrayMode: false,
  ): { execute(): Promise<unknown> };
}

/**
 * The adapter of a Drizzle database with asynchronous transactions, which PostgreSQL has.
 *
 * @throws InvalidOptionError when it is no Drizzle database for PostgreSQL
 * @example
 * const db = connect(pool); // import { drizzle as connect } from "drizzle-orm/node-postgres"
 * const duckdive = open(pool, { with: drizzle(db) });
 * await db.transaction((tx) => duckdive.enqueue(welcome, { userId: 7 }, { tx }));
 */
export function drizzle<Tx>(db: DrizzleDatabase<Tx>): Adapter<Tx, false> {
  if (sessionOf(db) === undefined || hasFunctions(db, "rollback")) {
    throw notMadeOf(
      "drizzle()",
      "Pass a Drizzle database for PostgreSQL, such as that of drizzle-orm/node-postgres, or use drizzleSync() on SQLite.",
    );
  }
  const ended = new Ended();
  return {
    name: "drizzle",
    sync: false,
    connectionOf(transaction) {
      const session = sessionOf(transaction ?? db);
      const isOne = transaction === undefined || hasFunctions(transaction, "rollback");
      if (session === undefined || !isOne) throw noDrizzleTransaction();
      return connection((sql, params) => {
        if (ended.has(transaction) || (transaction !== undefined && isIdle(property(session, "client"))))
          throw noDrizzleTransaction();
        return session.prepareQuery({ sql, params }, undefined, undefined, false).execute();
      });
    },
    transaction(fn) {
      const begin = (work: (tx: Tx) => Promise<void>) =>
        db.transaction((tx) => {
          // Over node-postgres.
          outlive(property(sessionOf(tx), "client"));
          return work(tx);
        });
      return resultOf(begin, fn, ended);
    },
  };
}

function noDrizzleTransaction(): InvalidTransactionError {
  return noTransaction("Drizzle", "Pass what db.transaction(async (tx) => …) gives you, before it ends.");
}

function sessionOf(value: unknown): DrizzleSession | undefined {
  const session = property(property(value, "_"), "session");
  return isSession(session) ? session : undefined;
}

function isSession(value: unknown): value is DrizzleSession {
  return hasFunctions(value, "prepareQuery", "execute");
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
