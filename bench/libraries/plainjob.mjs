// plainjob on better-sqlite3: it sets WAL and synchronous=NORMAL by itself, which syncs at checkpoints. One job at a time, by its
// design, and it asks for work every second unless told otherwise. What is done is kept for seven days.

// Its own spelling: cspell:ignore Intervall

/** By names in variables: they are not installed where types are checked. */
const [library, driver] = ["plainjob", "better-sqlite3"];
const { better, defineQueue, defineWorker } = await import(library);
const { default: Database } = await import(driver);
const silent = { error: console.error, warn() {}, info() {}, debug() {} };

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, often = false }) {
  const database = new Database(address);
  const queue = defineQueue({ connection: better(database), logger: silent });
  return {
    addMany: async (inputs) => queue.addMany("parcel", inputs),
    add: (input) => queue.add("parcel", input),
    transact: transactIn(database, queue),
    async work(handle) {
      let ended = 0;
      let look = () => {};
      const worker = defineWorker(
        "parcel",
        (/** @type {{ data: string }} */ { data }) => handle(JSON.parse(data)),
        {
          queue,
          logger: silent,
          ...(often && { pollIntervall: 10 }),
          onCompleted() {
            ended += 1;
            look();
          },
        },
      );
      void worker.start();
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
      queue.close();
    },
  };
}

/**
 * @param {any} database
 * @param {any} queue
 */
function transactIn(database, queue) {
  database.exec("create table if not exists bench_order (id integer primary key, total integer not null)");
  const insert = database.prepare("insert into bench_order (total) values (?)");
  return database.transaction((/** @type {import("../processes/library.mjs").Parcel} */ input) => {
    insert.run(7);
    queue.add("parcel", input);
  });
}
