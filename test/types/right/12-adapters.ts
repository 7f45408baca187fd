// 12. A run is recorded in a transaction of the library that the application uses, with that library's own types: the
// adapter is made of its database object, and takes its transaction from there, for `enqueue` and for `ctx.tx`.
import { MikroORM } from "@mikro-orm/postgresql";
import { drizzle as overPg } from "drizzle-orm/node-postgres";
import { drizzle as overPostgresJs } from "drizzle-orm/postgres-js";
import { job as base, open } from "duckdive";
import { drizzle } from "duckdive/with/drizzle";
import { knex } from "duckdive/with/knex";
import { kysely } from "duckdive/with/kysely";
import { mikroOrm } from "duckdive/with/mikro-orm";
import { pg } from "duckdive/with/pg";
import { postgres } from "duckdive/with/postgres";
import { sequelize } from "duckdive/with/sequelize";
import { typeorm } from "duckdive/with/typeorm";
import connectKnex, { type Knex } from "knex";
import { Kysely, PostgresDialect, type Transaction } from "kysely";
import { Pool, type PoolClient } from "pg";
import connectPostgres, { type TransactionSql } from "postgres";
import { Sequelize, type Transaction as SequelizeTransaction } from "sequelize";
import { DataSource, type EntityManager } from "typeorm";
import { remind } from "./01-first-job.js";

const url = "postgres://localhost/cellar";
const input = { guest: 1 };

// pg
const pool = new Pool({ connectionString: url });
const withPg = pg(pool);
const onPg = open(url, { with: withPg });
const client = await pool.connect();
await client.query("begin");
await onPg.enqueue(remind, input, { tx: client });
await client.query("commit");
client.release();
base.using<typeof withPg>()({
  name: "pg",
  async handle(_input, ctx) {
    await ctx.tx("write", (tx) => {
      tx satisfies PoolClient;
      return tx.query("insert into wines (name) values ($1)", ["first label"]);
    });
  },
});

// postgres.js
const sql = connectPostgres(url);
const withPostgres = postgres(sql);
const onPostgres = open(url, { with: withPostgres });
await sql.begin((tx) => onPostgres.enqueue(remind, input, { tx }));
await sql.begin((tx) => tx.savepoint((inner) => onPostgres.enqueue(remind, input, { tx: inner })));
base.using<typeof withPostgres>()({
  name: "postgres",
  async handle(_input, ctx) {
    await ctx.tx("write", (tx) => {
      tx satisfies TransactionSql;
      return tx`insert into wines (name) values (${"first label"})`;
    });
  },
});

// Drizzle, over both of its usual drivers
const drizzlePg = overPg(pool);
const onDrizzlePg = open(url, { with: drizzle(drizzlePg) });
await drizzlePg.transaction((tx) => onDrizzlePg.enqueue(remind, input, { tx }));
await drizzlePg.transaction((tx) =>
  tx.transaction((inner) => onDrizzlePg.enqueue(remind, input, { tx: inner })),
);
const drizzleJs = overPostgresJs(sql);
const onDrizzleJs = open(url, { with: drizzle(drizzleJs) });
await drizzleJs.transaction((tx) => onDrizzleJs.enqueue(remind, input, { tx }));

// Kysely
interface Tables {
  wines: { name: string };
}
const kyselyDatabase = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
const withKysely = kysely(kyselyDatabase);
const onKysely = open(url, { with: withKysely });
await kyselyDatabase.transaction().execute((tx) => onKysely.enqueue(remind, input, { tx }));
const controlled = await kyselyDatabase.startTransaction().execute();
await onKysely.enqueue(remind, input, { tx: controlled });
await controlled.commit().execute();
base.using<typeof withKysely>()({
  name: "kysely",
  handle(_input, ctx) {
    return ctx.succeed(async (tx) => {
      tx satisfies Transaction<Tables>;
      await tx.insertInto("wines").values({ name: "first label" }).execute();
    });
  },
});

// Knex
const knexDatabase = connectKnex({ client: "pg", connection: url });
const withKnex = knex(knexDatabase);
const onKnex = open(url, { with: withKnex });
await knexDatabase.transaction((tx) => onKnex.enqueue(remind, input, { tx }));
base.using<typeof withKnex>()({
  name: "knex",
  async handle(_input, ctx) {
    await ctx.tx("write", (tx) => {
      tx satisfies Knex.Transaction;
      return tx("wines").insert({ name: "first label" });
    });
  },
});

// MikroORM
const orm = await MikroORM.init({ clientUrl: url, entities: [] });
const withMikroOrm = mikroOrm(orm);
const onMikroOrm = open(url, { with: withMikroOrm });
await orm.em.fork().transactional((tx) => onMikroOrm.enqueue(remind, input, { tx }));
base.using<typeof withMikroOrm>()({
  name: "mikro-orm",
  async handle(_input, ctx) {
    await ctx.tx("write", async (tx) => {
      tx satisfies typeof orm.em;
      await tx.flush();
    });
  },
});

// TypeORM
const dataSource = new DataSource({ type: "postgres", url });
const withTypeorm = typeorm(dataSource);
const onTypeorm = open(url, { with: withTypeorm });
await dataSource.transaction((tx) => onTypeorm.enqueue(remind, input, { tx }));
base.using<typeof withTypeorm>()({
  name: "typeorm",
  async handle(_input, ctx) {
    await ctx.tx("write", async (tx) => {
      tx satisfies EntityManager;
      await tx.query("insert into wines (name) values ($1)", ["first label"]);
    });
  },
});

// Sequelize
const sequelizeDatabase = new Sequelize(url);
const withSequelize = sequelize(sequelizeDatabase);
const onSequelize = open(url, { with: withSequelize });
await sequelizeDatabase.transaction((tx) => onSequelize.enqueue(remind, input, { tx }));
base.using<typeof withSequelize>()({
  name: "sequelize",
  async handle(_input, ctx) {
    await ctx.tx("write", async (tx) => {
      tx satisfies SequelizeTransaction;
      await sequelizeDatabase.query("insert into wines (name) values ('first label')", { transaction: tx });
    });
  },
});
