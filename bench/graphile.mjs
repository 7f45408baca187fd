// The peer beside which PostgreSQL is measured: graphile-worker, in the configuration that did best of those tried, on
// the Node it asks for. It deletes its rows where duckdive keeps history.
//
// Before this file come the workloads. After it comes processes/graphile.mjs.
import { createRequire } from "node:module";
import { outcomeOf, start } from "./measure.mjs";

const require = createRequire(import.meta.url);
const oldestMajor = 23;

/**
 * What a process of graphile-worker answers.
 * @param {"bulk" | "drain" | "enqueue64"} action
 * @param {string} url
 * @param {number} amount
 */
export function graphile(action, url, amount) {
  return outcomeOf(start("graphile", [action, url, amount], [], nodeForPeer()));
}

/** graphile-worker needs Node 22.18; this process may be an older one. */
function nodeForPeer() {
  if (Number.parseInt(process.versions.node, 10) >= oldestMajor) return process.execPath;
  try {
    return require.resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch (cause) {
    throw new Error("The peers are not installed: npm ci --prefix bench", { cause });
  }
}
