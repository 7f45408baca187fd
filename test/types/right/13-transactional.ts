// 13. What a handler writes is committed with its memory, or with the run's end: by the adapter's own transaction type,
// on PostgreSQL and on SQLite, and with what JSON leaves of the value.
import Database from "better-sqlite3";
import { drizzle as connect } from "drizzle-orm/node-postgres";
import { job as base, open } from "duckdive";
import { drizzle } from "duckdive/with/drizzle";
import { pg } from "duckdive/with/pg";
import { sqlite } from "duckdive/with/sqlite";
import { Pool, type PoolClient } from "pg";
import { z } from "zod";

const withPg = pg(new Pool());
const job = base.using<typeof withPg>();

export const bottle = job({
  name: "bottle",
  input: z.object({ cask: z.number() }),
  output: z.object({ bottles: z.number(), at: z.coerce.date() }),
  async handle({ cask }, ctx) {
    const filled = await ctx.tx("fill", async (tx) => {
      tx satisfies PoolClient;
      await tx.query("update casks set empty = true where id = $1", [cask]);
      return { at: new Date(), litres: 225n };
    });
    filled.at satisfies string;
    filled.litres satisfies string;
    if (cask < 0) return ctx.fail("no such cask");
    return ctx.succeed(async (tx) => {
      tx satisfies PoolClient;
      return { bottles: 300, at: filled.at };
    });
  },
});

// The output is inferred through ctx.succeed where none is declared, also beside another outcome.
const label = job({
  name: "label",
  handle: (_input: undefined, ctx) =>
    ctx.attempt > 3 ? ctx.snooze("1h") : ctx.succeed(() => ({ printed: new Date() })),
});
const duckdive = open("postgres://localhost/cellar", { with: withPg, jobs: [bottle, label] });
const { bottles, at } = await (await duckdive.enqueue(bottle, { cask: 1 })).result();
bottles.toFixed();
at.getTime();
(await (await duckdive.enqueue(label)).result()).printed satisfies string;

// On SQLite the transaction is the handle, and the function may be synchronous.
const handle = new Database("cellar.db");
const withSqlite = sqlite(handle);
const count = base.using<typeof withSqlite>()({
  name: "count",
  async handle(_input: undefined, ctx) {
    const changes = await ctx.tx("count", (tx) => tx.prepare("update casks set counted = 1").run().changes);
    changes satisfies number;
    return ctx.succeed((tx) => void tx.exec("update cellar set counted = 1"));
  },
});
open("sqlite:./cellar.db", { with: withSqlite, jobs: [count] });

// A contract of a module that knows no adapter, handled where one is known.
const contract = base({ name: "taste", output: z.object({ points: z.number() }) });
const withDrizzle = drizzle(connect(new Pool()));
const tasting = base.using<typeof withDrizzle>();
const taste = tasting({ name: "taste", output: z.object({ points: z.number() }) }).handle((_input, ctx) =>
  ctx.succeed(async (tx) => {
    await tx.execute("select 1");
    return { points: 92 };
  }),
);
open("postgres://localhost/cellar", { with: withDrizzle, jobs: [taste] });
contract.name satisfies "taste";
