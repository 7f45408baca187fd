// From the call that adds a job in one process to the start of its handler in another, at rest, and at half of what the library can
// do. The median.
import { atRest, underLoad } from "../asked.mjs";
import { latencyAcross } from "../measure.mjs";
import { beside } from "../peers.mjs";
import { withDatabase } from "../server.mjs";

const peers = {
  "graphile-worker": {},
  "pg-boss": {},
  bullmq: {},
  "bee-queue": {},
  "bullmq-postgres": {},
  dbos: { often: true, note: "asks for work every millisecond; every second by default" },
  sidequest: { often: true, note: "asks for work every 10 ms; every 100 ms by default" },
  floor: { note: "an insert with a NOTIFY behind it, and a claim" },
};

export const workloads = [
  ...beside({
    name: "postgres.latency",
    unit: "ms",
    note: "median, add to handler, worker in another process, a job every 20 ms",
    peers,
    run: (place, doing) => atRest(place, { ...doing, jobs: doing.quick ? 25 : 250 }),
  }),
  ...beside({
    name: "postgres.latency.loaded",
    unit: "ms",
    rounds: 1,
    note: "median, add to handler, worker in another process, at half the rate (.rate) at which adding from 64 callers and working go on together; from when a job was due",
    jobs: [20_000, 1_000],
    peers,
    run: underLoad,
  }),
  {
    name: "postgres.latency.result",
    unit: "ms",
    note: "median, enqueue until the caller has its result, worker in another process, one at a time",
    /** @param {import("../run.mjs").Options} options */
    run: ({ quick }) =>
      withDatabase(async (url) => {
        const { also } = await latencyAcross(url, quick ? 10 : 200);
        return also.result.value;
      }),
  },
];
