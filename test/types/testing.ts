// What programs import as `duckdive/testing` here, until src/testing exports all of it.
export { explore, type Report, type TestQueue, testQueue } from "./pending.js";
