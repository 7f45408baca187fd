// bee-queue: 100 jobs at once, no events to those who added them, jobs are not remembered by this process and removed when they
// succeed. It looks for the jobs of dead workers only where it is told to.

/** By a name in a variable: it is not installed where types are checked. */
const library = "bee-queue";
const { default: BeeQueue } = await import(library);
const stallInterval = 5_000;

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, slots = 100, stall = stallInterval }) {
  const settings = {
    redis: { url: address },
    getEvents: false,
    sendEvents: false,
    storeJobs: false,
    removeOnSuccess: true,
    stallInterval: stall,
  };
  const queue = new BeeQueue("parcel", { ...settings, isWorker: false });
  await queue.ready();
  return {
    addMany: (inputs) => queue.saveAll(inputs.map((input) => queue.createJob(input))),
    add: (input) => queue.createJob(input).save(),
    async work(handle) {
      let ended = 0;
      let look = () => {};
      const worker = new BeeQueue("parcel", settings);
      worker.on("error", () => {});
      worker.on("succeeded", () => {
        ended += 1;
        look();
      });
      await worker.ready();
      await worker.checkStalledJobs(stall);
      worker.process(slots, async (/** @type {{ data: any }} */ { data }) => handle(data));
      return {
        settled: (count) =>
          new Promise((resolve) => {
            look = () => (ended >= count ? resolve() : undefined);
            look();
          }),
        stop: () => worker.close(0).catch(() => {}),
      };
    },
    close: () => queue.close(),
  };
}
