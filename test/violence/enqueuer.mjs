// A process that enqueues many runs at once, when a line on standard input says so, and answers their ids or the error.
import { createInterface } from "node:readline";
import { job, open } from "duckdive";

const { address, count } = JSON.parse(process.argv[2] ?? "{}");
const copy = job({ name: "copy" });
const duckdive = open(address);

async function enqueueAll() {
  const runs = Array.from({ length: count }, () => duckdive.enqueue(copy));
  const settled = await Promise.allSettled(runs);
  const ids = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value.id] : []));
  const errors = settled.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
  process.stdout.write(`${JSON.stringify({ ids, errors })}\n`);
  await duckdive.close();
}

const lines = createInterface({ input: process.stdin });
lines.on("line", () => void enqueueAll().then(() => lines.close()));
await duckdive.ready();
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
