// The adapter of Kysely, over node-postgres and with the plugin that renames columns.
import { CamelCasePlugin, type Generated, Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import { Pool } from "pg";
import { kysely } from "../../src/with/kysely.js";
import { describeAdapter, library } from "./suite.js";

interface Tables {
  wines: { id: Generated<number>; name: string };
}

describeAdapter("Kysely", async (url) => {
  const pool = new Pool({ connectionString: url, max: 5 });
  pool.on("error", () => {});
  // Kysely listens to no client that it has taken, and the loss of one would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] });
  return library(kysely(db), {
    transaction: (fn) => db.transaction().execute(fn),
    async nested(tx: Transaction<Tables>, fn) {
      await sql`savepoint part`.execute(tx);
      try {
        await fn(tx);
      } catch (error) {
        await sql`rollback to part`.execute(tx);
        throw error;
      }
    },
    insert: (tx, name) => tx.insertInto("wines").values({ name }).execute(),
    strangers: { "the database": db, "a query builder": db.selectFrom("wines") },
    close: () => db.destroy(),
  });
});
