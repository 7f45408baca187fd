// DBOS as a queue: workflows that are enqueued by a client and dispatched from a queue, 100 at once. It asks for work every second
// unless told otherwise, and keeps what has ended.
//
// It has no bulk enqueue: 1,000 in one transaction of a connection come nearest. What runs where one of a key may run at a time is
// its partitioned queue.
import pg from "pg";

/** By a name in a variable: it is not installed where types are checked. */
const library = "@dbos-inc/dbos-sdk";
const { DBOS, DBOSClient } = await import(library);
const [name, queueName, pool] = ["parcel", "parcels", 20];

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, slots = 100, often = false, keys }) {
  const client = await DBOSClient.create({ systemDatabaseUrl: address, systemDatabasePoolSize: pool });
  await migrated(address);
  const own = new pg.Pool({ connectionString: address, max: 1 });
  const options = (/** @type {string | undefined} */ key) => ({
    workflowName: name,
    queueName,
    ...(key !== undefined && { queuePartitionKey: key }),
  });
  let isLaunched = false;
  return {
    async addMany(inputs, named) {
      const connection = await own.connect();
      await connection.query("begin");
      for (const [place, input] of inputs.entries())
        await client.enqueueInTransaction(connection, options(named?.[place]), input);
      await connection.query("commit");
      connection.release();
    },
    add: (input) => client.enqueue(options(undefined), input),
    addIn: (connection, input) => client.enqueueInTransaction(connection, options(undefined), input),
    async work(handle) {
      isLaunched = true;
      DBOS.registerWorkflow(async (/** @type {any} */ input) => handle(input), { name });
      configure(address);
      await DBOS.launch();
      await DBOS.registerQueue(queueName, {
        workerConcurrency: slots,
        ...(keys && { partitionConcurrency: 1 }),
        ...(often && { minPollingIntervalMs: 1 }),
      });
      return { settled: () => settled(own), stop: async () => {} };
    },
    async close() {
      if (isLaunched) await DBOS.shutdown();
      await client.destroy();
      await own.end();
    },
  };
}

/** @param {string} address */
function configure(address) {
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: address,
    systemDatabasePoolSize: pool,
    logLevel: "error",
    runAdminServer: false,
  });
}

/**
 * A client makes no tables; a first launch does.
 * @param {string} address
 */
async function migrated(address) {
  const connection = new pg.Client({ connectionString: address });
  await connection.connect();
  const { rows } = await connection.query("select to_regclass('dbos.workflow_status') as there");
  await connection.end();
  if (rows[0]?.there !== null) return;
  configure(address);
  await DBOS.launch();
  await DBOS.shutdown();
}

/** @param {pg.Pool} connections */
async function settled(connections) {
  const unsettled = "select from dbos.workflow_status where status in ('ENQUEUED', 'PENDING') limit 1";
  while ((await connections.query(unsettled)).rowCount !== 0)
    await new Promise((resolve) => setTimeout(resolve, 5));
}
