// Asks for a run, as your application would: `npm run ask -- Ada`. The promise resolves when it is on the disk.
import { open } from "duckdive";
import { greet } from "./jobs.js";
import { store } from "./store.js";

await using duckdive = open(store);
const run = await duckdive.enqueue(greet, { name: process.argv[2] ?? "world" });
console.log(run.id);
