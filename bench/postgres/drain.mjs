// How many no-op runs a second one worker process completes, history kept, through the public API.
import { answerOf, fill, profile, start } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.drain";
export const unit = "runs/s";
const slots = 2_000;
export const note = `100-byte input, one worker process, ${slots} slots, history kept`;

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const runs = quick ? 20_000 : 100_000;
  return withDatabase(async (url) => {
    await fill(url, runs);
    const { milliseconds, cpu } = await answerOf(start("drain", [url, runs, slots], profile()));
    return { value: runs / (milliseconds / 1000), also: { cpu: { value: cpu / runs, unit: "µs/run" } } };
  });
}
