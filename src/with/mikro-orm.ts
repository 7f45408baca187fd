// MikroORM, as the application uses it: the ORM, and the entity manager of `em.transactional(async (em) => …)`.
//
// An entity manager is a `tx` while it is in a transaction. Statements go through its driver's connection with the
// transaction as context, past the identity map: what duckdive writes is no entity. Placeholders are `?` there.
//
// Before this file comes the application's ORM. After it come `open({ with })` and the PostgreSQL store.
import type { Adapter } from "../job/index.js";
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

/** What is used of an ORM. */
export interface MikroOrm<EntityManager> {
  readonly em: EntityManager & {
    fork(): { transactional(fn: (em: EntityManager) => Promise<void>): Promise<unknown> };
  };
}

/** What is used of an entity manager. */
interface Manager {
  isInTransaction(): boolean;
  getTransactionContext(): unknown;
  getConnection(): {
    execute(text: string, values: Values, method: "all", context?: unknown): Promise<unknown>;
  };
}

/**
 * The adapter of MikroORM on PostgreSQL. `ctx.tx` works on a fork of its entity manager, which is flushed at the end.
 *
 * @throws InvalidOptionError when it is no ORM
 * @example
 * const orm = await MikroORM.init({ clientUrl, entities });
 * const duckdive = open(clientUrl, { with: mikroOrm(orm) });
 * await orm.em.fork().transactional((em) => duckdive.enqueue(welcome, { userId: 7 }, { tx: em }));
 */
export function mikroOrm<EntityManager>(orm: MikroOrm<EntityManager>): Adapter<EntityManager> {
  if (!isManager(property(orm, "em")))
    throw notMadeOf("mikroOrm()", "Pass what MikroORM.init({ clientUrl, entities }) gives.");
  return {
    name: "mikro-orm",
    sync: false,
    connectionOf(transaction) {
      const manager = transaction ?? orm.em;
      const isOutside = transaction === undefined;
      if (!isManager(manager) || !(isOutside || manager.isInTransaction()))
        throw noTransaction(
          "MikroORM",
          "Pass the entity manager that em.transactional(async (em) => …) gives you.",
        );
      const context = isOutside ? undefined : manager.getTransactionContext();
      return connection((text, values) => {
        const statement = withQuestionMarks(text, values);
        return manager.getConnection().execute(statement.text, statement.values, "all", context);
      });
    },
    transaction: (fn) => resultOf((work) => orm.em.fork().transactional(work), fn),
  };
}

function isManager(value: unknown): value is Manager {
  return hasFunctions(value, "isInTransaction", "getTransactionContext", "getConnection");
}
