// Whether a drain slows down while something old holds a snapshot: a REPEATABLE READ reader and an idle writer with an
// assigned transaction, both from before the first run was recorded. The rate of the last tenth over that of the first.
import pg from "pg";
import { fill, outcomeOf, start } from "../measure.mjs";
import { timeOf } from "../processor.mjs";
import { server, withDatabase } from "../server.mjs";

export const name = "postgres.held";
export const unit = "x";
export const rounds = 1;
const slots = 2_000;
export const note = `rate of the last tenth of a drain over that of the first, one worker process, ${slots} slots; .1 to .10: the tenths; .server.cpu: processor time of the server for a run, the last over the first`;

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const tenth = quick ? 2_000 : 100_000;
  return withDatabase(async (url) => {
    // The tables, and a start that is not measured.
    await fill(url, tenth);
    const holders = await Promise.all([
      holding(url, "begin isolation level repeatable read", "select count(*) from pg_class"),
      holding(url, "begin", "select pg_current_xact_id()"),
    ]);
    await fill(url, tenth * 10);
    const marks = await marksOf(url, tenth);
    for (const holder of holders) await holder.end();
    return figuresOf(marks, tenth);
  });
}

/**
 * When each tenth had ended, and what it had cost the server by then.
 * @param {string} url
 * @param {number} tenth
 */
async function marksOf(url, tenth) {
  const { pid } = await server();
  const child = start("drain", [url, tenth * 11, slots, tenth]);
  /** @type {{ at: number, cpu: number | undefined }[]} */
  const marks = [];
  child.on("message", (/** @type {{ at?: number }} */ { at }) => {
    if (at !== undefined) marks.push({ at, cpu: timeOf(pid) });
  });
  await outcomeOf(child);
  return marks;
}

/**
 * @param {{ at: number, cpu: number | undefined }[]} marks
 * @param {number} tenth
 */
function figuresOf(marks, tenth) {
  /** @type {Record<string, { value: number, unit: string }>} */
  const also = {};
  const parts = marks.slice(1).map(({ at, cpu = 0 }, index) => {
    const before = marks[index];
    return { rate: tenth / ((at - (before?.at ?? 0)) / 1000), cpu: cpu - (before?.cpu ?? 0) };
  });
  for (const [index, { rate }] of parts.entries()) also[index + 1] = { value: rate, unit: "runs/s" };
  const [first, last] = [parts[0], parts.at(-1)];
  if (first === undefined || last === undefined) throw new Error("The drain has sent no times.");
  if (first.cpu > 0) also["server.cpu"] = { value: last.cpu / first.cpu, unit };
  return { value: last.rate / first.rate, also };
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
