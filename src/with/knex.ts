// Knex, as the application uses it: its instance, and the `trx` of `knex.transaction(async (trx) => …)`.
//
// Both are functions with methods. Statements go through `raw`, which numbers placeholders itself from `?`. A column
// name that is one lower-case word passes `postProcessResponse` as it is, whatever naming that function brings about.
//
// Before this file comes the application's Knex instance. After it come `open({ with })` and the PostgreSQL store.
import type { Adapter, SqlConnection } from "../job/index.js";
import {
  connection,
  hasFunctions,
  noTransaction,
  notMadeOf,
  property,
  resultOf,
  type Values,
  withQuestionMarks,
} from "./connection.js";

/** What is used of a Knex instance. */
export interface KnexInstance<Tx> {
  transaction(fn: (tx: Tx) => Promise<void>): Promise<unknown>;
}

/** What an instance and a transaction of Knex have in common. */
interface Runner {
  raw(text: string, values: Values): PromiseLike<unknown>;
}

/**
 * The adapter of a Knex instance with `client: "pg"`.
 *
 * @throws InvalidOptionError when it is no Knex instance
 * @example
 * const db = connect({ client: "pg", connection }); // import connect from "knex"
 * const duckdive = open("postgres://…", { with: knex(db) });
 * await db.transaction((tx) => duckdive.enqueue(welcome, { userId: 7 }, { tx }));
 */
export function knex<Tx>(db: KnexInstance<Tx>): Adapter<Tx> {
  if (!isRunner(db) || property(db, "isTransaction") === true)
    throw notMadeOf("knex()", 'Pass the instance: knex(connect({ client: "pg", connection })).');
  return {
    name: "knex",
    sync: false,
    connectionOf(transaction) {
      if (transaction === undefined) return over(db);
      if (isRunner(transaction) && property(transaction, "isTransaction") === true) return over(transaction);
      throw noTransaction("Knex", "Pass what knex.transaction(async (trx) => …) gives you.");
    },
    transaction: (fn) => resultOf((work) => db.transaction(work), fn),
  };
}

function over(runner: Runner): SqlConnection {
  return connection((text, values) => {
    const statement = withQuestionMarks(text, values);
    return runner.raw(statement.text, statement.values);
  });
}

function isRunner(value: unknown): value is Runner {
  return hasFunctions(value, "raw", "transaction");
}
