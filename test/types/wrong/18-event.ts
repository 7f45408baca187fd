import { duckdive } from "../right/01-first-job.js";

duckdive.on("finished", () => {}); // succeeded, failed or cancelled
