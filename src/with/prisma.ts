// Prisma, as the application uses it: its client, and the `tx` of `prisma.$transaction(async (tx) => …)`.
//
// The client of an interactive transaction lacks `$connect`, which is how the two are told apart. Prisma ends such a
// transaction after 5 seconds unless the client's `transactionOptions` say otherwise; `ctx.tx` is subject to that too.
//
// Before this file comes the application's client. After it come `open({ with })` and the PostgreSQL store.
import type { Adapter, SqlConnection } from "../job/index.js";
import { connection, hasFunctions, noTransaction, notMadeOf, property, resultOf } from "./connection.js";

/** What is used of a Prisma client. */
export interface PrismaClient<Tx> {
  $transaction(fn: (tx: Tx) => Promise<void>): Promise<unknown>;
}

/** What a client and a transaction of Prisma have in common. */
interface Queryable {
  $queryRawUnsafe(text: string, ...values: readonly unknown[]): PromiseLike<unknown>;
}

/**
 * The adapter of a Prisma client on PostgreSQL.
 *
 * @throws InvalidOptionError when it is no Prisma client
 * @example
 * const client = new PrismaClient({ adapter: new PrismaPg({ connectionString }) });
 * const duckdive = open(connectionString, { with: prisma(client) });
 * await client.$transaction((tx) => duckdive.enqueue(welcome, { userId: 7 }, { tx }));
 */
export function prisma<Tx>(client: PrismaClient<Tx>): Adapter<Tx> {
  if (!isQueryable(client) || !hasFunctions(client, "$connect", "$transaction"))
    throw notMadeOf("prisma()", "Pass the client: prisma(new PrismaClient({ adapter })).");
  return {
    name: "prisma",
    sync: false,
    connectionOf(transaction) {
      if (transaction === undefined) return over(client);
      if (isQueryable(transaction) && !hasFunctions(transaction, "$connect")) return over(transaction);
      throw noTransaction("Prisma", "Pass what prisma.$transaction(async (tx) => …) gives you.");
    },
    transaction: (fn) => resultOf((work) => client.$transaction(work), fn),
  };
}

function over(queryable: Queryable): SqlConnection {
  return connection(async (text, values) => {
    try {
      return await queryable.$queryRawUnsafe(text, ...values);
    } catch (error) {
      throw said(error);
    }
  });
}

function isQueryable(value: unknown): value is Queryable {
  return hasFunctions(value, "$queryRawUnsafe");
}

/** Prisma has its own code for a refused statement, and keeps PostgreSQL's below it as data. */
function said(error: unknown): unknown {
  const origin = property(property(property(error, "meta"), "driverAdapterError"), "cause");
  const code = property(origin, "originalCode");
  if (typeof code !== "string") return error;
  const message = property(origin, "originalMessage");
  const plain = new Error(typeof message === "string" ? message : String(error), { cause: error });
  return Object.assign(plain, { code });
}
