// The application's own connections: how a statement of duckdive joins a transaction of somebody else.
//
// The connection comes through an adapter and is known by its shape. It must lead to the same database as the store,
// which the word in the table `meta` shows: each statement carries it, and writes nothing where another one stands. What
// the server refuses, the application hears as an error of duckdive that says what to do with the whole transaction.
//
// Before this file come runs that are enqueued in a transaction, and transactional work. After it comes the adapter.
import { isSqlConnection } from "../../job/index.js";
import { InvalidOptionError } from "../../kernel/index.js";
import { OtherDatabaseError } from "../errors.js";
import { EnqueueConflictError, isConflict, stateOf, translate, wordsOf } from "./errors.js";
import type { Session, Values } from "./session.js";

type ApplicationRow = Readonly<Record<string, unknown>>;

/** Asks a statement over a connection of the application; the word of this database goes with it, as `:nonce`. */
export type AskThrough = (
  connection: unknown,
  statement: string,
  values: Values,
) => Promise<readonly ApplicationRow[]>;

export function throughConnections(session: Session, nonce: () => Promise<string>): AskThrough {
  return async (connection, statement, values) => {
    if (!isSqlConnection(connection)) {
      throw new InvalidOptionError(
        "The transaction for a postgres store must come through an adapter of duckdive/with, such as drizzle(db).",
      );
    }
    const compiled = session.compile(statement, { ...values, nonce: await nonce() });
    try {
      return await connection.query(compiled.text, compiled.values);
    } catch (error) {
      throw inTransaction(session, error);
    }
  };
}

/** The statement found another word than this store's. */
export function otherDatabase({ where }: Session, cause?: unknown): OtherDatabaseError {
  return new OtherDatabaseError(
    `The transaction belongs to another database than the store ${where}, or to one without duckdive's schema. ` +
      "Open duckdive on the database that the application's own connection leads to.",
    { cause },
  );
}

function inTransaction(session: Session, error: unknown): unknown {
  if (isConflict(error)) {
    return new EnqueueConflictError(
      `This transaction met another one (${wordsOf(error)}) and PostgreSQL has given it up. Run the whole transaction again.`,
      { cause: error },
    );
  }
  // The store is open, so its own database has the function: this one is another.
  if (stateOf(error) === "42883" || stateOf(error) === "3F000") return otherDatabase(session, error);
  return translate(error, session.where);
}
