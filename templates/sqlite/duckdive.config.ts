// What `duckdive` reads in this folder: where runs live, and which jobs its workers run.
import { config } from "duckdive";
import { greet } from "./src/jobs.js";
import { store } from "./src/store.js";

export default config({ store, jobs: [greet] });
