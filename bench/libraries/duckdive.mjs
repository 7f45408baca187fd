// duckdive, as the others are asked: on PostgreSQL or on SQLite, by its address.
import { createRequire } from "node:module";
import { z } from "zod";
import { job, open, openWorker, storeAt, withPg, withSqlite } from "../duckdive.mjs";

const slotsAsked = 2_000;

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, slots = slotsAsked, keep, keys, pool, quiet = false, action }) {
  /** @type {(input: import("../processes/library.mjs").Parcel) => unknown} */
  let handler = () => {};
  const parcel = job({
    name: "parcel",
    input: z.object({ number: z.number(), text: z.string() }),
    ...(keep === false ? { keep: false } : {}),
    ...(keys ? { concurrency: { limit: 1, by: "text" } } : {}),
    handle: (input) => handler(input),
  });
  const { duckdive, work } = openWorker(quiet ? `${address}#quiet` : address, { jobs: [parcel] });
  const inside = pool && open(storeAt(address), { with: withPg(pool) });
  await duckdive.ready();
  // Only where that is what is asked for: another handle on the file is another one to checkpoint.
  const isTransacting = address.startsWith("sqlite:") && action === "transact";
  const own = isTransacting ? transactIn(address.slice("sqlite:".length), parcel) : undefined;
  return {
    addMany: (inputs, named) =>
      duckdive.enqueueMany(
        parcel,
        named ? inputs.map((input, place) => ({ ...input, text: `${named[place]}` })) : [...inputs],
      ),
    add: (input) => duckdive.enqueue(parcel, input),
    ...(own && { transact: own.transact }),
    ...(inside && { addIn: (client, input) => inside.enqueue(parcel, input, { tx: client }) }),
    async work(handle) {
      let ended = 0;
      let look = () => {};
      duckdive.on("succeeded", () => {
        ended += 1;
        look();
      });
      handler = handle;
      const worker = work({ queues: { "*": slots } });
      await worker.ready;
      return {
        settled: (count) =>
          new Promise((resolve) => {
            look = () => (ended >= count ? resolve() : undefined);
            look();
          }),
        stop: () => worker.stop(),
      };
    },
    async close() {
      await inside?.close();
      await own?.leave();
      await duckdive.close();
    },
  };
}

/**
 * The application's own handle on the file, and a client that records in its transactions.
 * @param {string} file
 * @param {import("../../dist/index.js").Job<"parcel", any, any, any, any, any>} parcel
 */
function transactIn(file, parcel) {
  const Database = createRequire(import.meta.url)("libsql");
  const database = new Database(file);
  database.exec("create table if not exists bench_order (id integer primary key, total integer not null)");
  const insert = database.prepare("insert into bench_order (total) values (?)");
  const inside = open(`sqlite:${file}`, { with: withSqlite(database) });
  return {
    transact(/** @type {import("../processes/library.mjs").Parcel} */ input) {
      database.exec("begin immediate");
      insert.run(7);
      inside.enqueueSync(parcel, input, { tx: database });
      database.exec("commit");
    },
    async leave() {
      await inside.close();
      database.close();
    },
  };
}
