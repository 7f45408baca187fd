// A store that encrypts what it is given keeps the store contract on SQLite: whoever uses it sees no difference, but that
// inputs cannot be searched.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { describe, test } from "vitest";
import type { Store } from "../../src/store/contract.js";
import { encrypted } from "../../src/store/encrypted.js";
import { sqlite } from "../../src/store/sqlite/index.js";
import { storeConformance } from "../../src/testing/conformance/index.js";
import { sqlite as sqliteAdapter } from "../../src/with/sqlite.js";

const encryption = { current: "b", keys: { a: Buffer.alloc(32, 1), b: Buffer.alloc(32, 2) } };
const excuses = {
  "counts > runs are found > by a text in their input, in the same case, however long it is":
    "inputs are encrypted, and such a filter is refused",
};
const skip = (name: string, body: () => Promise<void>): void => void test.skip(name, body);

/** One test has a listener that throws; anything else that belongs to no call is a mistake. */
function onError(error: unknown): void {
  if (!(error instanceof Error && error.message.includes("on purpose"))) throw error;
}

storeConformance({
  name: "SQLite, encrypted,",
  describe,
  test,
  skip,
  excuses,
  async open(clock) {
    const folder = await mkdtemp(join(tmpdir(), "duckdive-conformance-"));
    const stores: Store[] = [];
    let handle: Database.Database | undefined;
    const another = async (): Promise<Store> => {
      const store = encrypted(sqlite({ file: join(folder, "jobs.db"), clock, onError }), encryption);
      stores.push(store);
      return store;
    };
    return {
      store: await another(),
      another,
      async transaction(fn) {
        handle ??= new Database(join(folder, "jobs.db"));
        const adapter = sqliteAdapter(handle);
        return adapter.transaction((tx) => fn(adapter.connectionOf(tx)));
      },
      async close() {
        handle?.close();
        for (const store of stores) await store.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
});
