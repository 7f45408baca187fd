// The floor of the drain: claim and settle through the store's verbs, with no loop, handler or record around them.
import { costs, fill, outcomeOf, profile, start } from "../measure.mjs";
import { serverTimeOf, withDatabase } from "../server.mjs";

export const name = "postgres.drain.store";
export const unit = "runs/s";
export const note = "store verbs alone, two callers, 1,000 runs a claim, history kept";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const runs = quick ? 10_000 : 100_000;
  return withDatabase(async (url) => {
    await fill(url, runs);
    const [{ milliseconds, cpu }, servers] = await serverTimeOf(() =>
      outcomeOf(start("store", [url, runs, 1_000], profile())),
    );
    return { value: runs / (milliseconds / 1000), also: costs(cpu, servers, runs) };
  });
}
