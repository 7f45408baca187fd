import { duckdive, remind } from "../right/01-first-job.js";

await duckdive.enqueue(remind, { guest: "four" }); // the schema has a number
