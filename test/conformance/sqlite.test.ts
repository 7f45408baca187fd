// The SQLite store keeps the store contract: in a file, where several stores meet, and in memory.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { describe, test } from "vitest";
import type { Store } from "../../src/store/contract.js";
import { sqlite } from "../../src/store/sqlite/index.js";
import { storeConformance } from "../../src/testing/conformance/index.js";
import { sqlite as sqliteAdapter } from "../../src/with/sqlite.js";

/** What needs a second store object, where there is none. */
const skip = (name: string, body: () => Promise<void>): void => void test.skip(name, body);

/** One test has a listener that throws; anything else that belongs to no call is a mistake. */
function onError(error: unknown): void {
  if (!(error instanceof Error && error.message.includes("on purpose"))) throw error;
}

storeConformance({
  name: "SQLite in a file",
  describe,
  test,
  skip,
  async open(clock) {
    const folder = await mkdtemp(join(tmpdir(), "duckdive-conformance-"));
    const stores: Store[] = [];
    let handle: Database.Database | undefined;
    const another = async (): Promise<Store> => {
      const store = sqlite({ file: join(folder, "jobs.db"), clock, onError });
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

storeConformance({
  name: "SQLite in memory",
  describe,
  test,
  skip,
  alone: "a database in memory belongs to one store object",
  async open(clock) {
    const store = sqlite({ file: ":memory:", clock, onError });
    return { store, close: () => store.close() };
  },
});
