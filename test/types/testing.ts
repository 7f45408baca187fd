// What programs import as `duckdive/testing` here.
export { explore, type Report, type TestQueue, testQueue } from "../../src/testing/index.js";
