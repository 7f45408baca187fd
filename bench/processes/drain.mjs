// A worker process that drains what is there, and tells how long that took: from asking for a worker to the last
// success that is committed. Arguments: store, number of runs, slots.
import { open } from "../duckdive.mjs";
import { nothing, real } from "../measure.mjs";

const [store = "", runs = "0", slots = "10"] = process.argv.slice(2);
const duckdive = open(store, { jobs: [nothing, real] });
let left = Number(runs);
const done = new Promise((resolve) => {
  duckdive.on("succeeded", () => {
    left -= 1;
    if (left === 0) resolve(undefined);
  });
});
await duckdive.ready();
const start = performance.now();
duckdive.work({ queues: { "*": Number(slots) } });
await done;
const milliseconds = performance.now() - start;
await duckdive.close();
process.send?.({ milliseconds });
process.disconnect?.();
