// A process that drains through the store alone, without the loop: two callers, each of which settles what it claimed
// while the other one claims. Arguments: address, number of runs, runs a claim.
import { randomUUID } from "node:crypto";
import { postgres } from "../duckdive.mjs";

const [database = "", runs = "0", size = "1000"] = process.argv.slice(2);
const store = postgres({ database });
const worker = randomUUID();
const abilities = [{ job: "parcel", version: 1 }];
const week = 7 * 24 * 60 * 60_000;
await store.register({ id: worker, host: "", pid: process.pid, queues: { "*": Number(size) }, abilities });
let left = Number(runs);
const before = process.cpuUsage();
const start = performance.now();
await Promise.all([drain(), drain()]);
const milliseconds = performance.now() - start;
const { user, system } = process.cpuUsage(before);
await store.close();
process.send?.({ milliseconds, cpu: user + system });
process.disconnect?.();

async function drain() {
  while (left > 0) {
    const claimed = await store.claim({ worker, queues: { "*": Number(size) }, abilities });
    if (claimed.length === 0) return;
    const settled = await store.settle(
      claimed.map(({ run, token, claim }) => ({ run, token, claim, state: "succeeded", keep: week })),
    );
    left -= settled.filter(({ taken }) => taken).length;
  }
}
