// How many jobs a second one worker process completes of which one of a key may run at a time, with 10,000 keys: ours beside the same
// without the limit, and those who can do that as well. BullMQ has groups in its paid edition, bee-queue and Sidequest have none.
import { drain } from "../asked.mjs";
import { drainKeys } from "../measure.mjs";
import { beside } from "../peers.mjs";
import { withDatabase } from "../server.mjs";

const slots = 2_000;
const shared = /** @type {const} */ ({ unit: "runs/s", jobs: [100_000, 5_000], asked: { keys: 10_000 } });

export const workloads = [
  {
    name: "postgres.drain.keys",
    unit: "runs/s",
    note: `a limit of one for each of 10,000 keys, one worker process, ${slots} slots, history kept; .ratio: over the same without the limit`,
    /** @param {import("../run.mjs").Options} options */
    run: ({ quick }) =>
      // Each in a database of its own: what the first leaves behind would slow the second.
      withDatabase((one) =>
        withDatabase((other) => {
          const urls = [one, other];
          return drainKeys(async () => urls.shift() ?? other, quick ? 10_000 : 100_000, slots);
        }),
      ),
  },
  ...beside({
    ...shared,
    name: "postgres.keys",
    note: "100-byte input, a limit of one for each of 10,000 keys, one worker process",
    own: "2,000 slots, history kept",
    peers: {
      "graphile-worker": { keys: 10_000, note: "a named queue for each key" },
      "pg-boss": { keys: 10_000, share: 20, note: "groups with groupConcurrency 1" },
      dbos: { keys: 10_000, share: 2, note: "a partitioned queue with partitionConcurrency 1" },
    },
    run: drain,
  }),
];
