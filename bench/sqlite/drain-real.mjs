// The same drain with work that looks like work: an input of 2 kB, checked by zod, and a handler that waits 1 ms.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { answerOf, real, realInput, start } from "../measure.mjs";

export const name = "sqlite.drain.real";
export const unit = "runs/s";
const slots = 1_000;
export const note = `2 kB input, zod, 1 ms in the handler, one worker process, ${slots} slots, synchronous=FULL`;

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const runs = quick ? 5_000 : 50_000;
  const store = `sqlite:${join(folder, "bench.db")}`;
  const duckdive = open(store);
  const inputs = Array.from({ length: 1_000 }, () => realInput);
  for (let asked = 0; asked < runs; asked += inputs.length) await duckdive.enqueueMany(real, inputs);
  await duckdive.close();
  const { milliseconds } = await answerOf(start("drain", [store, runs, slots]));
  return runs / (milliseconds / 1000);
}
