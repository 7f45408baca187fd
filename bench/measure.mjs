// What workloads share: a process that answers, percentiles, and the jobs that are measured.
//
// Before this file come the workloads. After it come the processes they start.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { attendedBy, job, open, storeAt } from "./duckdive.mjs";

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

/** Does nothing with what others measure with as well: an input of 100 bytes as JSON. */
export const parcel = job({
  name: "parcel",
  input: z.object({ number: z.number(), text: z.string() }),
  handle: () => {},
});

/** Does nothing for one of many accounts: as often as it comes, and one run of an account at a time. */
export const uncapped = job({ name: "uncapped", input: z.object({ account: z.number() }), handle: () => {} });
export const capped = job({
  name: "capped",
  input: z.object({ account: z.number() }),
  concurrency: { limit: 1, by: "account" },
  handle: () => {},
});

export const parcelInput = { number: 1_234_567, text: "duck dive ".repeat(8).slice(0, 72) };

/**
 * A process of `processes/`, started with arguments.
 * @param {string} name
 * @param {readonly (string | number)[]} parameters
 * @param {string[]} execArgv
 * @param {string} execPath another Node
 * @param {number} [timeout] after so many milliseconds it is killed
 */
export function start(name, parameters, execArgv = [], execPath = process.execPath, timeout) {
  const path = fileURLToPath(new URL(`./processes/${name}.mjs`, import.meta.url));
  const options = {
    execArgv,
    execPath,
    ...(timeout && { timeout, killSignal: /** @type {const} */ ("SIGKILL") }),
  };
  const child = fork(path, parameters.map(String), options);
  // Whatever ends the benchmark, nobody goes on working for it.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  return child;
}

/**
 * The same process as a runner would start it: it knows at any time whose code it executes, says every second how it is,
 * and has a thread that watches its event loop.
 * @param {string} name
 * @param {readonly (string | number)[]} parameters
 * @param {string[]} execArgv
 */
export function startAttended(name, parameters, execArgv = []) {
  const path = fileURLToPath(new URL(`./processes/${name}.mjs`, import.meta.url));
  const env = { ...process.env, [attendedBy]: String(process.pid) };
  return fork(path, parameters.map(String), {
    execArgv,
    env,
    stdio: ["inherit", "inherit", "inherit", "ipc", "pipe"],
  });
}

/** With DUCKDIVE_PROFILE set to a folder, a process writes where its time went. */
export function profile() {
  const folder = process.env.DUCKDIVE_PROFILE;
  return folder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];
}

/**
 * Enqueues parcels, to have something to drain.
 * @param {string} address
 * @param {number} runs
 */
export async function fill(address, runs) {
  const duckdive = open(storeAt(address));
  const inputs = Array.from({ length: 1_000 }, () => parcelInput);
  for (let asked = 0; asked < runs; asked += inputs.length) {
    await duckdive.enqueueMany(parcel, inputs.slice(0, runs - asked));
  }
  await duckdive.close();
}

/**
 * Drains the runs of ten thousand accounts, without a limit and with one for each account, one after the other in the same
 * place: how many a second with the limit, and which share that is of those without.
 * @param {(name: string) => Promise<string>} storeOf
 * @param {number} runs
 * @param {number} slots
 */
export async function drainKeys(storeOf, runs, slots) {
  const inputs = Array.from({ length: runs }, (_, number) => ({ account: number % 10_000 }));
  const rateOf = async (/** @type {typeof capped | typeof uncapped} */ asked) => {
    const store = await storeOf(asked.name);
    const duckdive = open(storeAt(store));
    for (let from = 0; from < runs; from += 1_000) {
      await duckdive.enqueueMany(asked, inputs.slice(from, from + 1_000));
    }
    await duckdive.close();
    const { milliseconds } = await outcomeOf(start("drain", [store, runs, slots], profile()));
    return runs / (milliseconds / 1000);
  };
  const without = await rateOf(uncapped);
  const value = await rateOf(capped);
  return { value, also: { ratio: { value: value / without, unit: "of those without" } } };
}

/**
 * Callers side by side, each awaiting its own answer before it asks for the next. A few rounds before that open the
 * connections, and are not counted; of many callers one is enough.
 * @param {number} callers
 * @param {number} each
 * @param {() => Promise<unknown>} act
 */
export async function together(callers, each, act) {
  /** @type {number[]} */
  const waits = [];
  const caller = async (/** @type {number} */ times) => {
    for (let count = 0; count < times; count += 1) {
      const asked = performance.now();
      await act();
      waits.push(performance.now() - asked);
    }
  };
  const all = (/** @type {number} */ times) =>
    Promise.all(Array.from({ length: callers }, () => caller(times)));
  await all(callers > 64 ? 1 : 5);
  waits.length = 0;
  const start = performance.now();
  await all(each);
  const seconds = (performance.now() - start) / 1000;
  return { rate: (callers * each) / seconds, p50: percentile(waits, 0.5), p99: percentile(waits, 0.99) };
}

/**
 * From the call of enqueue here to the start of the handler in a worker process, one at a time, at rest.
 * @param {string} store
 * @param {number} times
 */
export async function latencyAcross(store, times) {
  const duckdive = open(storeAt(store));
  await duckdive.ready();
  const worker = start("work", [store]);
  await answerOf(worker);
  /** @type {number[]} */
  const waits = [];
  /** @type {number[]} */
  const results = [];
  for (let count = 0; count < times; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const asked = performance.timeOrigin + performance.now();
    const [enqueued, { exactly }] = await Promise.all([duckdive.enqueue(nothing), answerOf(worker)]);
    waits.push(exactly - asked);
    await enqueued.result();
    results.push(performance.timeOrigin + performance.now() - asked);
  }
  await end(worker);
  await duckdive.close();
  return {
    value: percentile(waits, 0.5),
    also: {
      p99: { value: percentile(waits, 0.99), unit: "ms" },
      result: { value: percentile(results, 0.5), unit: "ms" },
    },
  };
}

/**
 * The next message of a process; rejects when it ends without one.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<any>}
 */
export function answerOf(child) {
  return new Promise((resolve, reject) => {
    const leave = () => {
      child.off("message", hear);
      child.off("exit", gone);
    };
    // Heard by one listener for as long as it takes: messages that arrive together are told in one go.
    const hear = (/** @type {any} */ message) => {
      // What it tells a runner has a type.
      if (message.type !== undefined) return;
      leave();
      resolve(message);
    };
    const gone = () => {
      leave();
      reject(new Error("A process of the benchmark ended without an answer."));
    };
    child.on("message", hear);
    child.on("exit", gone);
  });
}

/**
 * The last message of a process that ends by itself, once it is gone and has closed what it had open.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<any>}
 */
export async function outcomeOf(child) {
  /** @type {unknown} */
  let last;
  child.on("message", (/** @type {any} */ message) => {
    // What it tells a runner has a type.
    if (message.type === undefined) last = message;
  });
  await once(child, "exit");
  if (last === undefined) throw new Error("A process of the benchmark ended without an answer.");
  return last;
}

/**
 * The processor time of a measurement, by process, as figures beside a rate.
 * @param {number} own of the process that did it, in microseconds
 * @param {number | undefined} servers
 * @param {number} runs
 * @returns {Record<string, { value: number, unit: string }>}
 */
export function costs(own, servers, runs) {
  const cpu = { value: own / runs, unit: "µs/run" };
  return servers === undefined ? { cpu } : { cpu, "server.cpu": { value: servers / runs, unit: "µs/run" } };
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
