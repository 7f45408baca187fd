// Callers that each await their own durable enqueue before they ask for the next: 64 of them, and 1, 8 and 512.
import { callers, calling } from "../asked.mjs";
import { beside } from "../peers.mjs";
import { floor } from "./enqueue-many.mjs";

const shared = /** @type {const} */ ({
  unit: "runs/s",
  own: "synchronous=FULL, each durable before it resolves",
  peers: { plainjob: {} },
});

export const workloads = [
  ...beside({
    ...shared,
    name: "sqlite.enqueue64",
    note: "100-byte input, 64 callers, single adds",
    jobs: [96_000, 3_200],
    run: calling("enqueue", 64),
  }),
  floor("sqlite.enqueue64", 64, [96_000, 3_200]),
  ...beside({
    ...shared,
    name: "sqlite.enqueue",
    rounds: 1,
    note: "100-byte input, 512 callers, single adds; .1, .8 and .512: from so many callers",
    jobs: [50_000, 1_000],
    run: callers,
  }),
];
