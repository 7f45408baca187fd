// A worker process with a schedule that ticks every second, to be killed: it runs `dist/`, what users get.
//
// Told by its first argument (JSON: address). It says when it is ready; when standard input ends, so does the process.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { job, open, schedule } from "duckdive";

const { address } = JSON.parse(process.argv[2] ?? "{}");
createInterface({ input: process.stdin }).on("close", () => process.exit(0));

const beat = job({ name: "beat", handle() {} });
const every = schedule("beat", beat, { every: "1s", missed: { all: 1_000 } });
const duckdive = open(address, { jobs: [beat], schedules: [every] });
const worker = duckdive.work();
await worker.ready;
writeSync(1, `${JSON.stringify({ ready: worker.id })}\n`);
