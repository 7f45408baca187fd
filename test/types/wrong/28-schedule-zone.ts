import { schedule } from "duckdive";
import { air } from "../right/08-schedules.js";

schedule("air", air, { every: "1h", timeZone: "UTC" }); // real time knows no zone
