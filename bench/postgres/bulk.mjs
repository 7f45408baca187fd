// Many runs in one call: 1,000 a commit, one call after another.
import { answerOf, profile, start } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.bulk";
export const unit = "runs/s";
export const note = "100-byte input, 1,000 a call, one call after another";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const runs = quick ? 20_000 : 100_000;
  return withDatabase(async (url) => {
    const { rate, cpu } = await answerOf(start("load", ["bulk", url, runs], profile()));
    return { value: rate, also: { cpu: { value: cpu / runs, unit: "µs/run" } } };
  });
}
