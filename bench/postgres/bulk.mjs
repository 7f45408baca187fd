// Many runs in one call: 1,000 a commit, one call after another.
import { costs, outcomeOf, profile, start } from "../measure.mjs";
import { serverTimeOf, withDatabase } from "../server.mjs";

export const name = "postgres.bulk";
export const unit = "runs/s";
export const note = "100-byte input, 1,000 a call, one call after another";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const runs = quick ? 10_000 : 100_000;
  return withDatabase(async (url) => {
    const [{ rate, cpu }, servers] = await serverTimeOf(() =>
      outcomeOf(start("load", ["bulk", url, runs], profile())),
    );
    return { value: rate, also: costs(cpu, servers, runs) };
  });
}
