// postgres.js, as the application uses it: `sql`, and the `sql` that `sql.begin` gives.
//
// The two look alike, and only the second is a transaction: it has `savepoint`. A connection that was reserved, on
// which the application sends BEGIN itself, is taken as well. Statements go through `unsafe`, which is the library's
// word for text with numbered placeholders.
//
// Before this file comes the application's `sql`. After it come `open({ with })` and the PostgreSQL store.
import type { Adapter } from "../job/index.js";
import {
  connection,
  Ended,
  hasFunctions,
  noTransaction,
  notMadeOf,
  resultOf,
  type Values,
} from "./connection.js";

/** What a `sql` has in and outside of a transaction. */
interface Unsafe {
  unsafe(text: string, values: Values): PromiseLike<unknown>;
}

/** What is used of a `sql` of postgres.js. */
export interface PostgresSql<Tx> extends Unsafe {
  begin(fn: (tx: Tx) => Promise<void>): Promise<unknown>;
  begin(options: string, fn: (tx: Tx) => Promise<void>): Promise<unknown>;
}

/**
 * The adapter of postgres.js.
 *
 * @throws InvalidOptionError when it is no such `sql`
 * @example
 * const sql = connect("postgres://…"); // import connect from "postgres"
 * const duckdive = open(sql, { with: postgres(sql) });
 * await sql.begin((tx) => duckdive.enqueue(welcome, { userId: 7 }, { tx }));
 */
export function postgres<Tx>(sql: PostgresSql<Tx>): Adapter<Tx> {
  if (!hasFunctions(sql, "unsafe", "begin"))
    throw notMadeOf("postgres()", 'Pass what postgres("postgres://…") of postgres.js gives.');
  const ended = new Ended();
  const refusal = () =>
    noTransaction(
      "postgres.js",
      "Pass the `sql` that sql.begin(async (sql) => …) gives you, before it ends.",
    );
  return {
    name: "postgres",
    sync: false,
    connectionOf(transaction) {
      if (transaction === undefined) return connection((text, values) => sql.unsafe(text, values));
      if (!isTransaction(transaction)) throw refusal();
      return connection((text, values) => {
        if (ended.has(transaction)) throw refusal();
        return transaction.unsafe(text, values);
      });
    },
    transaction: (fn) => resultOf((work) => sql.begin("", work), fn, ended),
  };
}

/** What `begin` or `reserve` gave: the library's own `sql` has neither of these functions. */
function isTransaction(value: unknown): value is Unsafe {
  return (
    hasFunctions(value, "unsafe") && (hasFunctions(value, "savepoint") || hasFunctions(value, "release"))
  );
}
