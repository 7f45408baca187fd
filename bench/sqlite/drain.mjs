// How many no-op runs a second one worker process completes, synchronous=FULL, history kept, through the public API.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { answerOf, nothing, profile, start } from "../measure.mjs";

export const name = "sqlite.drain";
export const unit = "runs/s";
const slots = 1_000;
export const note = `one worker process, ${slots} slots, synchronous=FULL, history kept`;

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const runs = quick ? 20_000 : 150_000;
  const store = `sqlite:${join(folder, "bench.db")}`;
  const duckdive = open(store);
  const inputs = Array.from({ length: 5_000 }, () => undefined);
  for (let asked = 0; asked < runs; asked += inputs.length) await duckdive.enqueueMany(nothing, inputs);
  await duckdive.close();
  const { milliseconds } = await answerOf(start("drain", [store, runs, slots], profile()));
  return runs / (milliseconds / 1000);
}
