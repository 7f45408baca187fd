// Others are before it: workers have fewer free slots than there are ready runs that they may take.
import type { WorkerRow } from "../../store/contract.js";
import { type Facts, queueOf, type Reason } from "./facts.js";
import { many } from "./words.js";
import { freeSlots, poolOf, takers, workerReasons } from "./workers.js";

export function lineReasons(facts: Facts): Reason[] {
  const { run, queues, isShared } = facts;
  if (run.state !== "ready") return [];
  const able = takers(facts);
  const queue = queueOf(facts);
  // Where nobody would take it anyway its place does not matter; where all slots are taken it does.
  if (able.length === 0 && !workerReasons(facts).some(({ code }) => code === "full")) return [];
  if (able.some((worker) => freeSlots(worker, run.queue, queue) >= contenders(facts, worker))) return [];
  const here = Math.max(0, (queue?.ready ?? 1) - 1);
  const all = Math.max(0, queues.reduce((sum, { ready }) => sum + ready, 0) - 1);
  if (all === 0) return [];
  const others =
    here > 0
      ? `${many(here, "other run")} ${here === 1 ? "is" : "are"} ready in its queue`
      : `${many(all, "other run")} ${all === 1 ? "is" : "are"} ready in other queues that its workers draw from`;
  const order = isShared
    ? "The highest priority goes first, then whose share has had least, then what has been due the longest."
    : "The highest priority goes first, then what has been due the longest.";
  return [
    {
      code: "line",
      text: `${others}, and may be before it. ${order} To let it go first: \`duckdive change ${run.id} --to-priority 10\`.`,
    },
  ];
}

/** Ready runs that share the slots of a worker with this one, itself among them. */
function contenders({ queues, run, paused, now }: Facts, worker: WorkerRow): number {
  const pool = poolOf(worker, run.queue);
  const isPaused = (name: string): boolean =>
    paused.some((target) => "queue" in target && target.queue === name);
  return queues
    .filter(
      ({ name, heldUntil }) => poolOf(worker, name) === pool && !isPaused(name) && (heldUntil ?? 0) <= now,
    )
    .reduce((sum, { ready }) => sum + ready, 0);
}
