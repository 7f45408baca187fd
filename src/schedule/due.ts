// What is to be done about a schedule that is due: for which ticks a run is made, and which were missed. Pure.
//
// Usually there is one tick, and it is now. When nobody was there for a while there are several, or one that is late, and
// then the schedule's `missed` decides. How much later than its tick a run starts follows from the tick itself, so that
// everybody who computes it gets the same.
//
// Before this file comes the calendar. After it comes the service.
import type { Calendar } from "./calendar.js";

export type Missed = "skip" | "once" | { readonly all: number };

export interface DueTicks {
  /** Those for which a run is made, in order. */
  readonly made: readonly number[];
  /** Those for which none is, all of them before the others. */
  readonly missed: { readonly at: number; readonly until: number; readonly count: number } | undefined;
  /** The tick after now; undefined: there is none. */
  readonly next: number | undefined;
}

/** A tick that is done so much later is not called missed, in milliseconds: longer than a worker needs to be restarted. */
const grace = 60_000;
/** Missed ticks are counted so far and no further: to count those of a year of seconds would take minutes. */
export const mostCounted = 1_000;

/** What is to be done at `now` about the ticks since `from`, the first that nobody has recorded. */
export function dueTicks(calendar: Calendar, from: number, now: number, missed: Missed): DueTicks {
  const latest = calendar.latest(from, now, missed === "skip" || missed === "once" ? 1 : missed.all);
  const made = missed === "skip" ? latest.filter((tick) => now - tick <= grace) : latest;
  const [first] = made;
  const [until] = calendar.latest(from, (first ?? now + 1) - 1, 1);
  return {
    made,
    missed:
      until === undefined ? undefined : { at: from, until, count: calendar.count(from, until, mostCounted) },
    next: calendar.next(now),
  };
}

/** How much later than its tick a run starts: below `jitter`, and before the next tick. */
export function delayOf(id: string, jitter: number, untilNext: number): number {
  const share = Number.parseInt(id.slice(-12), 16) / 16 ** 12;
  return Math.floor(share * Math.min(jitter, untilNext));
}
