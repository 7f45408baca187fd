// 64 callers, each awaiting its own durable enqueue before it asks for the next: all together, a second.
import { costs, outcomeOf, profile, start } from "../measure.mjs";
import { serverTimeOf, withDatabase } from "../server.mjs";

export const name = "postgres.enqueue64";
export const unit = "runs/s";
export const note = "100-byte input, 64 callers, single enqueues, each durable before it resolves";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const each = quick ? 100 : 1_500;
  return withDatabase(async (url) => {
    const [{ rate, p50, p99, cpu }, servers] = await serverTimeOf(() =>
      outcomeOf(start("load", ["enqueue64", url, each], profile())),
    );
    return {
      value: rate,
      also: {
        p50: { value: p50, unit: "ms" },
        p99: { value: p99, unit: "ms" },
        ...costs(cpu, servers, 64 * each),
      },
    };
  });
}
