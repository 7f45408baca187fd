// What a backlog costs: the rate of the first ten seconds of work with 1,000,000 jobs waiting. Ours also by batches of 1,000 through
// the store's verbs, with 10,000 and with 10,000,000 runs in the lane.

import { claimRate, grow } from "../backlog.mjs";
import { beside } from "../peers.mjs";
import { withDatabase } from "../server.mjs";

export const workloads = [
  ...beside({
    name: "postgres.backlog",
    unit: "runs/s",
    rounds: 1,
    note: "first 10 seconds (quick: 1) of a drain with a backlog of 1,000,000 (quick: 10,000), added 1,000 a call",
    own: "2,000 slots, history kept",
    jobs: [1_000_000, 10_000],
    peers: {
      "graphile-worker": {},
      "pg-boss": { share: 0.5 },
      bullmq: { share: 0.5 },
      "bee-queue": { share: 0.5 },
      "bullmq-postgres": { share: 0.05 },
    },
    async run(place, { jobs, quick, asked }) {
      await place.ask("bulk", { jobs, ...asked });
      const { rate } = await place.ask("drain", { seconds: quick ? 1 : 10, jobs, often: true, ...asked });
      return { value: rate, also: {} };
    },
  }),
  {
    name: "postgres.backlog.flat",
    unit: "x",
    rounds: 1,
    note: "rate of claim and settle with 10,000,000 runs waiting over that with 10,000 (quick: 50,000 over 5,000), medians of 1,000 a batch; the backlog is inserted into the store's tables by one INSERT … SELECT of what an enqueue writes, and analyzed",
    /** @param {import("../run.mjs").Options} options */
    run: ({ quick }) =>
      withDatabase(async (url) => {
        const [few, many] = quick ? [5_000, 50_000] : [10_000, 10_000_000];
        await grow(url, few);
        const first = await claimRate(url, few);
        await grow(url, many);
        const last = await claimRate(url, few);
        const unit = "runs/s";
        return {
          value: last / first,
          also: { [few]: { value: first, unit }, [many]: { value: last, unit } },
        };
      }),
  },
];
