/**
 * Who made the difference: which steps, or code outside of steps, must be made idempotent.
 *
 * A trial repeats more than one thing: whatever its process was in the middle of. So each body that was repeated in a
 * trial with a difference is repeated once more by itself, in a world where nothing else goes wrong; what differs there
 * is its own doing. What differs in a trial in which no body was repeated is the doing of code outside of steps, which
 * every execution runs again.
 *
 * Before this file come the trials. After it comes the report.
 */
import { keyOf, type Place } from "./bodies.js";
import type { Difference } from "./difference.js";
import type { Fault, Plan } from "./script.js";

/** A trial, and what was other in it. */
export interface Trial extends Plan {
  readonly differences: readonly Difference[];
  /** How the run ended, where it ended in another way. */
  readonly end: string | undefined;
  /** What ran more often than it does when nothing goes wrong. */
  readonly repeated: readonly Place[];
}

export interface Blame {
  readonly place: Place;
  readonly trial: Trial;
  readonly difference: Difference;
}

/** What a place does by itself when it is repeated. */
type Effects = ReadonlyMap<string, { readonly place: Place; readonly differences: readonly Difference[] }>;

/** Bodies that may have made a difference: each is to be repeated by itself. */
export function suspectsIn(trials: readonly Trial[]): Place[] {
  const suspects = new Map<string, Place>();
  for (const { differences, repeated } of trials) {
    if (differences.length === 0) continue;
    for (const place of repeated) if (!isHandler(place)) suspects.set(keyOf(place), place);
  }
  return [...suspects.values()];
}

/** Whether handlers of several jobs were repeated, and something is other: the trial is to be made with each job apart. */
export function isMixed({ differences, repeated, end }: Trial): boolean {
  return end === undefined && differences.length > 0 && repeated.filter(isHandler).length > 1;
}

/** Every difference of every trial, with who made it. `evidence`: trials that show what code outside of steps does. */
export function blamesIn(trials: readonly Trial[], effects: Effects, evidence: readonly Trial[]): Blame[] {
  const outside = outsideOf(evidence, effects);
  return trials.flatMap((trial) =>
    // Where the run ended otherwise, the rest follows from that.
    trial.end === undefined
      ? trial.differences.flatMap((difference) =>
          makersOf(trial, difference, effects, outside).map((place) => ({ place, trial, difference })),
        )
      : [],
  );
}

/** What code outside of steps does when it is repeated: seen where one job only was executed again. */
function outsideOf(trials: readonly Trial[], effects: Effects): Effects {
  const found = new Map<string, { place: Place; differences: Difference[] }>();
  for (const trial of trials) {
    const [place, other] = trial.repeated.filter(isHandler);
    if (place === undefined || other !== undefined || trial.end !== undefined) continue;
    const known = found.get(keyOf(place)) ?? { place, differences: [] };
    known.differences.push(...unexplained(trial, effects));
    found.set(keyOf(place), known);
  }
  return found;
}

/** What no body did that was repeated as well. One that came too late may have done anything. */
function unexplained({ differences, repeated, fault }: Trial, effects: Effects): readonly Difference[] {
  const bodies = repeated.filter((place) => !isHandler(place));
  if (bodies.length === 0) return differences;
  if (!isCrash(fault)) return [];
  const own = bodies.flatMap((place) => effects.get(keyOf(place))?.differences ?? []);
  return differences.filter((difference) => !own.some((one) => isSamePlace(one, difference)));
}

function isHandler({ kind }: Place): boolean {
  return kind === "handler";
}

function isCrash(fault: Fault): boolean {
  return fault === "crashBefore" || fault === "crashAfter";
}

function makersOf(
  trial: Trial,
  difference: Difference,
  effects: Effects,
  outside: Effects,
): readonly Place[] {
  const isHere = ({ place }: { readonly place: Place }): boolean =>
    trial.repeated.some((one) => keyOf(one) === keyOf(place));
  const bodies = [...effects.values()].filter(isHere);
  const handlers = [...outside.values()].filter(isHere);
  for (const isSame of [isSameThing, isSamePlace]) {
    const by = (one: { readonly differences: readonly Difference[] }): boolean =>
      one.differences.some((own) => isSame(own, difference));
    const makers = [...bodies, ...handlers].filter(by);
    if (makers.length > 0) return makers.map(({ place }) => place);
  }
  const code = trial.repeated.filter(isHandler);
  const late = trial.repeated.filter((place) => !isHandler(place));
  // A body that does no harm when it is repeated at once may do some when it comes too late.
  if (late.length > 0 && !isCrash(trial.fault)) return late;
  return code.length > 0 ? code : late;
}

function isSameThing(one: Difference, other: Difference): boolean {
  return one.mark === other.mark;
}

function isSamePlace(one: Difference, other: Difference): boolean {
  return one.where === other.where;
}
