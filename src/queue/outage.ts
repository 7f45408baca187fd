// Telling of an outage once.
//
// While a store is away every part of a worker meets it, again and again: the claim, the heartbeat, the upkeep. One line
// says all there is to say, and one in a minute that it is still so. Nothing is held back for good: what is not told here
// is heard by whoever listens to "error".
//
// Before this file come the stores, whose errors say that they pass. After it comes `open`, which logs.
import { isOutage } from "../store/errors.js";

/** No such error for so long: the outage is over, and the next one is another. In milliseconds. */
const over = 15_000;
/** An outage that goes on is told again after so long. */
const again = 60_000;

/** Whether an error is to be told; asked once for each, in their order. */
export function outages(now: () => number): (error: unknown) => boolean {
  let seenAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (!isOutage(error)) return true;
    const at = now();
    const isKnown = at - seenAt < over && at - toldAt < again;
    seenAt = at;
    if (!isKnown) toldAt = at;
    return !isKnown;
  };
}
