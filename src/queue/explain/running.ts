// It is running: where, since when, and whether that worker still shows life.
import { formatDuration } from "../../kernel/index.js";
import type { Facts } from "./facts.js";
import { at, ofAll, since } from "./words.js";

/** A worker beats every ten seconds; after this it is late, in milliseconds. */
const late = 20_000;

export function explainRunning(facts: Facts): string {
  const { run, now, workers } = facts;
  const worker = workers.find(({ id }) => id === run.worker);
  const started =
    run.startedAt === undefined ? "" : ` since ${at(run.startedAt)} (${formatDuration(now - run.startedAt)})`;
  const attempt = `attempt ${ofAll(run.attempt, facts)}`;
  if (worker === undefined) {
    return (
      `It is running${started}, ${attempt}, on worker ${run.worker ?? "unknown"}, which is not registered any more: ` +
      "another worker gives it back within moments."
    );
  }
  const isLate = now - worker.heartbeatAt > late;
  return (
    `It is running${started}, ${attempt}, on worker ${worker.id} (process ${worker.pid} on ${worker.host}, ` +
    `which showed life ${since(worker.heartbeatAt, now)}).` +
    (isLate ? " That is late: when it is found dead another worker gives the run back." : "")
  );
}
