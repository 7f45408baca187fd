// From `kill -9` of a worker to the moment when another one begins its run again.
import { join } from "node:path";
import { open } from "../duckdive.mjs";
import { answerOf, end, nothing, start } from "../measure.mjs";

export const name = "sqlite.rescue";
export const unit = "ms";
export const note = "kill -9 to the next execution, another worker on the same host";

/** @param {import("../run.mjs").Options} options */
export async function run({ folder }) {
  const store = `sqlite:${join(folder, "bench.db")}`;
  const duckdive = open(store);
  await duckdive.ready();
  const victim = start("work", [store, "hang"]);
  await answerOf(victim);
  const begun = answerOf(victim);
  await duckdive.enqueue(nothing);
  await begun;
  const other = start("work", [store]);
  await answerOf(other);
  const again = answerOf(other);
  const killed = performance.timeOrigin + performance.now();
  victim.kill("SIGKILL");
  const { exactly } = await again;
  await end(other);
  await duckdive.close();
  return exactly - killed;
}
