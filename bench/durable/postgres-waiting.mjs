// What a run that waits costs on PostgreSQL: the whole database, with its indexes, over the runs that sleep in it.
import { waitingOf } from "../durable.mjs";
import { ask, withDatabase } from "../server.mjs";

export const name = "postgres.waiting";
export const unit = "bytes/run";
export const rounds = 1;
export const note =
  "100,000 runs that sleep; the database over them, and what the heap of the process that put them to sleep has grown by";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  return withDatabase((url, database) =>
    waitingOf(url, quick ? 5_000 : 100_000, async () => {
      const [row] = await ask(url, `select pg_database_size('${database}') as size`);
      return Number(row?.size);
    }),
  );
}
