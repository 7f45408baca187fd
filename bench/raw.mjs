// The floor: the same file, tables and indexes, with nothing between us and the database driver.
//
// Before this file come the floors. After it comes libsql.
import { createRequire } from "node:module";
import { open } from "./duckdive.mjs";
import { parcelInput } from "./measure.mjs";

/**
 * A database that has duckdive's tables, as libsql has it.
 * @param {string} file
 */
export async function rawDatabase(file) {
  const duckdive = open(`sqlite:${file}`);
  await duckdive.ready();
  await duckdive.close();
  const Database = createRequire(import.meta.url)("libsql");
  const database = new Database(file);
  for (const setting of ["synchronous = full", "cache_size = -32000", "wal_autocheckpoint = 4000"])
    database.pragma(setting);
  return database;
}

/** Inserts what `insert` of the store inserts for a run with a short input; parameters: id, time, time, input. */
const insertRun =
  "insert into duckdive_run (id, job, version, queue, priority, state, requested_at, run_at, body, input) " +
  "values (?, 'parcel', 1, 'default', 0, 'ready', ?, ?, 0, ?) on conflict (id) do nothing";

/**
 * @param {any} database
 * @param {number} runs
 * @param {number} group how many a transaction
 */
export function insertRuns(database, runs, group) {
  const insert = database.prepare(insertRun);
  const input = JSON.stringify(parcelInput);
  for (let done = 0; done < runs; done += group) {
    database.exec("begin immediate");
    for (let count = 0; count < group; count += 1)
      insert.run(idOf(done + count), Date.now(), Date.now(), input);
    database.exec("commit");
  }
}

/**
 * Increasing, as the ids of duckdive are: random ones would make the index on them dearer than it is.
 * @param {number} number
 */
function idOf(number) {
  return `019ab3c0-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
}
