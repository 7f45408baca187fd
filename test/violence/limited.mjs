// A worker process whose jobs have locks, limits and rates, to be killed: it runs `dist/`, what users get.
//
// Told by its first argument (JSON: address, ledger, slots). Each execution is appended to its ledger when it begins,
// before anything else, and when it ends, after everything else; each in one write, with the time of the monotonic clock.
// When its standard input ends, so does the process.
import { openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { job, open } from "duckdive";
import { z } from "zod";

const { address, ledger, slots } = JSON.parse(process.argv[2] ?? "{}");
const file = openSync(ledger, "a");
/** @param {object} value */
const say = (value) => void writeSync(1, `${JSON.stringify(value)}\n`);
createInterface({ input: process.stdin }).on("close", () => process.exit(0));

/**
 * @param {string[]} gates
 * @param {any} ctx
 * @param {() => Promise<unknown>} work
 */
async function audited(gates, ctx, work) {
  /** @param {"begin" | "end"} what */
  const line = (what) => {
    const at = String(process.hrtime.bigint());
    writeSync(file, `${JSON.stringify({ what, run: ctx.runId, token: ctx.token, at, gates })}\n`);
  };
  line("begin");
  try {
    return await work();
  } finally {
    line("end");
  }
}

/** @param {any} ctx */
async function someWork(ctx) {
  await wait(Math.random() * 25);
  const dice = Math.random();
  if (dice < 0.1) throw new Error("is tried again");
  if (dice < 0.2) return ctx.snooze(Math.ceil(Math.random() * 50));
  return undefined;
}

/** Kill after kill may meet the same run, which is to blame for none of them. */
const patient = {
  crashes: 1_000,
  retry: { attempts: 1_000, backoff: { kind: /** @type {const} */ ("fixed"), base: 20, jitter: 0 } },
};
/** @param {{ server: number }} input */
const server = (input) => `server:${input.server}`;

/** @param {string} name */
const lockedJob = (name) =>
  job({
    ...patient,
    name,
    input: z.object({ server: z.number() }),
    lock: server,
    handle: (input, ctx) => audited([`lock ${server(input)}`], ctx, () => someWork(ctx)),
  });

/** @param {{ account: number }} input */
const gatesOfSync = ({ account }) => ["limit sync", `limit sync ${account}`];

const sync = job({
  ...patient,
  name: "sync",
  input: z.object({ account: z.number() }),
  concurrency: [{ limit: 5 }, { by: "account", limit: 2 }],
  handle: (input, ctx) => audited(gatesOfSync(input), ctx, () => someWork(ctx)),
});

const call = job({
  ...patient,
  name: "call",
  input: z.object({ service: z.number() }),
  rate: { limit: 40, per: "1s", burst: 4, by: "service" },
  handle: ({ service }, ctx) => audited([`rate ${service}`], ctx, async () => {}),
});

const duckdive = open(address, { jobs: [lockedJob("boot"), lockedJob("terminate"), sync, call] });
const worker = duckdive.work({ queues: { "*": slots } });
await worker.ready;
say({ ready: worker.id });
