// The hand of this application on its runs: what a job uses to look at other runs.
//
// Opening reads nothing, so a module may do it; the store connects at first use. The address comes from the environment,
// as it does for the command line. There are no jobs in it: those are worked by whoever lists them (worker.ts, or
// `duckdive work examples/case-files/jobs.ts`), and jobs.ts can import this file without a circle.
import { open } from "duckdive";

export const duckdive = open(process.env.DUCKDIVE_STORE ?? "sqlite:./duckdive.db");
