// 64 callers, each awaiting its own durable enqueue before it asks for the next: all together, a second.
import { answerOf, profile, start } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "postgres.enqueue64";
export const unit = "runs/s";
export const note = "100-byte input, 64 callers, single enqueues, each durable before it resolves";

/** @param {import("../run.mjs").Options} options */
export function run({ quick }) {
  const each = quick ? 200 : 1_500;
  return withDatabase(async (url) => {
    const { rate, p50, p99, cpu } = await answerOf(start("load", ["enqueue64", url, each], profile()));
    return {
      value: rate,
      also: {
        p50: { value: p50, unit: "ms" },
        p99: { value: p99, unit: "ms" },
        cpu: { value: cpu / (64 * each), unit: "µs/run" },
      },
    };
  });
}
