// A worker whose handlers wait, so that its capacity is slots over that time and the machine has time left to measure it.
// Arguments: store, slots, milliseconds. Tells every 50 ms how many runs have begun, and on `waits` how long each had waited
// since it was asked for, and when.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { job, openWorker } from "../duckdive.mjs";

const [store = "", slots = "1", milliseconds = "1"] = process.argv.slice(2);
/** @type {number[]} */
const asked = [];
/** @type {number[]} */
const begun = [];

const paced = job({
  name: "paced",
  input: z.object({ asked: z.number() }),
  async handle(input) {
    asked.push(input.asked);
    begun.push(performance.timeOrigin + performance.now());
    await wait(Number(milliseconds));
  },
});

const { duckdive, work } = openWorker(store, { jobs: [paced] });
const timer = setInterval(() => process.send?.({ begun: begun.length }), 50);
process.on("message", (message) => {
  if (message === "waits") process.send?.({ asked, begun });
});
process.on("disconnect", () => {
  clearInterval(timer);
  void duckdive.close().then(() => process.exit(0));
});
await work({ queues: { "*": Number(slots) } }).ready;
process.send?.({ begun: 0 });
