// Serverless functions: what was just asked for is worked within a time, and a function that a schedule calls sweeps the rest.
//
// Before this file comes a function that was called. After it come `waitUntil`, and the runs.
export { sweep, type WorkedWithin, workWithin } from "./within.js";
