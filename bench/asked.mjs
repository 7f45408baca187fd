// What workloads on every store ask of a library, and what they make of its answers: rates with their costs, callers that wait for
// their own job, and the time from an add to its handler.
//
// Before this file come the workloads. After it come the peers and processes/library.mjs.
import { once } from "node:events";
import { answerOf, costs, end, percentile } from "./measure.mjs";

/**
 * @typedef {import("./peers.mjs").Place} Place
 * @typedef {import("./peers.mjs").Doing} Doing
 */

/** Adds many, 1,000 a call. @param {Place} place @param {Doing} doing */
export async function bulk(place, { jobs, asked }) {
  const [{ rate, cpu }, servers] = await place.serverTime(() => place.ask("bulk", { jobs, ...asked }));
  return { value: rate, also: costs(cpu, servers, jobs) };
}

/** Drains what was added before. @param {Place} place @param {Doing} doing */
export async function drain(place, { jobs, asked }) {
  await place.ask("bulk", { jobs, ...asked });
  const [{ milliseconds, cpu }, servers] = await place.serverTime(() =>
    place.ask("drain", { jobs, often: true, ...asked }),
  );
  return { value: jobs / (milliseconds / 1000), also: costs(cpu, servers, jobs) };
}

/**
 * Callers, each of which awaits its own job before it asks for the next.
 * @param {"enqueue" | "transact"} action
 * @param {number} callers
 */
export function calling(action, callers) {
  /** @param {Place} place @param {Doing} doing */
  return async (place, { jobs, asked }) => {
    const [{ rate, p50, p99, cpu }, servers] = await place.serverTime(() =>
      place.ask(action, { jobs: Math.max(jobs, callers * 2), callers, ...asked }),
    );
    return {
      value: rate,
      also: {
        p50: { value: p50, unit: "ms" },
        p99: { value: p99, unit: "ms" },
        ...costs(cpu, servers, jobs),
      },
    };
  };
}

/** One caller, 8 and 512, one after the other on the same store. @param {Place} place @param {Doing} doing */
export async function callers(place, { jobs, asked, quick }) {
  const least = quick ? 1 : 3;
  const turns = [
    { callers: 1, jobs: jobs / 10 },
    { callers: 8, jobs: jobs / 3 },
    { callers: 512, jobs },
  ].map((turn) => ({ ...turn, jobs: Math.max(Math.ceil(turn.jobs), turn.callers * least) }));
  /** @type {{ answers: { rate: number, p50: number, p99: number }[] }} */
  const { answers } = await place.ask("enqueueBy", { turns, ...asked });
  /** @type {Record<string, { value: number, unit: string }>} */
  const also = {};
  for (const [index, { rate, p50, p99 }] of answers.entries()) {
    const many = turns[index]?.callers;
    also[`${many}`] = { value: rate, unit: "runs/s" };
    also[`${many}.p50`] = { value: p50, unit: "ms" };
    also[`${many}.p99`] = { value: p99, unit: "ms" };
  }
  return { value: answers.at(-1)?.rate ?? 0, also };
}

/** From the call in one process to the handler in another, a job every 20 ms. @param {Place} place @param {Doing} doing */
export function atRest(place, { jobs, asked }) {
  return paced(place, { jobs, rate: 50, asked });
}

/**
 * The same at half of what adding and working together do, which is found out before on the same store.
 * @param {Place} place
 * @param {Doing} doing
 */
export async function underLoad(place, { jobs, asked, quick }) {
  const worker = await place.begin("work", { often: true, ...asked });
  const { first } = await place.ask("flood", { jobs, callers: 64, ...asked });
  const ended = Math.max(...(await beganBy(worker, jobs)).map(([, at]) => at));
  await end(worker);
  const rate = jobs / ((ended - first) / 1000) / 2;
  const found = await paced(place, {
    jobs: Math.ceil(rate * (quick ? 0.5 : 5)),
    rate,
    asked: { often: true, ...asked },
  });
  return { ...found, also: { ...found.also, rate: { value: rate, unit: "runs/s" } } };
}

/**
 * @param {Place} place
 * @param {{ jobs: number, rate: number, asked: Record<string, unknown> }} pace
 */
async function paced(place, { jobs, rate, asked }) {
  const worker = await place.begin("work", asked);
  const { times } = await place.ask("pace", { jobs, rate, ...asked });
  const began = await beganBy(worker, jobs);
  await end(worker);
  const waits = began.map(([number, at]) => at - times[number - firstNumber]);
  const [p50, p99] = [percentile(waits, 0.5), percentile(waits, 0.99)];
  return { value: p50, also: { p99: { value: p99, unit: "ms" } } };
}

/** What processes/library.mjs numbers its first job. */
const firstNumber = 1_000_000;

/**
 * When each numbered job began, once that many have.
 * @param {import("node:child_process").ChildProcess} worker
 * @param {number} jobs
 * @returns {Promise<[number, number][]>}
 */
async function beganBy(worker, jobs) {
  const ask = (/** @type {string} */ question) => {
    const answer = answerOf(worker);
    worker.send(question);
    return answer;
  };
  while ((await ask("count")).count < jobs) await new Promise((resolve) => setTimeout(resolve, 50));
  return (await ask("began")).began;
}

/**
 * From `kill -9` of a worker with 100 jobs in hand to the first that runs again in another, and to the last.
 * @param {Place} place
 * @param {import("./peers.mjs").Wanted} asked
 */
export async function rescueBy(place, asked) {
  const running = 100;
  const victim = await place.begin("work", { ...asked, hang: true });
  await place.ask("pace", { jobs: running, rate: 1_000 });
  await beganBy(victim, running);
  const killed = performance.timeOrigin + performance.now();
  const gone = once(victim, "exit");
  victim.kill("SIGKILL");
  await gone;
  const other = await place.begin("work", asked);
  const began = await beganBy(other, running);
  await end(other);
  const waits = began.map(([, at]) => at - killed);
  return { value: Math.min(...waits), also: { all: { value: Math.max(...waits), unit: "ms" } } };
}
