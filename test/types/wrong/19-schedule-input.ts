import { schedule } from "duckdive";
import { remind } from "../right/01-first-job.js";

schedule("reminders", remind, { every: "1d" }); // the job has an input
