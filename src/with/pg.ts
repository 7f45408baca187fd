// node-postgres, as the application uses it: a pool, and a client in whose transaction it is.
//
// A transaction of `pg` is a client on which BEGIN was sent, so that client is the `tx`. The pool itself is refused as
// one: its next statement may go to any connection. So is a client that is known to be in no transaction.
//
// Before this file comes the application's pool. After it come `open({ with })` and the PostgreSQL store.
import { type Adapter, InvalidTransactionError, type SqlConnection } from "../job/index.js";
import { connection, hasFunctions, noTransaction, notMadeOf, property, type Values } from "./connection.js";

/** What is used of a pool of `pg`. */
export interface PgPool<Client> {
  query(text: string, values: Values): Promise<unknown>;
  connect(): Promise<unknown>;
  connect(callback: (error: never, client: Client | undefined, done: never) => void): void;
}

/** What is used of a client. */
interface PgClient {
  query(text: string, values?: Values): Promise<unknown>;
  release?(broken?: boolean): void;
}

/**
 * The adapter of a pool of `pg`.
 *
 * @throws InvalidOptionError when it is no pool
 * @example
 * const pool = new Pool({ connectionString });
 * const duckdive = open(pool, { with: pg(pool) });
 * const client = await pool.connect();
 * await client.query("begin");
 * await duckdive.enqueue(welcome, { userId: 7 }, { tx: client });
 * await client.query("commit");
 */
export function pg<Client>(pool: PgPool<Client>): Adapter<Client> {
  if (!hasFunctions(pool, "connect", "query") || hasFunctions(pool, "escapeLiteral"))
    throw notMadeOf("pg()", "Pass a pool: pg(new Pool({ connectionString })).");
  return {
    name: "pg",
    sync: false,
    connectionOf(transaction) {
      if (transaction === undefined) return connection((text, values) => pool.query(text, values));
      if (isClient(transaction)) return inTransaction(transaction);
      throw noTransaction(
        "pg",
        "Pass the client on which you sent BEGIN, from pool.connect(), and not the pool.",
      );
    },
    async transaction(fn) {
      const client = await pool.connect();
      if (!isClient(client)) throw notMadeOf("pg()", "Its connect() gave no client of pg.");
      // What a pool connects is what its type says: the shape was checked, and `Client` is that type's name.
      return perform(client, () => fn(client as Client & PgClient));
    },
  };
}

/** A client of `pg`, whose `escapeLiteral` a pool has not. */
function isClient(value: unknown): value is PgClient {
  return hasFunctions(value, "query", "escapeLiteral");
}

function inTransaction(client: PgClient): SqlConnection {
  return connection((text, values) => {
    if (!isIdle(client)) return client.query(text, values);
    throw noTransaction("pg", 'Send BEGIN on it first: await client.query("begin").');
  });
}

/** Nothing is on its way, and the last answer said that no transaction is open. Older clients do not tell. @internal */
export function isIdle(client: unknown): boolean {
  if (property(client, "readyForQuery") !== true) return false;
  const status = property(client, "getTransactionStatus");
  return typeof status === "function" && status.call(client) === "I";
}

/**
 * Hears the loss of a connection while nothing is under way on it. A pool listens only to clients that it has at hand,
 * and an error that nobody listens to ends the process; the next statement fails, and tells.
 *
 * @internal
 */
export function outlive(client: unknown): void {
  if (!isEmitter(client) || client.listeners("error").includes(ignore)) return;
  client.on("error", ignore);
}

interface Emitter {
  on(event: "error", listener: () => void): unknown;
  listeners(event: "error"): unknown[];
}

function isEmitter(value: unknown): value is Emitter {
  return hasFunctions(value, "on", "listeners");
}

function ignore(): void {}

async function perform<T>(client: PgClient, work: () => Promise<T> | T): Promise<T> {
  let isBroken = false;
  outlive(client);
  try {
    await client.query("BEGIN");
    const value = await work();
    const committed = await client.query("COMMIT");
    if (property(committed, "command") !== "ROLLBACK") return value;
    throw new InvalidTransactionError(
      "PostgreSQL rolled the transaction back instead of committing it, since a statement of it had failed and the " +
        "error was caught. Let the error go, or put that statement into a savepoint.",
    );
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {
      isBroken = true;
    });
    throw error;
  } finally {
    client.release?.(isBroken);
  }
}
