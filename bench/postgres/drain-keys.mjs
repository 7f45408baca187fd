// How many runs a second one worker process completes of which one an account may run at a time, with 10,000 accounts.
import { drainKeys } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.drain.keys";
export const unit = "runs/s";
const slots = 2_000;
export const note = `a limit of one for each of 10,000 keys, one worker process, ${slots} slots, history kept`;

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  // Each in a database of its own: what the first leaves behind would slow the second.
  return withDatabase((one) =>
    withDatabase((other) => {
      const urls = [one, other];
      return drainKeys(async () => urls.shift() ?? other, quick ? 20_000 : 100_000, slots);
    }),
  );
}
