// The runs that a worker's process executes, and how those before them ended: for the lines about its start and its end.
//
// Before this file come the events of runs. After it come the lines.
import type { Session } from "./session.js";
import { count, many } from "./words.js";

/** By the ids of the runs. */
export type Underway = ReadonlyMap<string, { readonly job: string; readonly run: string }>;

/** How many runs are named in a line. */
const mostShown = 5;

/** The runs whose handlers are being executed here. */
export function followRuns({ duckdive }: Session): Underway {
  const underway = new Map<string, { job: string; run: string }>();
  duckdive.on("started", ({ run, job }) => underway.set(run, { run, job }));
  const ends = [
    "succeeded",
    "retrying",
    "failed",
    "cancelled",
    "snoozed",
    "handedBack",
    "parked",
    "refused",
  ] as const;
  for (const event of ends) duckdive.on(event, ({ run }) => underway.delete(run));
  return underway;
}

/** Some of them, by job and id. */
export function shownRuns(underway: Underway): string {
  return firstOf(
    [...underway.values()].map(({ job, run }) => `${job} ${run}`),
    mostShown,
  );
}

/** Some of a list, and how many more there are. */
export function firstOf(names: readonly string[], number: number): string {
  const rest = names.length - number;
  return rest <= 0 ? names.join(", ") : `${names.slice(0, number).join(", ")} and ${count(rest)} more`;
}

/** How executions ended, in words. */
export function countEnds({ duckdive }: Session): () => string {
  const words = {
    succeeded: "succeeded",
    failed: "failed for good",
    retrying: "to be tried again",
    cancelled: "cancelled",
    handedBack: "handed back",
  };
  const counts = new Map<string, number>();
  for (const event of ["succeeded", "failed", "retrying", "cancelled", "handedBack"] as const)
    duckdive.on(event, () => counts.set(event, (counts.get(event) ?? 0) + 1));
  return () => {
    const parts = Object.entries(words).flatMap(([event, word]) => {
      const number = counts.get(event);
      return number === undefined ? [] : [`${many(number, "run")} ${word}`];
    });
    return parts.length === 0 ? "no run had ended here" : parts.join(", ");
  };
}
