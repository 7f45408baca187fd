// What a worker with nothing to do costs: processor time, and how often it wakes up.
import { join } from "node:path";
import { answerOf, end, start } from "../measure.mjs";

export const name = "sqlite.idle";
export const unit = "ms of processor a second";
export const rounds = 1;
export const note = "one worker process, nothing to do; .wakeups counts its voluntary context switches";

/** @param {import("../run.mjs").Options} options */
export function run(options) {
  return idle(options, start);
}

/**
 * @param {import("../run.mjs").Options} options
 * @param {typeof start} begin how the worker's process is started
 */
export async function idle({ quick, folder }, begin) {
  const seconds = quick ? 2 : 20;
  const worker = begin("work", [`sqlite:${join(folder, "bench.db")}`]);
  await answerOf(worker);
  await wait(1);
  const before = await usageOf(worker);
  await wait(seconds);
  const after = await usageOf(worker);
  await end(worker);
  const switches = (after.switches - before.switches) / seconds;
  return {
    value: (after.cpu - before.cpu) / 1000 / seconds,
    also: { wakeups: { value: switches, unit: "/s" } },
  };
}

/** @param {number} seconds */
function wait(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** @param {import("node:child_process").ChildProcess} worker */
async function usageOf(worker) {
  const answer = answerOf(worker);
  worker.send("usage");
  return answer;
}
