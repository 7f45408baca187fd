// Requests to a web server at a steady rate, whatever becomes of those before, to several paths in turn: what slows the machine
// for a moment slows all of them. A wait begins when the request was due, so that a server that stands still is seen.
import { Agent, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { percentile } from "./measure.mjs";

/**
 * @param {number} port
 * @param {readonly string[]} paths
 * @param {{ rate: number, seconds: number }} load requests a second, all paths together
 * @returns {Promise<Map<string, { p50: number, p99: number, requests: number }>>} milliseconds, by path
 */
export async function requestsTo(port, paths, { rate, seconds }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  /** @type {Map<string, number[]>} */
  const waits = new Map(paths.map((path) => [path, []]));
  /** @type {Promise<void>[]} */
  const under = [];
  const began = performance.now();
  for (let count = 0; count < rate * seconds; count += 1) {
    const due = began + (count / rate) * 1000;
    const path = paths[count % paths.length] ?? "/";
    if (due > performance.now()) await wait(due - performance.now());
    under.push(get(agent, port, path).then(() => void waits.get(path)?.push(performance.now() - due)));
  }
  await Promise.all(under);
  agent.destroy();
  return new Map(
    [...waits].map(([path, all]) => [
      path,
      { p50: percentile(all, 0.5), p99: percentile(all, 0.99), requests: all.length },
    ]),
  );
}

/**
 * @param {Agent} agent
 * @param {number} port
 * @param {string} path
 */
function get(agent, port, path) {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, host: "127.0.0.1", port, path }, (response) => {
      response.resume();
      response.once("end", () => {
        if (response.statusCode === 204) resolve(undefined);
        else reject(new Error(`${path} answered ${response.statusCode}.`));
      });
    });
    asked.once("error", reject);
    asked.end();
  });
}
