// The floor of the drain: read, claim and settle the same rows in batches, as plain SQL, in one process.
import { join } from "node:path";
import { insertRuns, rawDatabase } from "../raw.mjs";

export const name = "floor.sqlite.drain";
export const unit = "runs/s";
export const peerOf = "sqlite.drain";
export const floor = true;
export const note = "raw SQL, 1,000 a transaction, claimed and settled, history kept, synchronous=FULL";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const runs = quick ? 20_000 : 150_000;
  const database = await rawDatabase(join(folder, "bench.db"));
  insertRuns(database, runs, 5_000);
  const ready = database
    .prepare(
      "select seq, id, input from duckdive_run where state = 'ready' and queue = 'default' and priority = 0 " +
        "and route = '' and fair is null order by run_at, seq limit 1000",
    )
    .raw(true);
  const claim = database.prepare(
    "update duckdive_run set state = 'running', token = ?, attempt = attempt + 1, worker = 'w', started_at = ? " +
      "where seq in (select value from json_each(?))",
  );
  const settle = database.prepare(
    "update duckdive_run set state = 'succeeded', finished_at = ?, expires_at = ?, worker = null " +
      "where seq in (select value from json_each(?)) and token = ? and state = 'running'",
  );
  const start = performance.now();
  let done = 0;
  let before = "[]";
  for (let token = 1; done < runs; token += 1) {
    database.exec("begin immediate");
    done += settle.run(Date.now(), Date.now() + 604_800_000, before, token - 1).changes;
    before = JSON.stringify(ready.all().map((/** @type {number[]} */ row) => row[0]));
    claim.run(token, Date.now(), before);
    database.exec("commit");
  }
  const seconds = (performance.now() - start) / 1000;
  database.close();
  return runs / seconds;
}
