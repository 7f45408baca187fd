// A worker for tenants: handlers wait, and each start of a run of the quiet tenant is told with how long it has waited.
// Arguments: store, slots, milliseconds.
import { setTimeout as wait } from "node:timers/promises";
import { openWorker } from "../duckdive.mjs";
import { fairJob, unfairJob } from "../tenants.mjs";

const [store = "", slots = "1", milliseconds = "1"] = process.argv.slice(2);
/** @param {{ tenant: string, asked: number }} input */
async function handle({ tenant, asked }) {
  if (tenant === "quiet") process.send?.({ waited: performance.timeOrigin + performance.now() - asked });
  await wait(Number(milliseconds));
}
const { duckdive, work } = openWorker(store, { jobs: [fairJob(handle), unfairJob(handle)] });
process.on("disconnect", () => void duckdive.close().then(() => process.exit(0)));
await work({ queues: { "*": Number(slots) } }).ready;
process.send?.({ ready: true });
