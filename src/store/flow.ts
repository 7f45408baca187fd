// What every store says of dependencies and batches, whichever way it finds them out.
//
// Before this file come the stores. After it come errors as data and the counts of the contract.
import type { StoredError } from "../job/index.js";
import type { StoredBatch } from "./contract.js";

/** How the end of a run reads to one that came after it. */
const ends = {
  failed: "failed",
  cancelled: "was cancelled",
  removed: "was removed before it had ended",
} as const;

/** Why a run ended that came after one that did not succeed. */
export function forsakenBy(run: string, how: keyof typeof ends): StoredError {
  return {
    name: "DependencyError",
    code: "DEPENDENCY",
    message: `run ${run}, after which it was to come, ${ends[how]}`,
    data: { run },
  };
}

/** The input of a batch's callback, as JSON. */
export function summaryText(
  batch: Pick<StoredBatch, "id" | "name" | "total" | "succeeded" | "failed" | "cancelled">,
): string {
  const { id, name, total, succeeded, failed, cancelled } = batch;
  return JSON.stringify({ batchId: id, name, total, succeeded, failed, cancelled });
}

/** What a batch is to the one that it is counted in. */
export function standingOf(
  batch: Pick<StoredBatch, "total" | "succeeded" | "failed" | "cancelled">,
): "open" | "succeeded" | "failed" | "cancelled" {
  const { total, succeeded, failed, cancelled } = batch;
  if (succeeded + failed + cancelled < total) return "open";
  if (failed > 0) return "failed";
  return cancelled > 0 ? "cancelled" : "succeeded";
}
