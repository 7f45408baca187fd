// Whether claiming slows down with history: the same drain in files with more and more finished runs.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { answerOf, nothing, start } from "../measure.mjs";
import { rawDatabase } from "../raw.mjs";

export const name = "sqlite.claim.flat";
export const unit = "µs/run";
export const rounds = 1;
export const note = "a run of a drain of 20,000, with this many finished runs in the file";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const sizes = quick ? [1_000, 50_000] : [1_000, 100_000, 1_000_000];
  /** @type {Record<string, { value: number, unit: string }>} */
  const also = {};
  let value = 0;
  for (const size of sizes) {
    value = await costWith(join(folder, `${size}.db`), size);
    also[`${size}`] = { value, unit };
  }
  const first = also[`${sizes[0]}`]?.value ?? value;
  return { value, also: { ...also, ratio: { value: value / first, unit: "x" } } };
}

/**
 * @param {string} file
 * @param {number} finished
 */
async function costWith(file, finished) {
  const database = await rawDatabase(file);
  const fill =
    "insert into duckdive_run (id, job, version, queue, priority, state, requested_at, run_at, started_at, finished_at," +
    " expires_at, attempt, body) with recursive number(n) as (values (1) union all select n + 1 from number where n < ?)" +
    " select lower(hex(randomblob(16))), 'nothing', 1, 'default', 0, 'succeeded', ?, ?, ?, ?, ?, 1, 0 from number";
  const now = Date.now();
  database.prepare(fill).run(finished, now, now, now, now, now + 604_800_000);
  database.close();
  const runs = 20_000;
  const duckdive = open(`sqlite:${file}`);
  for (let asked = 0; asked < runs; asked += 5_000) {
    await duckdive.enqueueMany(
      nothing,
      Array.from({ length: 5_000 }, () => undefined),
    );
  }
  await duckdive.close();
  const { milliseconds } = await answerOf(start("drain", [`sqlite:${file}`, runs, 1_000]));
  return (milliseconds * 1000) / runs;
}
