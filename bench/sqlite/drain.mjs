// How many no-op runs a second one worker process completes, synchronous=FULL, history kept, through the public API.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { costs, nothing, outcomeOf, profile, start } from "../measure.mjs";

export const name = "sqlite.drain";
export const unit = "runs/s";
const slots = 1_000;
export const note = `one worker process, ${slots} slots, synchronous=FULL, history kept`;

/** @param {import("../run.mjs").Options} options */
export function run(options) {
  return drain(options, start);
}

/**
 * @param {import("../run.mjs").Options} options
 * @param {typeof start} begin how the worker's process is started
 */
export async function drain({ quick, folder }, begin) {
  const runs = quick ? 20_000 : 150_000;
  const store = `sqlite:${join(folder, "bench.db")}`;
  const duckdive = open(store);
  const inputs = Array.from({ length: 5_000 }, () => undefined);
  for (let asked = 0; asked < runs; asked += inputs.length) await duckdive.enqueueMany(nothing, inputs);
  await duckdive.close();
  const { milliseconds, cpu } = await outcomeOf(begin("drain", [store, runs, slots], profile()));
  return { value: runs / (milliseconds / 1000), also: costs(cpu, undefined, runs) };
}
