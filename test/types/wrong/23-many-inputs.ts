import { duckdive, remind } from "../right/01-first-job.js";

await duckdive.enqueueMany(remind, [{ guest: 1 }, { guest: "two" }]); // the schema has a number
