// BullMQ, on Redis or on its PostgreSQL backend, by the address: 100 jobs at once, removed when they are done. On PostgreSQL it
// has ten connections: with more of them it did less.
//
// Its groups, and with them one job of a key at a time, are in its paid edition.
/** By names in variables: they are not installed where types are checked. */
const [library, driver] = ["bullmq", "ioredis"];
const { createPostgresBackend, Queue, setDefaultBackendFactory, Worker } = await import(library);
const { Redis } = await import(driver);
const name = "parcel";

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, slots = 100, stall }) {
  const isOnPostgres = address.startsWith("postgres:");
  if (isOnPostgres) setDefaultBackendFactory(createPostgresBackend);
  const redis = isOnPostgres ? undefined : new Redis(address, { maxRetriesPerRequest: null });
  const connection = redis ?? { connectionString: address, max: 10, migrate: true };
  const defaultJobOptions = { removeOnComplete: true };
  const queue = new Queue(name, { connection, defaultJobOptions });
  queue.on("error", console.error);
  await queue.waitUntilReady();
  return {
    addMany: (inputs) => queue.addBulk(inputs.map((data) => ({ name, data }))),
    add: (input) => queue.add(name, input),
    async work(handle) {
      let ended = 0;
      let look = () => {};
      const worker = new Worker(name, async (/** @type {{ data: any }} */ { data }) => handle(data), {
        connection,
        concurrency: slots,
        ...(stall && { lockDuration: stall, stalledInterval: stall }),
      });
      worker.on("error", () => {});
      worker.on("completed", () => {
        ended += 1;
        look();
      });
      await worker.waitUntilReady();
      return {
        settled: (count) =>
          new Promise((resolve) => {
            look = () => (ended >= count ? resolve() : undefined);
            look();
          }),
        stop: () => worker.close(true),
      };
    },
    async close() {
      await queue.close();
      await redis?.quit();
    },
  };
}
