import { duckdive } from "../right/01-first-job.js";

await duckdive.list({ state: "done" }); // "succeeded"
