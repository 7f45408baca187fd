// How many no-op jobs a second one worker process completes, through the public API; and the same in a process that a runner looks
// after: what it costs to know at any time whose code is executed.
import { drain } from "../asked.mjs";
import { beside } from "../peers.mjs";

const shared = /** @type {const} */ ({
  unit: "runs/s",
  note: "100-byte input, one worker process",
  jobs: [150_000, 10_000],
  run: drain,
});
const own = "1,000 slots, synchronous=FULL, history kept";

export const workloads = [
  ...beside({ ...shared, name: "sqlite.drain", own, asked: { slots: 1_000 }, peers: { plainjob: {} } }),
  ...beside({
    ...shared,
    name: "sqlite.drain.unkept",
    own: "1,000 slots, synchronous=FULL, keep: false",
    asked: { slots: 1_000, keep: false },
    peers: {},
  }),
  ...beside({
    ...shared,
    name: "sqlite.drain.attended",
    own: `${own}, looked after as by a runner`,
    asked: { slots: 1_000, attended: true },
    peers: {},
  }),
];
