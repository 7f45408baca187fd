// Too much for a while, and then less than is possible: how long runs wait meanwhile, and how soon they wait as before.
//
// One worker process whose handlers wait 20 ms in 20 slots, so the capacity is known and measured first. Runs are asked for
// by the clock, whatever becomes of those before: half the capacity, twice that much, and half of it until the queue is
// empty and has been for a while. The ideal is arithmetic: what was left over, at the capacity that is not asked for.
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { job, open } from "./duckdive.mjs";
import { answerOf, end, percentile, start } from "./measure.mjs";

const slots = 20;
const milliseconds = 20;
const paced = job({ name: "paced", input: z.object({ asked: z.number() }), handle: () => {} });

export const unit = "s";
export const note =
  `one worker process, ${slots} slots, handlers that wait ${milliseconds} ms; from the end of 20 s of twice the capacity, with half of it ` +
  "asked for, until half of those that begin have waited no longer than before; .ideal: by arithmetic; .curve: the median wait of those that begin then";

/**
 * @param {string} store
 * @param {boolean} quick
 */
export async function overload(store, quick) {
  const [calm, much] = quick ? [0.5, 1] : [5, 20];
  const duckdive = open(store);
  await duckdive.ready();
  const worker = start("paced", [store, slots, milliseconds]);
  let begun = 0;
  worker.on("message", (/** @type {{ begun: number | number[] }} */ message) => {
    if (typeof message.begun === "number") begun = message.begun;
  });
  await answerOf(worker);
  const offer = offerTo(duckdive);
  const capacity = await capacityOf(offer, quick ? 0.5 : 3, () => begun);
  const before = await offer(capacity / 2, (since) => since < calm);
  const burst = await offer(capacity * 2, (since) => since < much);
  const left = offer.asked() - begun;
  // What the worker tells is a twentieth of a second old.
  const isFull = (/** @type {number} */ since) =>
    offer.asked() - begun > slots + capacity / 10 && since < 6 * much;
  const relief = await offer(capacity / 2, isFull);
  const after = await offer(capacity / 2, (since) => since < calm);
  const runs = await waitsOf(worker);
  await end(worker);
  await duckdive.close();
  const step = quick ? 0.125 : 2.5;
  return figuresOf(runs, { before, burst, relief, after, ideal: left / (capacity / 2), capacity, step });
}

/** @param {import("../dist/index.js").Duckdive} duckdive */
function offerTo(duckdive) {
  let all = 0;
  /**
   * Asks for so many runs a second while something holds; gives the time when it began.
   * @param {number} rate
   * @param {(seconds: number) => boolean} holds
   */
  const offer = async (rate, holds) => {
    const began = now();
    let mine = 0;
    for (let since = 0; holds(since); since = (now() - began) / 1000) {
      const due = Math.floor(since * rate) - mine;
      const input = { asked: now() };
      if (due > 0) await duckdive.enqueueMany(paced, Array(due).fill(input));
      mine += due;
      all += due;
      await wait(10);
    }
    return began;
  };
  return Object.assign(offer, {
    asked: () => all,
    /** @param {number} runs */
    async atOnce(runs) {
      all += runs;
      await duckdive.enqueueMany(paced, Array(runs).fill({ asked: now() }));
    },
  });
}

/**
 * What the worker really does a second: handlers that wait 20 ms take a little longer.
 * @param {ReturnType<typeof offerTo>} offer
 * @param {number} seconds
 * @param {() => number} begun
 */
async function capacityOf(offer, seconds, begun) {
  const runs = Math.ceil((slots / milliseconds) * 1000 * seconds);
  await offer.atOnce(runs);
  const began = now();
  while (begun() < runs) await wait(5);
  return runs / ((now() - began) / 1000);
}

/** @param {import("node:child_process").ChildProcess} worker */
async function waitsOf(worker) {
  worker.send("waits");
  for (;;) {
    /** @type {{ begun: number | number[], asked: number[] }} */
    const { begun, asked } = await answerOf(worker);
    if (Array.isArray(begun)) return begun.map((at, place) => ({ at, waited: at - (asked[place] ?? at) }));
  }
}

/**
 * @param {{ at: number, waited: number }[]} runs
 * @param {Record<"before" | "burst" | "relief" | "after" | "ideal" | "capacity" | "step", number>} phases
 */
function figuresOf(runs, { before, burst, relief, after, ideal, capacity, step }) {
  const between = (/** @type {number} */ from, /** @type {number} */ to) =>
    percentile(
      runs.filter(({ at }) => at >= from && at < to).map(({ waited }) => waited),
      0.5,
    );
  const usual = between(before, burst);
  let normal = relief;
  while (between(normal, normal + 250) > Math.max(2 * usual, usual + 10)) normal += 250;
  const slices = Math.floor(((runs.at(-1)?.at ?? before) - before) / 1000 / step);
  const curve = Array.from({ length: slices }, (_, place) => {
    const from = before + place * step * 1000;
    return [`curve.${place + 1}`, { at: place * step, value: between(from, from + step * 1000), unit: "ms" }];
  });
  return {
    value: (normal - relief) / 1000,
    also: {
      ideal: { value: ideal, unit: "s" },
      capacity: { value: capacity, unit: "runs/s" },
      before: { value: usual, unit: "ms" },
      peak: {
        value: Math.max(...runs.filter(({ at }) => at >= before).map(({ waited }) => waited)),
        unit: "ms",
      },
      after: { value: between(after, Number.POSITIVE_INFINITY), unit: "ms" },
      ...Object.fromEntries(curve),
    },
  };
}

const now = () => performance.timeOrigin + performance.now();
