// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a constraint here; nothing is inferred as it
// The application's own database access, as far as a job has to know of it: by the type of its transactions.
//
// An adapter (drizzle(db), a pg pool …) is a value that the queue uses; to a job it is only a type, so that
// `ctx.tx` and `ctx.succeed` give the handler the transaction of the application's own ORM and nothing is loaded.
//
// Before this file comes nothing. After it come `job.using`, and `open({ with })`.

/** What lets duckdive write inside the application's own transactions. Made by `duckdive/with/…`. */
export interface Adapter<Tx, Sync extends boolean = false> {
  readonly name: string;
  /** Whether its transactions are synchronous (better-sqlite3, node:sqlite). */
  readonly sync: Sync;
  readonly "~tx"?: Tx;
  /**
   * The raw connection that a transaction of it uses, for the store to write with; without a transaction, the one that
   * the adapter was made of. Throws InvalidTransactionError for what is no transaction of it.
   */
  readonly connectionOf: (transaction: unknown) => unknown;
}

/** The transaction that an adapter carries. */
export type TxOf<A> = A extends Adapter<infer Tx, any> ? Tx : never;
