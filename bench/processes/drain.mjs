// A worker process that drains what is there, and tells how long that took: from asking for a worker to the last
// success that is committed. Arguments: store, number of runs, slots, and after how many runs each it sends the time; or
// `garbage`: then it tells how much it has allocated.
import { openWorker } from "../duckdive.mjs";
import { allocatedWhile } from "../garbage.mjs";
import { capped, nothing, parcel, real, uncapped } from "../measure.mjs";

const [store = "", runs = "0", slots = "10", every = "0"] = process.argv.slice(2);
const { duckdive, work } = openWorker(store, { jobs: [capped, nothing, parcel, real, uncapped] });
const [all, step] = [Number(runs), every === "garbage" ? 0 : Number(every)];
let ended = 0;
const done = new Promise((resolve) => {
  duckdive.on("succeeded", () => {
    ended += 1;
    if (step > 0 && ended % step === 0) process.send?.({ ended, at: performance.now() });
    if (ended === all) resolve(undefined);
  });
});
await duckdive.ready();
const before = process.cpuUsage();
const start = performance.now();
const drained = () => {
  work({ queues: { "*": Number(slots) } });
  return done;
};
const garbage = every === "garbage" ? await allocatedWhile(drained) : await drained();
const milliseconds = performance.now() - start;
const { user, system } = process.cpuUsage(before);
await duckdive.close();
process.send?.({ milliseconds, cpu: user + system, garbage });
process.disconnect?.();
