// Whether a drain slows down while something old holds a snapshot: a REPEATABLE READ reader and an idle writer with an
// assigned transaction, both from before the first run was recorded. The rate of the last tenth over that of the first.
import pg from "pg";
import { fill, outcomeOf, start } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.held";
export const unit = "x";
export const rounds = 1;
const slots = 2_000;
export const note = `rate of the last tenth of a drain over that of the first; .1 to .10: the tenths; one worker process, ${slots} slots`;

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const tenth = quick ? 2_000 : 100_000;
  return withDatabase(async (url) => {
    // The tables, and a start that is not measured.
    await fill(url, tenth / 10);
    const holders = await Promise.all([
      holding(url, "begin isolation level repeatable read", "select count(*) from pg_class"),
      holding(url, "begin", "select pg_current_xact_id()"),
    ]);
    await fill(url, tenth * 10);
    const all = tenth / 10 + tenth * 10;
    const { marks } = await outcomeOf(start("drain", [url, all, slots, tenth / 10]));
    for (const holder of holders) await holder.end();
    /** @type {Record<string, { value: number, unit: string }>} */
    const also = {};
    const rates = Array.from({ length: 10 }, (_, index) => {
      const rate = tenth / ((marks[(index + 1) * 10] - marks[index * 10]) / 1000);
      also[index + 1] = { value: rate, unit: "runs/s" };
      return rate;
    });
    return { value: (rates[9] ?? 0) / (rates[0] ?? 1), also };
  });
}

/**
 * @param {string} url
 * @param {string} begin
 * @param {string} statement
 */
async function holding(url, begin, statement) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(begin);
  await client.query(statement);
  return client;
}
