// Workers as operations start them, by `duckdive work`, and the time from a kill or a cancellation to what follows it in
// another process.
//
// Before this file come the workloads below rescue/. After it come `duckdive work` and the jobs it is given.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { open } from "./duckdive.mjs";
import { percentile } from "./measure.mjs";
import { hangs, listens } from "./processes/rescued.mjs";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const jobs = fileURLToPath(new URL("./processes/rescued.mjs", import.meta.url));
/** Runs that the killed worker executes. */
const running = 100;

/**
 * @typedef {{ what: string, run: string, attempt: number, pid: number, at: number }} Told
 *
 * @typedef {object} Working
 * @property {(wanted: (told: readonly Told[]) => boolean) => Promise<readonly Told[]>} until everything told, once that is true
 * @property {() => Promise<void>} end
 */

/**
 * `duckdive work` in processes of its own.
 * @param {string} store
 * @param {number} processes 0: one, without a runner
 * @returns {Working}
 */
function work(store, processes) {
  const parameters = ["work", jobs, "--store", store, "--processes", processes, "--concurrency", running];
  const child = spawn(process.execPath, [main, ...parameters.map(String), "--log", "quiet"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Whatever ends the benchmark, nobody goes on working for it.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  /** @type {Told[]} */
  const told = [];
  /** @type {Set<() => void>} */
  const listeners = new Set();
  const look = () => {
    for (const listener of [...listeners]) listener();
  };
  const gone = once(child, "exit").finally(look);
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (!line.startsWith("bench ")) return;
    told.push(JSON.parse(line.slice("bench ".length)));
    look();
  });
  return {
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const listener = () => {
          if (!wanted(told) && child.exitCode === null && child.signalCode === null) return;
          listeners.delete(listener);
          if (wanted(told)) resolve(told);
          else reject(new Error(`duckdive work ended with ${child.exitCode ?? child.signalCode}.`));
        };
        listeners.add(listener);
        listener();
      }),
    async end() {
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** @param {readonly Told[]} told */
const begunAgain = (told) => told.filter(({ attempt }) => attempt > 1);

/**
 * From `kill -9` of a worker that executes 100 runs to the first one that another worker executes again, and to the last.
 * @param {string} store
 * @param {boolean} supervised two processes of one runner; or two that know of each other by the store alone
 */
export async function rescue(store, supervised) {
  const duckdive = open(store);
  await duckdive.enqueueMany(Array.from({ length: running }, () => hangs.with()));
  // Whoever is there first takes them all, and the other one has nothing to do.
  const first = work(store, supervised ? 2 : 0);
  const [{ pid = 0 } = {}] = await first.until((told) => told.length === running);
  const second = supervised ? first : work(store, 0);
  while ((await duckdive.workers()).length < 2) await pause(50);
  await pause(1_000);
  const killed = performance.timeOrigin + performance.now();
  process.kill(pid, "SIGKILL");
  const told = await second.until((all) => begunAgain(all).length === running);
  await second.end();
  await duckdive.close();
  const waits = begunAgain(told).map(({ at }) => at - killed);
  return {
    value: Math.min(...waits),
    also: { all: { value: Math.max(...waits), unit: "ms" } },
  };
}

/**
 * From `cancel` here to the abort of the signal in a handler that another process executes, one run at a time.
 * @param {string} store
 * @param {number} times
 */
export async function cancel(store, times) {
  const duckdive = open(store);
  const worker = work(store, 0);
  /** @type {number[]} */
  const waits = [];
  for (let count = 0; count < times; count += 1) {
    const run = await duckdive.enqueue(listens);
    await worker.until((told) => told.some((one) => one.run === run.id));
    const asked = performance.timeOrigin + performance.now();
    await run.cancel();
    const told = await worker.until((all) => all.some((one) => one.run === run.id && one.what === "aborted"));
    waits.push((told.at(-1)?.at ?? Number.NaN) - asked);
    await run.outcome();
  }
  await worker.end();
  await duckdive.close();
  return { value: percentile(waits, 0.5), also: { slowest: { value: Math.max(...waits), unit: "ms" } } };
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
