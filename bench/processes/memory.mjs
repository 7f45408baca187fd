// A worker that is full: as many runs at the same time as it has slots, whose handlers wait from a millisecond to ten
// seconds. Arguments: store, slots, seconds to be full before its memory is looked at. Started with --expose-gc.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { job, openWorker } from "../duckdive.mjs";

const [store = "", given = "1", seconds = "1"] = process.argv.slice(2);
const slots = Number(given);
let running = 0;
let ended = 0;
const waits = job({
  name: "waits",
  input: z.object({ milliseconds: z.number() }),
  async handle({ milliseconds }) {
    running += 1;
    await wait(milliseconds);
    running -= 1;
    ended += 1;
  },
});

const { duckdive, work } = openWorker(store, { jobs: [waits] });
await duckdive.ready();
// Warm: what the first runs load and compile is not what a running run takes.
work({ queues: { "*": slots } });
await duckdive.enqueueMany(waits, inputs(1_000, 0));
while (ended < 1_000) await wait(20);
const before = held();
let offered = ended;
const began = performance.now();
// On a machine that is too slow to fill it, what is running after a while is what is measured.
for (let passed = 0; passed < 1 || (running < 0.9 * slots && passed < 4); ) {
  const missing = 2 * slots - (offered - ended);
  for (let asked = 0; asked < missing; asked += 1_000)
    await duckdive.enqueueMany(waits, inputs(Math.min(1_000, missing - asked), 10_000));
  offered += Math.max(0, missing);
  await wait(20);
  passed = (performance.now() - began) / 1000 / Number(seconds);
}
const full = { ...held(), running };
const found = {
  running: full.running,
  rss: full.rss - before.rss,
  heap: full.heap - before.heap,
  idle: before.rss,
};
// The store goes with it: nobody waits for thousands of handlers.
process.send?.(found, () => process.exit(0));

/**
 * As many of each length, from a millisecond on.
 * @param {number} amount
 * @param {number} longest in milliseconds
 */
function inputs(amount, longest) {
  return Array.from({ length: amount }, (_, place) => ({ milliseconds: 1 + (place / amount) * longest }));
}

/** Once the garbage is gone. */
function held() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}
