// What workloads share: a process that answers, percentiles, and the jobs that are measured.
//
// Before this file come the workloads. After it come the processes they start.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { job } from "./duckdive.mjs";

/** Does nothing. */
export const nothing = job({ name: "nothing", handle: () => {} });

/** About what an application does: a checked input of 2 kB, and a millisecond of waiting. */
export const real = job({
  name: "real",
  input: z.object({ user: z.number(), address: z.string(), lines: z.array(z.object({ text: z.string() })) }),
  handle: () => new Promise((resolve) => setTimeout(resolve, 1)),
});

/** An input of `real`: 2 kB as JSON. */
export const realInput = {
  user: 7,
  address: "somebody@example.com",
  lines: Array.from({ length: 20 }, (_, line) => ({ text: `${line}: `.padEnd(86, "duck dive ") })),
};

/**
 * A process of `processes/`, started with arguments.
 * @param {string} name
 * @param {readonly (string | number)[]} parameters
 * @param {string[]} execArgv
 */
export function start(name, parameters, execArgv = []) {
  const path = fileURLToPath(new URL(`./processes/${name}.mjs`, import.meta.url));
  return fork(path, parameters.map(String), { execArgv });
}

/**
 * The next message of a process; rejects when it ends without one.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<any>}
 */
export async function answerOf(child) {
  const heard = new AbortController();
  const { signal } = heard;
  const gone = once(child, "exit", { signal }).then(() => {
    throw new Error("A process of the benchmark ended without an answer.");
  });
  gone.catch(() => {});
  try {
    const [message] = await Promise.race([once(child, "message", { signal }), gone]);
    return message;
  } finally {
    heard.abort();
  }
}

/**
 * Ends a process by closing its channel, and waits for it.
 * @param {import("node:child_process").ChildProcess} child
 */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.disconnect();
  await gone;
}

/**
 * @param {number[]} values
 * @param {number} share from 0 to 1
 */
export function percentile(values, share) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
