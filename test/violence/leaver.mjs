// A process that works a little, stops and says so; nothing calls process.exit, so it ends only if nothing holds it.
import { job, open } from "duckdive";

const { address } = JSON.parse(process.argv[2] ?? "{}");
const quick = job({ name: "quick", handle() {} });
const hanging = job({ name: "hanging", handle: () => new Promise(() => {}) });
const failing = job({ name: "failing", handle: () => Promise.reject(new Error("as it should")) });
const duckdive = open(address, { jobs: [quick, hanging, failing] });
const done = await duckdive.enqueue(quick);
await duckdive.enqueue(hanging);
await duckdive.enqueue(failing);
await duckdive.enqueue(quick, undefined, { delay: "1h" });
const worker = duckdive.work();
await done.result();
await worker.stop({ drain: 0 });
await duckdive.close();
process.stdout.write(`${JSON.stringify({ stopped: Date.now() })}\n`);
