// A quiet tenant, whose runs come one at a time, beside a noisy one that has asked for 100,000 before.
//
// The quiet tenant's runs are asked for one after the other, each as soon as the one before it has begun and a little later;
// what they wait without the noisy one is measured first, on the same worker. How it would be without `fair` is measured on
// one run, since that one waits for the whole backlog.
import { setTimeout as wait } from "node:timers/promises";
import { open } from "./duckdive.mjs";
import { answerOf, end, percentile, start } from "./measure.mjs";
import { fairJob, unfairJob } from "./tenants.mjs";

const slots = 100;
const milliseconds = 5;
const fair = fairJob(() => {});
const unfair = unfairJob(() => {});

export const unit = "ms";
export const note =
  `99 % of the quiet tenant's runs begin within, beside 100,000 runs of another tenant; one worker process, ${slots} slots, handlers that ` +
  `wait ${milliseconds} ms; .alone: without the other tenant; .unfair: one run behind the same 100,000, with a job that is not fair`;

/**
 * @param {string} store
 * @param {boolean} quick
 */
export async function fairness(store, quick) {
  const [backlog, times] = quick ? [3_000, 10] : [100_000, 150];
  const duckdive = open(store);
  await duckdive.ready();
  const worker = start("tenants", [store, slots, milliseconds]);
  await answerOf(worker);
  const waitOf = async (/** @type {typeof fair | typeof unfair} */ job) => {
    const asked = performance.timeOrigin + performance.now();
    const [{ waited }] = await Promise.all([
      answerOf(worker),
      duckdive.enqueue(job, { tenant: "quiet", asked }),
    ]);
    return Number(waited);
  };
  const waits = async (/** @type {() => boolean | Promise<boolean>} */ goesOn) => {
    /** @type {number[]} */
    const found = [];
    // Looking how much is left costs the store something, so it is not done each time.
    while (found.length < times && (found.length % 10 > 0 || (await goesOn()))) {
      found.push(await waitOf(fair));
      await wait(10);
    }
    return found;
  };
  const alone = await waits(() => true);
  await fill(duckdive, fair, backlog);
  const beside = await waits(async () => (await duckdive.count({ job: fair, state: "ready" })) > slots);
  await duckdive.cancel({ job: fair, state: "ready" });
  await fill(duckdive, unfair, backlog);
  const behind = await waitOf(unfair);
  await end(worker);
  await duckdive.close();
  return {
    value: percentile(beside, 0.99),
    also: {
      p50: { value: percentile(beside, 0.5), unit },
      alone: { value: percentile(alone, 0.99), unit },
      "alone.p50": { value: percentile(alone, 0.5), unit },
      unfair: { value: behind, unit },
      times: { value: beside.length, unit: "runs" },
    },
  };
}

/**
 * @param {import("../dist/index.js").Duckdive} duckdive
 * @param {typeof fair | typeof unfair} job
 * @param {number} runs
 */
async function fill(duckdive, job, runs) {
  const inputs = Array(1_000).fill({ tenant: "noisy", asked: 0 });
  for (let asked = 0; asked < runs; asked += inputs.length) await duckdive.enqueueMany(job, inputs);
}
