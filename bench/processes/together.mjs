// A worker beside others on one store: tells how many runs it has completed, at most every few milliseconds. Arguments: store,
// slots. It begins when it is told to.
import { openWorker } from "../duckdive.mjs";
import { parcel } from "../measure.mjs";

const [store = "", slots = "10"] = process.argv.slice(2);
const { duckdive, work } = openWorker(store, { jobs: [parcel] });
let ended = 0;
let told = 0;
duckdive.on("succeeded", () => (ended += 1));
const timer = setInterval(() => {
  if (told === ended) return;
  told = ended;
  process.send?.({ ended });
}, 2);
process.on("message", (message) => {
  if (message === "go") work({ queues: { "*": Number(slots) } });
});
process.on("disconnect", () => {
  clearInterval(timer);
  void duckdive.close().then(() => process.exit(0));
});
await duckdive.ready();
process.send?.({ ended });
