// From the call that adds a job in one process to the start of its handler in another, at rest, and at half of what the library can
// do. The median.
import { join } from "node:path";
import { atRest, underLoad } from "../asked.mjs";
import { latencyAcross } from "../measure.mjs";
import { beside } from "../peers.mjs";

const peers = { plainjob: { often: true, note: "asks for work every 10 ms; every second by default" } };

export const workloads = [
  ...beside({
    name: "sqlite.latency.across",
    unit: "ms",
    note: "median, add to handler, worker in another process, a job every 20 ms",
    peers,
    run: (place, doing) => atRest(place, { ...doing, jobs: doing.quick ? 25 : 250 }),
  }),
  ...beside({
    name: "sqlite.latency.loaded",
    unit: "ms",
    rounds: 1,
    note: "median, add to handler, worker in another process, at half the rate (.rate) at which adding from 64 callers and working go on together; from when a job was due",
    jobs: [20_000, 1_000],
    peers,
    run: underLoad,
  }),
  {
    name: "sqlite.latency.result",
    unit: "ms",
    note: "median, enqueue until the caller has its result, worker in another process, one at a time",
    /** @param {import("../run.mjs").Options} options */
    async run({ quick, folder }) {
      const { also } = await latencyAcross(`sqlite:${join(folder, "bench.db")}`, quick ? 10 : 100);
      return also.result.value;
    },
  },
];
