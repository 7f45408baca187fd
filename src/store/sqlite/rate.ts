// The arithmetic of rates: when the next run may start.
//
// Of a rate one number is kept, the time at which the next start would be due if all of them came evenly. A start moves
// it on by one interval; who comes before it by more than the burst allows is too early. Nothing here acts.
import type { Gate } from "../contract.js";

/** How a rate stands. */
export interface Arrival {
  /** When the next start would be due. */
  readonly arrival: number;
  /** Nobody starts before, whatever the arithmetic says. */
  readonly heldUntil: number;
}

function intervalOf({ per = 0, limit }: Gate): number {
  return per / limit;
}

/**
 * Times have a fraction, and are rounded at every step: a start may be early by so little, in milliseconds. Clocks tell
 * whole ones, so no window has one more by that.
 */
function slackOf(rate: Gate): number {
  return Math.min(0.05, intervalOf(rate) / 10);
}

/** How many may start now, one after another. */
export function mayStart(rate: Gate, { arrival, heldUntil }: Arrival, now: number): number {
  if (now < heldUntil) return 0;
  const { burst = 1 } = rate;
  const early = arrival - now - slackOf(rate);
  if (early <= 0) return burst;
  return Math.max(0, Math.floor(burst - early / intervalOf(rate)));
}

/** Its arrival after one more start. */
export function afterStart(rate: Gate, { arrival }: Pick<Arrival, "arrival">, now: number): number {
  return Math.max(arrival, now) + intervalOf(rate);
}

/** When one more may start while so many were let in that have not; undefined: not before one of those has. */
export function opensAt(rate: Gate, { arrival, heldUntil }: Arrival, promised: number): number | undefined {
  const { burst = 1 } = rate;
  if (promised >= burst) return undefined;
  return Math.max(heldUntil, Math.ceil(arrival - (burst - 1 - promised) * intervalOf(rate) - slackOf(rate)));
}
