// The PostgreSQL store keeps the store contract. Two tests run beside each other at most on one schema: each empties it.
// The schema is not the default one, so that no statement can have the name in it.
import { Pool, type PoolClient } from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { Adapter } from "../../src/job/index.js";
import type { Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { storeConformance } from "../../src/testing/conformance/index.js";
import { pg } from "../../src/with/pg.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import { emptied } from "../postgres/emptied.js";

const schema = "jobs_of_app";
let database: Database;
let pool: Pool;
let adapter: Adapter<PoolClient>;

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 });
  // A client that is still saying goodbye is cut off with its database.
  pool.on("error", () => {});
  adapter = pg(pool);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** One test has a listener that throws; anything else that belongs to no call is a mistake. */
function onError(error: unknown): void {
  if (!(error instanceof Error && error.message.includes("on purpose"))) throw error;
}

storeConformance({
  name: "PostgreSQL",
  describe,
  test,
  skip: (name, body) => void test.skip(name, body),
  async open(clock) {
    await emptied(database.url, schema);
    const stores: Store[] = [];
    const another = async (): Promise<Store> => {
      const store = postgres({ database: database.url, schema, clock, onError });
      stores.push(store);
      return store;
    };
    return {
      store: await another(),
      another,
      transaction: (fn) => adapter.transaction((client) => fn(adapter.connectionOf(client))),
      async close() {
        for (const store of stores) await store.close();
      },
    };
  },
});
