// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a constraint here; nothing is inferred as it
// The application's own database access, as far as a job has to know of it: by the type of its transactions.
//
// An adapter (drizzle(db), a pg pool …) is a value that the queue uses; to a job it is only a type, so that
// `ctx.tx` and `ctx.succeed` give the handler the transaction of the application's own ORM and nothing is loaded.
//
// Before this file comes nothing. After it come `job.using`, and `open({ with })`.

/** A connection of the application, as the PostgreSQL store uses it: one statement, text parameters, rows back. */
export interface SqlConnection {
  /**
   * Placeholders are numbered, `$1`, and cast to what they are, since some drivers turn a text for a `json` placeholder
   * into JSON once more. A column's name is one lower-case word: some libraries rename all others. Rejects with what
   * the database said, whose `code` is the SQLSTATE, and not with a library's wrapping of it.
   */
  query(
    text: string,
    values: readonly (string | null)[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Whether a value has the shape of such a connection. */
export function isSqlConnection(value: unknown): value is SqlConnection {
  return typeof value === "object" && value !== null && "query" in value && typeof value.query === "function";
}

/** What lets duckdive write inside the application's own transactions. Made by `duckdive/with/…`. */
export interface Adapter<Tx, Sync extends boolean = false> {
  /** What it is called in errors. */
  readonly name: string;
  /** Whether its transactions are synchronous (better-sqlite3, node:sqlite). */
  readonly sync: Sync;
  readonly "~tx"?: Tx;
  /**
   * What the store writes with on the connection of a transaction: the raw handle of a synchronous adapter, a
   * SqlConnection of an asynchronous one. Without a transaction, one that is outside of any.
   * Throws InvalidTransactionError for what is no transaction of it.
   */
  readonly connectionOf: (transaction: unknown) => unknown;
  /**
   * Runs a function in a transaction of the application's own library: committed when it has resolved, rolled back
   * when it has rejected. For `ctx.tx` and `ctx.succeed`.
   *
   * The last thing that the function does must be a statement that it awaits: most libraries commit a transaction that
   * PostgreSQL has given up, and do not see that this rolls it back, where an error before was caught.
   */
  readonly transaction: <T>(fn: (tx: Tx) => Promise<T> | T) => Promise<T>;
}

/** The transaction that an adapter carries. */
export type TxOf<A> = A extends Adapter<infer Tx, any> ? Tx : never;
