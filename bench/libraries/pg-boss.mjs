// pg-boss: two workers of 1,000 a batch, which go on at once while batches are full, and are woken by notices. Rows are kept for
// seven days, as by default. One job of a key at a time: its groups.

/** By a name in a variable: it is not installed where types are checked. */
const library = "pg-boss";
const { PgBoss } = await import(library);
const name = "parcel";

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, quiet = false, keys, hang = false }) {
  const boss = new PgBoss({ connectionString: address, max: 10, useListenNotify: true });
  boss.on("error", console.error);
  await boss.start();
  await boss.createQueue(name, { notify: !quiet });
  return {
    addMany: (inputs, groups) =>
      boss.insert(
        name,
        inputs.map((data, place) => ({ data, ...(groups && { group: { id: groups[place] } }) })),
      ),
    add: (input) => boss.send(name, input),
    addIn: (client, input) =>
      boss.send(name, input, {
        db: {
          executeSql: (/** @type {string} */ text, /** @type {unknown[]} */ values) =>
            client.query(text, values),
        },
      }),
    async work(handle) {
      await boss.work(
        name,
        {
          batchSize: hang ? 100 : 1_000,
          localConcurrency: hang ? 1 : 2,
          burstWhenBatchFull: true,
          ...(keys && { groupConcurrency: 1 }),
        },
        async (/** @type {{ data: any }[]} */ jobs) => {
          await Promise.all(jobs.map(({ data }) => handle(data)));
        },
      );
      return {
        async settled() {
          const unsettled = "select from pgboss.job where name = $1 and state < 'completed' limit 1";
          const isThere = async () => (await boss.getDb().executeSql(unsettled, [name])).rows.length > 0;
          while (await isThere()) await new Promise((resolve) => setTimeout(resolve, 2));
        },
        stop: () => boss.offWork(name),
      };
    },
    close: () => boss.stop({ graceful: false }),
  };
}
