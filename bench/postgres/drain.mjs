// How many no-op jobs a second one worker process completes, through the public API. What is kept of a job that went well differs:
// duckdive's history, pg-boss's, DBOS's and Sidequest's rows, and nothing with the others, which is why duckdive has a row without.
import { drain } from "../asked.mjs";
import { beside } from "../peers.mjs";

const shared = /** @type {const} */ ({
  unit: "runs/s",
  note: "100-byte input, one worker process",
  jobs: [100_000, 5_000],
  run: drain,
});

export const workloads = [
  ...beside({
    ...shared,
    name: "postgres.drain",
    own: "2,000 slots, history kept",
    peers: {
      "graphile-worker": {},
      "pg-boss": {},
      bullmq: {},
      "bee-queue": {},
      "bullmq-postgres": {},
      dbos: {},
      sidequest: {},
      floor: {},
    },
  }),
  ...beside({
    ...shared,
    name: "postgres.drain.unkept",
    own: "2,000 slots, keep: false",
    asked: { keep: false },
    peers: {},
  }),
  ...beside({
    ...shared,
    name: "postgres.drain.100",
    own: "100 slots, history kept",
    asked: { slots: 100 },
    peers: {},
  }),
];
