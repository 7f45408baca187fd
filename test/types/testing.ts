// What programs import as `duckdive/testing` here, until src/testing exports all of it.
export { type TestQueue, testQueue } from "../../src/testing/index.js";
export { explore, type Report } from "./pending.js";
