// Where the violent tests happen: a database of its own for each test, as an address for processes and as a store.
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Store } from "../../src/store/contract.js";
import { postgres } from "../../src/store/postgres/index.js";
import { sqlite } from "../../src/store/sqlite/index.js";
import { freshDatabase } from "../postgres/database.js";
import { ownFolder } from "./processes.js";

export interface Place {
  readonly address: string;
  /** Another hand on it, closed when the test is over. */
  store(): Store;
}

function placeAt(address: string, open: () => Store): Place {
  return {
    address,
    store() {
      const store = open();
      onTestFinished(() => store.close());
      return store;
    },
  };
}

async function sqlitePlace(): Promise<Place> {
  const file = join(ownFolder(), "jobs.db");
  return placeAt(`sqlite:${file}`, () => sqlite({ file }));
}

async function postgresPlace(): Promise<Place> {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  return placeAt(database.url, () => postgres({ database: database.url }));
}

/** Each kind of place, for tests that must hold in all of them. */
export const places = [
  { name: "SQLite", place: sqlitePlace },
  { name: "PostgreSQL", place: postgresPlace },
] as const;
