// Many jobs in one call: 1,000 a commit.
import { join } from "node:path";
import { bulk } from "../asked.mjs";
import { beside } from "../peers.mjs";
import { insertRuns, rawDatabase } from "../raw.mjs";

export const workloads = [
  ...beside({
    name: "sqlite.enqueueMany",
    unit: "runs/s",
    note: "100-byte input, 1,000 a call",
    own: "synchronous=FULL",
    jobs: [150_000, 5_000],
    peers: { plainjob: {} },
    run: bulk,
  }),
  floor("sqlite.enqueueMany", 1_000, [150_000, 5_000]),
];

/**
 * The same rows, so many a transaction, as plain SQL.
 * @param {string} peerOf
 * @param {number} group
 * @param {readonly [full: number, quick: number]} runs
 */
export function floor(peerOf, group, [full, some], unit = "runs/s") {
  return {
    name: `floor.${peerOf}`,
    peerOf,
    floor: true,
    unit,
    note: `raw SQL, ${group.toLocaleString("en")} of the rows of runs a transaction, synchronous=FULL`,
    /** @param {import("../run.mjs").Options} options */
    async run({ quick, folder }) {
      const runs = quick ? some : full;
      const database = await rawDatabase(join(folder, "bench.db"));
      const start = performance.now();
      insertRuns(database, runs, group);
      const seconds = (performance.now() - start) / 1000;
      database.close();
      return runs / seconds;
    },
  };
}
