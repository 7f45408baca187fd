// A store that encrypts what it is given keeps the store contract on PostgreSQL, where inputs and outputs are columns of JSON.
import { Pool, type PoolClient } from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import type { Adapter } from "../../src/job/index.js";
import type { Store } from "../../src/store/contract.js";
import { encrypted } from "../../src/store/encrypted.js";
import { postgres } from "../../src/store/postgres/index.js";
import { storeConformance } from "../../src/testing/conformance/index.js";
import { pg } from "../../src/with/pg.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import { emptied } from "../postgres/emptied.js";

const encryption = { current: "b", keys: { a: Buffer.alloc(32, 1), b: Buffer.alloc(32, 2) } };
const same = "nothing in it is encrypted, and what wraps a store does not touch it";
const excuses = {
  "counts > runs are found > by a text in their input, in the same case, however long it is":
    "inputs are encrypted, and such a filter is refused",
  ...Object.fromEntries(
    [
      ...[
        "workers",
        "messages",
        "departed",
        "promote",
        "prune",
        "watch",
        "concurrency",
        "pause",
        "rescue",
        "blame",
      ],
      ...["gates", "gates at random", "graphs at random", "rates", "fair", "unique", "change", "batches"],
    ].map((group) => [group, same]),
  ),
};
const skip = (name: string, body: () => Promise<void>): void => void test.skip(name, body);

/** One test has a listener that throws; anything else that belongs to no call is a mistake. */
function onError(error: unknown): void {
  if (!(error instanceof Error && error.message.includes("on purpose"))) throw error;
}

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

storeConformance({
  name: "PostgreSQL, encrypted,",
  describe,
  test,
  skip,
  excuses,
  async open(clock) {
    await emptied(database.url, schema);
    const stores: Store[] = [];
    const another = async (): Promise<Store> => {
      const store = encrypted(postgres({ database: database.url, schema, clock, onError }), encryption);
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
