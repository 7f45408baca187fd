// A process of graphile-worker. Arguments: what to do, address, how much. `bulk`: so many jobs, 1,000 a call;
// `enqueue64`: 64 callers that add so many each; `drain`: works what is there, from starting a worker to the moment when
// the last rows are gone.
import pg from "pg";
import { parcelInput, together } from "../measure.mjs";

/** By a name in a variable: it is not installed where types are checked. */
const library = "graphile-worker";
const { Logger, makeWorkerUtils, run } = await import(library);
const [action = "", url = "", given = "0"] = process.argv.slice(2);
const amount = Number(given);
const logger = new Logger(() => () => {});
const pool = new pg.Pool({ connectionString: url, max: 10 });
pool.on("error", () => {});
pool.on("connect", (client) => client.on("error", () => {}));
const utils = await makeWorkerUtils({ pgPool: pool, logger });
await utils.migrate();
const before = process.cpuUsage();
const answer = await (action === "bulk" ? bulk() : action === "drain" ? drain() : enqueue64());
const { user, system } = process.cpuUsage(before);
await utils.release();
await pool.end();
process.send?.({ ...answer, cpu: user + system });
process.disconnect?.();

async function bulk() {
  const jobs = Array.from({ length: 1_000 }, () => ({ identifier: "parcel", payload: parcelInput }));
  const start = performance.now();
  for (let asked = 0; asked < amount; asked += jobs.length) await utils.addJobs(jobs);
  return { rate: amount / ((performance.now() - start) / 1000) };
}

function enqueue64() {
  return together(64, amount, () => utils.addJob("parcel", parcelInput));
}

async function drain() {
  const lastOnes = 1_000;
  /** @type {string[]} */
  const last = [];
  let handled = 0;
  /** @type {(value?: unknown) => void} */
  let finish = () => {};
  const done = new Promise((resolve) => (finish = resolve));
  /** @type {(payload: unknown, helpers: { job: { id: string } }) => void} */
  const parcel = (_payload, { job }) => {
    handled += 1;
    if (handled > amount - lastOnes) last.push(job.id);
    if (handled === amount) finish();
  };
  const start = performance.now();
  const runner = await run({
    pgPool: pool,
    logger,
    noHandleSignals: true,
    taskList: { parcel },
    preset: {
      worker: {
        concurrentJobs: 100,
        localQueue: { size: 2_000 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        maxPoolSize: 10,
      },
    },
  });
  await done;
  while (await isThere("id = any($1)", [last])) await new Promise((resolve) => setImmediate(resolve));
  const milliseconds = performance.now() - start;
  if (await isThere("true", [])) throw new Error("graphile-worker has not worked all jobs.");
  await runner.stop();
  return { milliseconds };
}

/**
 * @param {string} condition
 * @param {unknown[]} values
 */
async function isThere(condition, values) {
  const { rowCount } = await pool.query(
    `select from graphile_worker.jobs where ${condition} limit 1`,
    values,
  );
  return rowCount !== 0;
}
