// Adds up the JSON reports of several Vitest runs and prints `N passed, N failed, N skipped`, the last line of
// `.ci/run`. A test file that could not even be loaded has no tests to count, so it counts as one failure, and so
// does a run that left no report. Exits with 1 when anything failed.
import { existsSync, readFileSync } from "node:fs";

/**
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ status: string, assertionResults: { status: string }[] }[]} testResults
 */

/** @param {string} path */
function countsOf(path) {
  if (!existsSync(path)) return { passed: 0, failed: 1, skipped: 0 };
  /** @type {Report} */
  const report = JSON.parse(readFileSync(path, "utf8"));
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((result) => result.status === "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

const counts = process.argv.slice(2).map(countsOf);
/** @param {"passed" | "failed" | "skipped"} kind */
const sum = (kind) => counts.reduce((total, count) => total + count[kind], 0);
console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exitCode = sum("failed") > 0 ? 1 : 0;
