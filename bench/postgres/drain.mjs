// How many no-op runs a second one worker process completes, history kept, through the public API.
import { costs, fill, outcomeOf, profile, start } from "../measure.mjs";
import { serverTimeOf, withDatabase } from "../server.mjs";

export const name = "postgres.drain";
export const unit = "runs/s";
const slots = 2_000;
export const note = `100-byte input, one worker process, ${slots} slots, history kept`;

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const runs = quick ? 10_000 : 100_000;
  return withDatabase(async (url) => {
    await fill(url, runs);
    const [{ milliseconds, cpu }, servers] = await serverTimeOf(() =>
      outcomeOf(start("drain", [url, runs, slots], profile())),
    );
    return { value: runs / (milliseconds / 1000), also: costs(cpu, servers, runs) };
  });
}
