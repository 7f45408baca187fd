// Kysely, as the application uses it: its database, and the `trx` of `db.transaction().execute(async (trx) => …)`.
//
// A compiled query is plain data, so one is made here without loading Kysely. Plugins are left out of it: one that
// renames columns, as CamelCasePlugin does, would rename those that the store reads.
//
// Before this file comes the application's database object. After it come `open({ with })` and the PostgreSQL store.
import type { Adapter, SqlConnection } from "../job/index.js";
import { connection, hasFunctions, noTransaction, notMadeOf, property, resultOf } from "./connection.js";

/** What is used of a Kysely database. */
export interface KyselyDatabase<Tx> {
  transaction(): { execute(fn: (tx: Tx) => Promise<void>): Promise<unknown> };
}

/** What a database and a transaction of Kysely have in common. */
interface Executor {
  executeQuery(query: object): Promise<unknown>;
  withoutPlugins(): Executor;
}

/**
 * The adapter of a Kysely database with the PostgreSQL dialect.
 *
 * @throws InvalidOptionError when it is no Kysely database
 * @example
 * const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
 * const duckdive = open(pool, { with: kysely(db) });
 * await db.transaction().execute((trx) => duckdive.enqueue(welcome, { userId: 7 }, { tx: trx }));
 */
export function kysely<Tx>(db: KyselyDatabase<Tx>): Adapter<Tx> {
  if (!isExecutor(db) || property(db, "isTransaction") === true)
    throw notMadeOf("kysely()", "Pass the database: kysely(new Kysely({ dialect })).");
  return {
    name: "kysely",
    sync: false,
    connectionOf(transaction) {
      if (transaction === undefined) return over(db);
      if (isExecutor(transaction) && property(transaction, "isTransaction") === true)
        return over(transaction);
      throw noTransaction("Kysely", "Pass what db.transaction().execute(async (trx) => …) gives you.");
    },
    transaction: (fn) => resultOf((work) => db.transaction().execute(work), fn),
  };
}

function over(executor: Executor): SqlConnection {
  const plain = executor.withoutPlugins();
  return connection((text, values) => plain.executeQuery(compiled(text, values)));
}

function isExecutor(value: unknown): value is Executor {
  return hasFunctions(value, "executeQuery", "withoutPlugins");
}

/** What CompiledQuery.raw of Kysely makes. */
function compiled(sql: string, parameters: readonly unknown[]): object {
  const query = { kind: "RawNode", sqlFragments: [sql], parameters: [] };
  return { sql, parameters, query, queryId: { queryId: "duckdive" } };
}
