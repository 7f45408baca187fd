import { duckdive, remind } from "../right/01-first-job.js";

await duckdive.enqueue(remind, { guest: 4 }, { delay: "1h", runAt: new Date() }); // one or the other
