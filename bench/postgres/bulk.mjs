// Many jobs in one call: 1,000 a commit, one call after another.
import { bulk } from "../asked.mjs";
import { beside } from "../peers.mjs";

const together = "it has no bulk call";

export const workloads = beside({
  name: "postgres.bulk",
  unit: "runs/s",
  note: "100-byte input, 1,000 a call, one call after another",
  jobs: [100_000, 5_000],
  peers: {
    "graphile-worker": {},
    "pg-boss": {},
    bullmq: {},
    "bee-queue": {},
    "bullmq-postgres": {},
    dbos: { note: `${together}: 1,000 in a transaction` },
    floor: {},
    sidequest: { note: `${together}: 1,000 asked for together` },
  },
  run: bulk,
});
