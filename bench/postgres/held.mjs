// Whether a drain slows down while something old holds a snapshot: a REPEATABLE READ reader and an idle writer with an assigned
// transaction, both from before the first job was added. The rate of the last tenth over that of the first; each tenth beside it.
import pg from "pg";
import { beside } from "../peers.mjs";
import { timeOf } from "../processor.mjs";
import { server } from "../server.mjs";

export const workloads = beside({
  name: "postgres.held",
  unit: "x",
  rounds: 1,
  note: "rate of the last tenth of a drain over that of the first, under a reader and a writer that are older than all of it; .1 to .10: the tenths (quick: smaller than a batch, so that it says only that it runs); .server.cpu: processor time of the server for a job, the last tenth over the first",
  own: "1,000,000 runs, 2,000 slots",
  jobs: [1_000_000, 5_000],
  peers: {
    "graphile-worker": { share: 2.5 },
    "pg-boss": { share: 2.5 },
    "bullmq-postgres": { share: 2.5 },
    dbos: { share: 2.5 },
    sidequest: { share: 2 },
  },
  async run(place, { jobs, asked }) {
    const tenth = Math.ceil(jobs / 10);
    // The tables, and a start that is not measured.
    await place.ask("bulk", { jobs: tenth, ...asked });
    const holders = await Promise.all([
      holding(place.address, "begin isolation level repeatable read", "select count(*) from pg_class"),
      holding(place.address, "begin", "select pg_current_xact_id()"),
    ]);
    await place.ask("bulk", { jobs: tenth * 10, ...asked });
    const marks = await marksOf(place, tenth, asked);
    for (const holder of holders) await holder.end();
    return figuresOf(marks, tenth);
  },
});

/**
 * When each tenth had been handled, and what it had cost the server by then.
 * @param {import("../peers.mjs").Place} place
 * @param {number} tenth
 * @param {import("../peers.mjs").Wanted} asked
 */
async function marksOf(place, tenth, asked) {
  const { pid } = await server();
  /** @type {{ at: number, cpu: number | undefined }[]} */
  const marks = [];
  await place.ask("drain", { jobs: tenth * 11, every: tenth, often: true, ...asked }, ({ at }) => {
    if (at !== undefined) marks.push({ at, cpu: timeOf(pid) });
  });
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
  if (first.cpu > 0) also["server.cpu"] = { value: last.cpu / first.cpu, unit: "x" };
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
