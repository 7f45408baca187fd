// Sidequest in one process: not forked, jobs inline, 100 at once, a pool of 20. It has no bulk enqueue: 1,000 asked for together come
// nearest. It asks for work every 100 ms unless told otherwise, and keeps what has ended for 30 days.
//
// Its job is a class that it looks up in a file by the place where it was defined, so what the job is to do is handed over there.
import pg from "pg";
import { ParcelJob, Sidequest, setHandler } from "./sidequest-job.mjs";

const often = 10;

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, slots = 100, often: isOften = false }) {
  const backend = {
    driver: "@sidequest/postgres-backend",
    config: { connection: address, pool: { min: 0, max: 20 } },
  };
  const own = new pg.Pool({ connectionString: address, max: 1 });
  const settings = { backend, logger: { level: "error" }, gracefulShutdown: false };
  let isWorking = false;
  /** What only adds is configured, and what works is started: the first of both decides. @type {Promise<unknown> | undefined} */
  let configured;
  const add = async (/** @type {import("../processes/library.mjs").Parcel} */ input) => {
    configured ??= Sidequest.configure(settings);
    await configured;
    return Sidequest.build(ParcelJob).enqueue(input);
  };
  return {
    addMany: (inputs) => Promise.all(inputs.map(add)),
    add,
    async work(handle) {
      isWorking = true;
      setHandler(handle);
      await Sidequest.start({
        ...settings,
        fork: false,
        runner: "inline",
        maxConcurrentJobs: slots,
        queues: [{ name: "default", concurrency: slots }],
        dashboard: { enabled: false },
        ...(isOften && { jobPollingInterval: often }),
      });
      return { settled: () => settled(own), stop: () => Sidequest.stop() };
    },
    async close() {
      if (!isWorking && configured !== undefined) await Sidequest.stop();
      await own.end();
    },
  };
}

/** @param {pg.Pool} connections */
async function settled(connections) {
  const unsettled = "select from sidequest_jobs where state <> 'completed' limit 1";
  while ((await connections.query(unsettled)).rowCount !== 0)
    await new Promise((resolve) => setTimeout(resolve, 5));
}
