// A worker process that drains what is there, and tells how long that took: from asking for a worker to the last
// success that is committed. Arguments: store, number of runs, slots, and after how many runs each it sends the time.
import { openWorker } from "../duckdive.mjs";
import { capped, nothing, parcel, real, uncapped } from "../measure.mjs";

const [store = "", runs = "0", slots = "10", every = "0"] = process.argv.slice(2);
const { duckdive, work } = openWorker(store, { jobs: [capped, nothing, parcel, real, uncapped] });
const [all, step] = [Number(runs), Number(every)];
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
work({ queues: { "*": Number(slots) } });
await done;
const milliseconds = performance.now() - start;
const { user, system } = process.cpuUsage(before);
await duckdive.close();
process.send?.({ milliseconds, cpu: user + system });
process.disconnect?.();
