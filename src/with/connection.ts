// From a library's way of running a statement to the one that the PostgreSQL store uses.
//
// Libraries differ in four small things: whether an answer is its rows or has them, how placeholders are written, how
// they wrap what the database said when it refused, and what they are called. Those are made equal here, so that each
// adapter beside this file holds nothing but what its library alone does. Nothing of any library is loaded.
//
// Before this file come the adapters for PostgreSQL. After it comes the store, which sees a SqlConnection.
import { InvalidTransactionError, type SqlConnection } from "../job/index.js";
import { InvalidOptionError } from "../kernel/index.js";

/** Values of a statement's placeholders: text, as PostgreSQL reads it. */
export type Values = (string | null)[];

/** A row of an answer, by column. */
export type Row = Readonly<Record<string, unknown>>;

/** A connection over a library's function that runs one statement and answers its rows, or an object with `rows`. */
export function connection(run: (text: string, values: Values) => unknown): SqlConnection {
  return {
    async query(text, values) {
      try {
        return rowsOf(await run(text, [...values]));
      } catch (error) {
        throw said(error);
      }
    },
  };
}

function rowsOf(answer: unknown): readonly Row[] {
  const rows = Array.isArray(answer) ? answer : property(answer, "rows");
  return Array.isArray(rows) ? rows : [];
}

/** What the database itself said, with its SQLSTATE as `code`: the store decides by it. Libraries wrap that. */
function said(error: unknown): unknown {
  if (isSqlState(property(error, "code"))) return error;
  for (const name of ["cause", "driverError", "original"]) {
    const inner = property(error, name);
    if (inner instanceof Error && isSqlState(property(inner, "code"))) return inner;
  }
  return error;
}

function isSqlState(code: unknown): code is string {
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code);
}

/**
 * A statement with `?` for each `$1`, for libraries that number placeholders themselves; a `?` of its own is escaped.
 * Values come in the order of the placeholders, once for each.
 */
export function withQuestionMarks(text: string, values: Values): { text: string; values: Values } {
  const ordered: Values = [];
  const written = text.replace(/\?|\$(\d+)/g, (_found, number: string | undefined) => {
    if (number === undefined) return "\\?";
    ordered.push(values[Number(number) - 1] ?? null);
    return "?";
  });
  return { text: written, values: ordered };
}

/** Runs a library's own transaction, and gives what the function in it gave, whatever the library's type for that is. */
export async function resultOf<Tx, T>(
  begin: (work: (tx: Tx) => Promise<void>) => PromiseLike<unknown>,
  fn: (tx: Tx) => Promise<T> | T,
  ended?: Ended,
): Promise<T> {
  const done: { with?: { readonly value: T } } = {};
  let given: Tx | undefined;
  let isOver = false;
  async function work(tx: Tx): Promise<void> {
    given = tx;
    try {
      done.with = { value: await fn(tx) };
    } catch (error) {
      // Where the connection is gone, the library gives the transaction up in this turn of the event loop.
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (!isOver) throw error;
    }
    // Then it is not told that its function has ended: postgres.js would send ROLLBACK or COMMIT into nothing, and throw
    // where nobody can catch it.
    if (isOver) await new Promise(() => {});
  }
  try {
    await begin(work);
  } finally {
    isOver = true;
    ended?.add(given);
  }
  if (done.with !== undefined) return done.with.value;
  throw new InvalidTransactionError("The transaction ended without its function: nothing was written.");
}

/**
 * Transactions that have ended, for libraries that would still send a statement for one: it would be outside of it, or
 * meet a connection that is gone.
 */
export class Ended {
  readonly #transactions = new WeakSet<object>();

  add(transaction: unknown): void {
    if (isReference(transaction)) this.#transactions.add(transaction);
  }

  has(transaction: unknown): boolean {
    return isReference(transaction) && this.#transactions.has(transaction);
  }
}

function isReference(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** A property of a value of unknown shape; undefined where there is none. */
export function property(value: unknown, name: string): unknown {
  return isReference(value) ? Reflect.get(value, name) : undefined;
}

/** Whether a value has functions of these names. */
export function hasFunctions(value: unknown, ...names: readonly string[]): boolean {
  return names.every((name) => typeof property(value, name) === "function");
}

/** What was given as `tx` is none; `remedy` says what to pass. */
export function noTransaction(library: string, remedy: string): InvalidTransactionError {
  return new InvalidTransactionError(
    `The \`tx\` that was given is no open transaction of ${library}. ${remedy}`,
  );
}

/** What an adapter was made of is not what it is for; `remedy` says what to pass. */
export function notMadeOf(adapter: string, remedy: string): InvalidOptionError {
  return new InvalidOptionError(`${adapter} was given something that it cannot use. ${remedy}`);
}
