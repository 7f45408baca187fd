// graphile-worker: a local queue of 2,000, from which 100 jobs at once are worked, and what is done is written in batches without
// waiting for more. Rows are deleted. One job of a key at a time: its named queues.
import pg from "pg";

/** By a name in a variable: it is not installed where types are checked. */
const library = "graphile-worker";
const { Logger, makeWorkerUtils, run } = await import(library);
const lastOnes = 1_000;

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, jobs = 0 }) {
  const logger = new Logger(() => () => {});
  const pool = new pg.Pool({ connectionString: address, max: 10 });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const utils = await makeWorkerUtils({ pgPool: pool, logger });
  await utils.migrate();
  return {
    addMany: (inputs, keys) =>
      utils.addJobs(
        inputs.map((payload, place) => ({
          identifier: "parcel",
          payload,
          ...(keys && { queueName: keys[place] }),
        })),
      ),
    add: (input) => utils.addJob("parcel", input),
    addIn: (client, input) =>
      client.query("select from graphile_worker.add_job('parcel', $1::json)", [JSON.stringify(input)]),
    async work(handle) {
      /** @type {string[]} */
      const last = [];
      let handled = 0;
      /** @type {(payload: any, helpers: { job: { id: string } }) => unknown} */
      const parcel = (payload, { job }) => {
        handled += 1;
        if (handled > jobs - lastOnes) last.push(job.id);
        return handle(payload);
      };
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
      return {
        async settled() {
          while (await isThere(pool, last)) await new Promise((resolve) => setImmediate(resolve));
        },
        stop: () => runner.stop(),
      };
    },
    async close() {
      await utils.release();
      await pool.end();
    },
  };
}

/**
 * @param {pg.Pool} pool
 * @param {readonly string[]} ids
 */
async function isThere(pool, ids) {
  const { rowCount } = await pool.query("select from graphile_worker.jobs where id = any($1) limit 1", [ids]);
  return rowCount !== 0;
}
