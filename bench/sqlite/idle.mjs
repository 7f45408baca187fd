// What a worker with nothing to do costs: processor time, and how often it wakes up; and the same looked after by a runner, where it
// counts its turns, is watched by a thread, and says how it is.
import { setTimeout as wait } from "node:timers/promises";
import { answerOf, end } from "../measure.mjs";
import { beside } from "../peers.mjs";

const shared = /** @type {const} */ ({
  unit: "ms of processor a second",
  rounds: 1,
  note: "one worker process, nothing to do; .wakeups counts its voluntary context switches",
  run: idle,
});

export const workloads = [
  ...beside({
    ...shared,
    name: "sqlite.idle",
    peers: { plainjob: { note: "asks for work every second, its default" } },
  }),
  ...beside({
    ...shared,
    name: "sqlite.idle.attended",
    own: "looked after as by a runner",
    asked: { attended: true },
    peers: {},
  }),
];

/**
 * @param {import("../peers.mjs").Place} place
 * @param {import("../peers.mjs").Doing} doing
 */
async function idle(place, { quick, asked }) {
  const seconds = quick ? 1 : 20;
  const worker = await place.begin("work", asked);
  await wait(1_000);
  const before = await usageOf(worker);
  await wait(seconds * 1000);
  const after = await usageOf(worker);
  await end(worker);
  const switches = (after.switches - before.switches) / seconds;
  return {
    value: (after.cpu - before.cpu) / 1000 / seconds,
    also: { wakeups: { value: switches, unit: "/s" } },
  };
}

/** @param {import("node:child_process").ChildProcess} worker */
async function usageOf(worker) {
  const answer = answerOf(worker);
  worker.send("usage");
  return answer;
}
