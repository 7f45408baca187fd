// Several worker processes on one store, each of which has the same slots: from the moment when all are told to begin until
// the last of the runs is on record as done.
import { answerOf, end, fill, start } from "./measure.mjs";

const slots = 1_000;

export const unit = "runs/s";
export const note = `one worker process, 100-byte input, ${slots} slots each, history kept; .two and .four: so many processes`;

/**
 * The rate with one process, and beside it that with two and with four, each in a place of its own.
 * @param {(use: (store: string) => Promise<number>) => Promise<number>} within
 * @param {boolean} quick
 */
export async function drainTogether(within, quick) {
  const runs = quick ? 10_000 : 100_000;
  const rateWith = (/** @type {number} */ processes) => within((store) => rateOf(store, processes, runs));
  const value = await rateWith(1);
  const two = { value: await rateWith(2), unit };
  const four = { value: await rateWith(4), unit };
  return { value, also: { two, four } };
}

/**
 * @param {string} store
 * @param {number} processes
 * @param {number} runs
 */
async function rateOf(store, processes, runs) {
  await fill(store, runs);
  const workers = Array.from({ length: processes }, () => start("together", [store, slots]));
  await Promise.all(workers.map(answerOf));
  const ended = workers.map(() => 0);
  const done = new Promise((resolve) => {
    for (const [place, worker] of workers.entries()) {
      worker.on("message", (/** @type {{ ended?: number }} */ message) => {
        ended[place] = message.ended ?? 0;
        if (ended.reduce((sum, one) => sum + one, 0) === runs) resolve(undefined);
      });
    }
  });
  const began = performance.now();
  for (const worker of workers) worker.send("go");
  await done;
  const seconds = (performance.now() - began) / 1000;
  await Promise.all(workers.map(end));
  return runs / seconds;
}
