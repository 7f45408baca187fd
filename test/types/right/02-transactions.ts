// 2. A run is recorded in the application's own transaction, with the real types of Drizzle: on PostgreSQL, and on
// SQLite, where transactions are synchronous.
import Database from "better-sqlite3";
import { drizzle as overSqlite } from "drizzle-orm/better-sqlite3";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { drizzle as overPostgres } from "drizzle-orm/pg-proxy";
import { job as base, open } from "duckdive";
import { drizzle, drizzleSync } from "duckdive/with/drizzle";
import { z } from "zod";

const wines = pgTable("wines", {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  name: text().notNull(),
});
const db = overPostgres(async () => ({ rows: [] }));
export const adapter = drizzle(db);
const job = base.using<typeof adapter>(); // once per application: `ctx.tx` is Drizzle's from here on

export const catalogue = job({
  name: "catalogue",
  input: z.object({ wine: z.number() }),
  async handle({ wine }, ctx) {
    await ctx.tx("name it", (tx) => tx.update(wines).set({ name: `wine ${wine}` }));
    return ctx.succeed(async (tx) => {
      const [row] = await tx.insert(wines).values({ name: "second label" }).returning();
      return { second: row?.id ?? 0 };
    });
  },
});
export const duckdive = open("postgres://localhost/cellar", { with: adapter, jobs: [catalogue] });

const run = await db.transaction(async (tx) => {
  const [wine] = await tx.insert(wines).values({ name: "first label" }).returning();
  return duckdive.enqueue(catalogue, { wine: wine?.id ?? 0 }, { tx });
});
const second: number = (await run.result()).second;
second.toFixed();
await duckdive.enqueueMany(catalogue, [{ wine: 1 }, { wine: 2 }]);

const lite = overSqlite({ client: new Database("cellar.db") });
const local = open("sqlite:./cellar.db", { with: drizzleSync(lite) });
const invite = base({ name: "invite", input: z.object({ to: z.string() }), handle: () => {} });
const asked = lite.transaction((tx) => local.enqueueSync(invite, { to: "ada" }, { tx }));
asked.created satisfies boolean;
