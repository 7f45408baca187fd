// Sequelize, as the application uses it: its instance, and the `t` of `sequelize.transaction(async (t) => …)`.
//
// A transaction of Sequelize is a word to give to each query, and so it is given here. Without one, `null` is: else a
// Sequelize that keeps its transactions in asynchronous context (`useCLS`) would put the statement into one.
//
// Before this file comes the application's instance. After it come `open({ with })` and the PostgreSQL store.
import type { Adapter } from "../job/index.js";
import {
  connection,
  hasFunctions,
  noTransaction,
  notMadeOf,
  property,
  resultOf,
  type Values,
} from "./connection.js";

/** What is used of a Sequelize instance. */
export interface SequelizeInstance<Transaction> {
  query(text: string, options: { bind: Values; transaction: never; type: "SELECT" }): Promise<unknown>;
  transaction(fn: (transaction: Transaction) => Promise<void>): Promise<unknown>;
  transaction(): Promise<Transaction>;
}

/**
 * The adapter of a Sequelize instance with `dialect: "postgres"`.
 *
 * @throws InvalidOptionError when it is no such instance
 * @example
 * const db = new Sequelize("postgres://…");
 * const duckdive = open("postgres://…", { with: sequelize(db) });
 * await db.transaction((tx) => duckdive.enqueue(welcome, { userId: 7 }, { tx }));
 */
export function sequelize<Transaction>(db: SequelizeInstance<Transaction>): Adapter<Transaction> {
  if (!hasFunctions(db, "query", "transaction"))
    throw notMadeOf("sequelize()", 'Pass the instance: sequelize(new Sequelize("postgres://…")).');
  return {
    name: "sequelize",
    sync: false,
    connectionOf(given) {
      if (given !== undefined && !isOpen(given))
        throw noTransaction("Sequelize", "Pass what sequelize.transaction(async (t) => …) gives you.");
      // The instance's own type for a transaction is unknown here; the shape of what was given was checked.
      const transaction = (given ?? null) as never;
      return connection((text, bind) => db.query(text, { bind, transaction, type: "SELECT" }));
    },
    transaction: (fn) => resultOf((work) => db.transaction(work), fn),
  };
}

/** A transaction that has neither committed nor rolled back: with a finished one, a query would go outside of it. */
function isOpen(value: unknown): boolean {
  return hasFunctions(value, "commit", "rollback") && property(value, "finished") === undefined;
}
