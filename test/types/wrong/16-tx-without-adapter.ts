import { duckdive, remind } from "../right/01-first-job.js";

await duckdive.enqueue(remind, { guest: 4 }, { tx: {} }); // opened without an adapter
