// The stores that a test of the command line runs on: a SQLite file of its folder, which is the default, and a schema of
// its own in a PostgreSQL database, which `DATABASE_URL` names.
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { sqlite } from "../../src/store/sqlite/index.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import { type Folder, folder } from "./duckdive.js";

export interface CliStore {
  /** What is shown to people of its address. */
  readonly shown: RegExp;
  /** An empty folder whose default store is an empty one of this kind. */
  folder(): Folder;
  /** The default store of such a folder, without the command line. Whoever asks for it closes it. */
  storeOf(folder: Folder): Store;
}

/** Declares the tests for each store. */
export function onEachStore(tests: (store: CliStore) => void): void {
  describe("on SQLite", () =>
    tests({
      shown: /sqlite:\.\/duckdive\.db/,
      folder: () => folder(),
      storeOf: ({ path }) => sqlite({ file: join(path, "duckdive.db") }),
    }));

  describe("on PostgreSQL", () => {
    let database: Database;
    const schemas = new Map<Folder, string>();
    beforeAll(async () => {
      database = await freshDatabase();
    });
    afterAll(() => database.drop());
    tests({
      shown: /postgres:\/\/…@127\.0\.0\.1:\d+\/\w+, schema cli_\d+/,
      folder() {
        const schema = `cli_${schemas.size + 1}`;
        const made = folder({ DATABASE_URL: database.url, DUCKDIVE_SCHEMA: schema });
        schemas.set(made, schema);
        return made;
      },
      storeOf: (made) => postgres({ database: database.url, schema: schemas.get(made) }),
    });
  });
}
