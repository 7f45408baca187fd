// 2b. A job that knows no adapter runs where there is one; and a signal finds its run by the run's unique key.
import { open } from "duckdive";
import { remind } from "./01-first-job.js";
import { adapter, catalogue } from "./02-transactions.js";
import { move, released } from "./06-durable.js";

const duckdive = open("postgres://localhost/cellar", { with: adapter, jobs: [remind, catalogue, move] });
await duckdive.signal({ job: move, key: "rack-9" }, released, { by: "customs", at: "2030-01-01" });
await duckdive.signal("0192d3c4-0000-7000-8000-000000000000", released, { by: "customs", at: 0 });
