// Callers that each await their own durable enqueue before they ask for the next: 64 of them, and 1, 8 and 512.
import { callers, calling } from "../asked.mjs";
import { beside } from "../peers.mjs";

const peers = {
  "graphile-worker": { share: 20 },
  "pg-boss": { share: 5, quiet: true, note: "notify off: with it each add is dearer" },
  bullmq: {},
  "bee-queue": {},
  "bullmq-postgres": {},
  dbos: {},
  sidequest: {},
  floor: { note: "callers that ask side by side share a statement" },
};

export const workloads = [
  ...beside({
    name: "postgres.enqueue64",
    unit: "runs/s",
    note: "100-byte input, 64 callers, single adds, each durable before it resolves",
    jobs: [100_000, 3_200],
    peers,
    run: calling("enqueue", 64),
  }),
  ...beside({
    name: "postgres.enqueue",
    unit: "runs/s",
    rounds: 1,
    note: "100-byte input, 512 callers, single adds, each durable before it resolves; .1, .8 and .512: from so many callers",
    jobs: [50_000, 1_000],
    peers,
    run: callers,
  }),
];
