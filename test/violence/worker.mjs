// A worker process to be killed, stopped and watched: it runs `dist/`, what users get.
//
// Told by its first argument (JSON: address, options, executions, slots, hold, longest) what to do. It says on standard
// output, one JSON value a line, when it is ready, what it hears and what it logs; every execution is appended to a file,
// in one write, before anything else, so that it is known also of a process that is gone the next moment. A line on
// standard input lets held handlers go; when standard input ends, so does the process, so that none outlives its test.
import { openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { job, open } from "duckdive";

const given = JSON.parse(process.argv[2] ?? "{}");
const { address, options = {}, executions, slots = 10, hold = false, longest = 0 } = given;
/** @param {object} value */
const say = (value) => void writeSync(1, `${JSON.stringify(value)}\n`);

const executionsFile = executions === undefined ? undefined : openSync(executions, "a");
/** @type {() => void} */
let release = () => {};
/** @type {Promise<void>} */
const released = new Promise((resolve) => {
  release = resolve;
});
createInterface({ input: process.stdin })
  .on("line", () => release())
  .on("close", () => process.exit(0));

const copy = job({
  name: "copy",
  // Kill after kill may meet the same run, which is to blame for none of them.
  crashes: 1_000,
  async handle(_input, ctx) {
    if (executionsFile !== undefined) writeSync(executionsFile, `${ctx.runId} ${ctx.token} ${ctx.attempt}\n`);
    ctx.signal.addEventListener("abort", () => say({ aborted: ctx.runId, why: ctx.signal.reason.why }));
    if (hold) await released;
    if (longest > 0) await wait(Math.random() * longest);
    return process.pid;
  },
});

/** Takes about the time in which a dead worker must have been found. */
const slow = job({
  name: "slow",
  queue: "slow",
  async handle() {
    await wait(2_500);
  },
});

const now = job({
  name: "now",
  handle(_input, ctx) {
    say({ began: ctx.runId, at: performance.timeOrigin + performance.now() });
  },
});

/** @param {string} level */
const logger = (level) => (/** @type {string} */ message, /** @type {{ error?: unknown }} */ fields) =>
  say({ level, logged: message, error: String(fields?.error) });
const log = { debug() {}, info: logger("info"), warn: logger("warn"), error: logger("error") };
for (const kind of /** @type {const} */ (["unhandledRejection", "uncaughtException", "warning"])) {
  process.on(kind, (/** @type {unknown} */ error) =>
    say({ unhandled: kind, error: error instanceof Error ? error.stack : String(error) }),
  );
}

const duckdive = open(address, { ...options, jobs: [copy, slow, now], log });
duckdive.on("refused", ({ run }) => say({ refused: run }));
duckdive.on("lost", ({ run, worker }) => say({ lost: run, worker }));
duckdive.on("error", ({ error, where }) => say({ error: String(error), where }));
const worker = duckdive.work({ queues: hold ? { default: slots } : { default: slots, slow: 1 } });
await worker.ready;
say({ ready: worker.id });
