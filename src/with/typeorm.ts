// TypeORM, as the application uses it: its data source, and the manager of `dataSource.transaction(async (manager) => …)`.
//
// A manager is a `tx` while its query runner has a transaction open. Statements go through the query runner, asking
// for its structured answer: the plain one has another shape for statements that are no SELECT.
//
// Before this file comes the application's data source. After it come `open({ with })` and the PostgreSQL store.
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

/** What is used of a data source. */
export interface TypeOrmDataSource<EntityManager> {
  readonly manager: EntityManager;
  transaction(fn: (manager: EntityManager) => Promise<void>): Promise<unknown>;
  createQueryRunner(): QueryRunner;
}

interface QueryRunner {
  query(text: string, values: Values, structured: true): Promise<{ readonly records: unknown[] }>;
  release(): Promise<unknown>;
}

/**
 * The adapter of a TypeORM data source with `type: "postgres"`.
 *
 * @throws InvalidOptionError when it is no data source
 * @example
 * const dataSource = await new DataSource({ type: "postgres", url, entities }).initialize();
 * const duckdive = open(url, { with: typeorm(dataSource) });
 * await dataSource.transaction((tx) => duckdive.enqueue(welcome, { userId: 7 }, { tx }));
 */
export function typeorm<EntityManager>(dataSource: TypeOrmDataSource<EntityManager>): Adapter<EntityManager> {
  if (!hasFunctions(dataSource, "transaction", "createQueryRunner"))
    throw notMadeOf("typeorm()", 'Pass the data source: typeorm(new DataSource({ type: "postgres", url })).');
  return {
    name: "typeorm",
    sync: false,
    connectionOf(transaction) {
      if (transaction === undefined) return connection((text, values) => outside(dataSource, text, values));
      const runner = property(transaction, "queryRunner");
      if (isActive(runner)) return connection((text, values) => records(runner, text, values));
      throw noTransaction(
        "TypeORM",
        "Pass the manager that dataSource.transaction(async (manager) => …) gives you.",
      );
    },
    transaction: (fn) => resultOf((work) => dataSource.transaction(work), fn),
  };
}

function isActive(runner: unknown): runner is QueryRunner {
  return hasFunctions(runner, "query") && property(runner, "isTransactionActive") === true;
}

async function records(runner: QueryRunner, text: string, values: Values): Promise<unknown[]> {
  return (await runner.query(text, values, true)).records;
}

async function outside(
  dataSource: TypeOrmDataSource<unknown>,
  text: string,
  values: Values,
): Promise<unknown[]> {
  const runner = dataSource.createQueryRunner();
  try {
    return await records(runner, text, values);
  } finally {
    await runner.release();
  }
}
