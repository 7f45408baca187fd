// What both stores need to know of schedules, so that they agree on it.
//
// During a rolling deploy two releases say different things of one schedule. Which of them is newer is told by what a
// schedule was before: a definition that it never had replaces the one it has, and one that it had before waits until no
// live worker has the present one. Definitions are remembered by a digest.
//
// Before this file comes the contract. After it come the stores.
import { createHash } from "node:crypto";
import type { NewSchedule } from "./contract.js";

/** Ticks that are kept of a schedule. */
export const ticksKept = 500;
/** Earlier definitions that are remembered. */
export const formerKept = 20;
/** A schedule that comes back within this time was away, and one that comes back later begins anew, in milliseconds. */
export const awayAtMost = 86_400_000;

/** Tells one definition from another. */
export function digestOf({ job, times, policy }: Pick<NewSchedule, "job" | "times" | "policy">): string {
  return createHash("sha256").update(`${job}\0${times}\0${policy}`).digest("hex").slice(0, 16);
}
