// The rate of the first ten seconds of work with 1,000,000 jobs waiting. Whether claims slow down with history is in claim-flat.mjs.
import { beside } from "../peers.mjs";

export const workloads = beside({
  name: "sqlite.backlog",
  unit: "runs/s",
  rounds: 1,
  note: "first 10 seconds (quick: 1) of a drain with a backlog of 1,000,000 (quick: 10,000), added 1,000 a call",
  own: "1,000 slots, synchronous=FULL, history kept",
  asked: { slots: 1_000 },
  jobs: [1_000_000, 10_000],
  peers: { plainjob: { share: 1 / 3 } },
  async run(place, { jobs, quick, asked }) {
    await place.ask("bulk", { jobs, ...asked });
    const { rate } = await place.ask("drain", { seconds: quick ? 1 : 10, jobs, often: true, ...asked });
    return { value: rate, also: {} };
  },
});
