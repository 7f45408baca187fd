// The stores that a test of the command line runs on: a SQLite file of its folder, which is the default, and a schema of
// its own in a PostgreSQL database, which `DATABASE_URL` names.
import { afterAll, beforeAll, describe } from "vitest";
import { type Database, freshDatabase } from "../postgres/database.js";
import { type Folder, folder } from "./duckdive.js";

export interface CliStore {
  /** What is shown to people of its address. */
  readonly shown: RegExp;
  /** An empty folder whose default store is an empty one of this kind. */
  folder(): Folder;
}

/** Declares the tests for each store. */
export function onEachStore(tests: (store: CliStore) => void): void {
  describe("on SQLite", () => tests({ shown: /sqlite:\.\/duckdive\.db/, folder: () => folder() }));

  describe("on PostgreSQL", () => {
    let database: Database;
    let schemas = 0;
    beforeAll(async () => {
      database = await freshDatabase();
    });
    afterAll(() => database.drop());
    tests({
      shown: /postgres:\/\/…@127\.0\.0\.1:\d+\/\w+, schema cli_\d+/,
      folder: () => folder({ DATABASE_URL: database.url, DUCKDIVE_SCHEMA: `cli_${++schemas}` }),
    });
  });
}
