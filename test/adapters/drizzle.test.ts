// The adapter of Drizzle, over each of the two drivers that it is mostly used with.
import { drizzle as overPg } from "drizzle-orm/node-postgres";
import { pgTable, serial, text } from "drizzle-orm/pg-core";
import { drizzle as overPostgresJs } from "drizzle-orm/postgres-js";
import { Pool } from "pg";
import connect from "postgres";
import { drizzle } from "../../src/with/drizzle.js";
import { describeAdapter, library } from "./suite.js";

const wines = pgTable("wines", { id: serial().primaryKey(), name: text().notNull() });

describeAdapter("Drizzle over pg", async (url) => {
  const pool = new Pool({ connectionString: url, max: 5 });
  pool.on("error", () => {});
  const db = overPg(pool);
  return library(drizzle(db), {
    transaction: (fn) => db.transaction(fn),
    nested: (tx, fn) => tx.transaction(fn),
    insert: (tx, name) => tx.insert(wines).values({ name }),
    strangers: { "the database": db, "the pool": pool, "a query builder": db.select().from(wines) },
    close: () => pool.end(),
  });
});

describeAdapter("Drizzle over postgres.js", async (url) => {
  const sql = connect(url, { max: 5, onnotice: () => {} });
  const db = overPostgresJs(sql);
  return library(drizzle(db), {
    transaction: (fn) => db.transaction(fn),
    nested: (tx, fn) => tx.transaction(fn),
    insert: (tx, name) => tx.insert(wines).values({ name }),
    endedIsTaken: "postgres.js keeps no sign of it",
    strangers: { "the database": db, "sql itself": sql },
    // It waits for ever for a connection that was cut while a statement was on its way.
    close: () => sql.end({ timeout: 1 }),
  });
});
