// The PostgreSQL store keeps the store contract. Two tests run beside each other at most on one schema: each empties it.
// The schema is not the default one, so that no statement can have the name in it.
import { Pool, type PoolClient } from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { Adapter } from "../../src/job/index.js";
import type { Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { storeConformance } from "../../src/testing/conformance/index.js";
import { pg } from "../../src/with/pg.js";
import { ask } from "../postgres/ask.js";
import { type Database, freshDatabase } from "../postgres/database.js";

const schema = "jobs_of_app";
let database: Database;
let pool: Pool;
let adapter: Adapter<PoolClient>;

beforeAll(async () => {
  database = await freshDatabase();
  pool = new Pool({ connectionString: database.url, max: 2 });
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

/** Takes out every row that a test has left; what migrations wrote stays. To truncate hundreds of files takes longer. */
async function empty(): Promise<void> {
  await ask(
    database.url,
    `do $$ declare one text; begin
      for one in select format('%I.%I', schemaname, tablename) from pg_tables
        where schemaname = '${schema}' and tablename not in ('migration', 'meta', 'keep_class') and tablename !~ '^history_'
      loop execute 'delete from ' || one; end loop;
    end $$`,
  );
}

storeConformance({
  name: "PostgreSQL",
  describe,
  test,
  skip: (name, body) => void test.skip(name, body),
  async open(clock) {
    await empty();
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
