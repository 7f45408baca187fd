// The worker process of the demo: loads worker.ts the way `duckdive work` loads jobs.
import { createJiti } from "jiti";

await createJiti(import.meta.url).import("./worker.ts");
