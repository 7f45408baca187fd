// How long it takes until the first of 100 jobs of a worker that was killed runs again, in a second worker that was started at once:
// ours without a runner, and those peers that need little more than a minute by default. The others' times are those that were
// recorded, in recorded.mjs.
import { rescueBy } from "../asked.mjs";
import { beside } from "../peers.mjs";

export const workloads = beside({
  name: "postgres.rescue",
  unit: "ms",
  rounds: 1,
  note: "kill -9 of a worker with 100 jobs in hand, another one started at once, default settings; to the first that runs again; .all: to the last",
  own: "two processes that know of each other by the store alone",
  peers: {
    dbos: { note: "the second process has the executor id of the first, as by default" },
    "bee-queue": { note: "checkStalledJobs(5000), which is not called by default; quick: 1000" },
    bullmq: { note: "a lock of 30 s and a look every 30 s; quick: both 1 s" },
    "bullmq-postgres": { note: "a lock of 30 s and a look every 30 s; quick: both 1 s" },
  },
  run: (place, { asked, quick }) =>
    rescueBy(place, { often: true, ...asked, slots: 101, ...(quick && { stall: 1_000 }) }),
});
