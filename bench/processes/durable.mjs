// A process that does durable work, from asking for the runs to the last result. Arguments: what to do, store, how much.
// `steps`: so many runs of ten steps, a hundred of them at once; `fan`: one run with so many children; `wait`: so many runs that
// go to sleep, and what they cost this process then.
import { setTimeout as wait } from "node:timers/promises";
import { job, openWorker } from "../duckdive.mjs";

const [action = "", store = "", given = "0"] = process.argv.slice(2);
const amount = Number(given);

const tenSteps = job({
  name: "ten-steps",
  async handle(/** @type {undefined} */ _input, ctx) {
    for (let number = 0; number < 10; number += 1) await ctx.step(`step ${number}`, () => number);
  },
});
const leaf = job({ name: "leaf", handle: () => 1 });
const fan = job({
  name: "fan",
  async handle(/** @type {undefined} */ _input, ctx) {
    const ones = await ctx.runAll("leaves", leaf, Array(amount).fill(undefined));
    return ones.length;
  },
});
const sleeper = job({
  name: "sleeper",
  handle: (/** @type {undefined} */ _input, ctx) => ctx.sleep("a week", "7d"),
});

const { duckdive, work } = openWorker(store, { jobs: [tenSteps, leaf, fan, sleeper] });
await duckdive.ready();
const memory = heap();
const before = process.cpuUsage();
const start = performance.now();
work({ queues: { "*": 100 } });
const answer = await (action === "steps" ? steps() : action === "fan" ? fanOut() : sleeping());
const { user, system } = process.cpuUsage(before);
await duckdive.close();
process.send?.({ ...answer, cpu: user + system });
process.disconnect?.();

async function steps() {
  let asked = 0;
  const caller = async () => {
    while (asked < amount) {
      asked += 1;
      await (await duckdive.enqueue(tenSteps)).result();
    }
  };
  await Promise.all(Array.from({ length: 100 }, caller));
  return { milliseconds: performance.now() - start };
}

async function fanOut() {
  const length = await (await duckdive.enqueue(fan)).result();
  if (length !== amount) throw new Error(`Of ${amount} children ${length} have answered.`);
  return { milliseconds: performance.now() - start };
}

async function sleeping() {
  const inputs = Array(1_000).fill(undefined);
  for (let count = 0; count < amount; count += inputs.length) await duckdive.enqueueMany(sleeper, inputs);
  while ((await duckdive.count({ job: sleeper, state: "waiting" })) < amount) await wait(100);
  const milliseconds = performance.now() - start;
  return { milliseconds, memory: heap() - memory };
}

/** What is left of the heap once the garbage is gone. */
function heap() {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
