// What a worker with nothing to do asks of the server: statements a second as PostgreSQL counts them in its log, or commands of
// Redis, and the processor time of the worker.
import { setTimeout as wait } from "node:timers/promises";
import { answerOf, end } from "../measure.mjs";
import { beside } from "../peers.mjs";
import { commandsDone } from "../redis.mjs";
import { ask, statementsIn } from "../server.mjs";

export const workloads = [
  ...beside({
    name: "postgres.idle",
    unit: "statements/s",
    rounds: 1,
    note: "one idle worker, every statement of a client counted; on Redis every command, those in scripts with them; .cpu: of the worker",
    peers: {
      "graphile-worker": {},
      "pg-boss": {},
      bullmq: {},
      "bee-queue": {},
      "bullmq-postgres": {},
      dbos: { note: "asks for work every second, its default" },
      sidequest: { note: "asks for work every 100 ms, its default" },
    },
    run: (place, { quick, asked }) => idle(place, quick ? 1 : 20, asked),
  }),
  ...beside({
    name: "postgres.idle.quiet",
    unit: "statements/s",
    rounds: 1,
    note: "one idle worker with notify: false",
    asked: { quiet: true },
    peers: {},
    run: (place, { quick, asked }) => idle(place, quick ? 1 : 20, asked),
  }),
];

/**
 * @param {import("../peers.mjs").Place} place
 * @param {number} seconds
 * @param {Record<string, unknown>} asked
 */
async function idle(place, seconds, asked) {
  const { kind, address, database } = place;
  if (kind === "postgres") await ask(address, `alter database ${database} set log_statement = 'all'`);
  const countedIn = () => (kind === "redis" ? commandsDone() : statementsIn(database));
  const worker = await place.begin("work", asked);
  await wait(seconds > 5 ? 2_000 : 500);
  const before = { count: await countedIn(), cpu: await cpuOf(worker) };
  await wait(seconds * 1000);
  const after = { count: await countedIn(), cpu: await cpuOf(worker) };
  await end(worker);
  return {
    // Asking Redis takes a command itself.
    value: (after.count - before.count - (kind === "redis" ? 1 : 0)) / seconds,
    also: { cpu: { value: (after.cpu - before.cpu) / 1000 / seconds, unit: "ms of processor a second" } },
  };
}

/** @param {import("node:child_process").ChildProcess} worker */
async function cpuOf(worker) {
  const answer = answerOf(worker);
  worker.send("usage");
  return (await answer).cpu;
}
