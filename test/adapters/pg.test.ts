// The adapter of node-postgres, with the package `pg`.
import { Pool, type PoolClient } from "pg";
import { pg } from "../../src/with/pg.js";
import { describeAdapter, library } from "./suite.js";

describeAdapter("pg", async (url) => {
  const pool = new Pool({ connectionString: url, max: 5 });
  pool.on("error", () => {});
  const idle = await pool.connect();
  return library(pg(pool), {
    async transaction(fn) {
      const client = await pool.connect();
      try {
        await client.query("begin");
        const result = await fn(client);
        await client.query("commit");
        return result;
      } catch (error) {
        await client.query("rollback");
        throw error;
      } finally {
        client.release();
      }
    },
    async nested(client: PoolClient, fn) {
      await client.query("savepoint part");
      try {
        await fn(client);
      } catch (error) {
        await client.query("rollback to part");
        throw error;
      }
    },
    insert: (client, name) => client.query("insert into wines (name) values ($1)", [name]),
    strangers: { "the pool": pool, "a client without a transaction": idle },
    close() {
      idle.release();
      return pool.end();
    },
  });
});
