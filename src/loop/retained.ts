// Counts suspended executions that cannot be let go, by job.
//
// A suspended handler is left where it stands, and with nothing of ours leading to it the garbage collector takes it. A
// timer, a listener or a socket that it started, and did not register with `ctx.defer`, keeps it and all it holds: once
// for each time that it is suspended. That is seen by what a collection leaves. When there was none, nothing is known;
// so the executions of a minute have a companion, which is let go a minute later. Once that one was taken, so was whatever
// could be.
//
// Before this file comes an execution that is suspended. After it come a worker's report, and the runner, which replaces a
// worker that holds too many.

import type { Clock } from "../kernel/index.js";

/** Executions of so long go together, and are given as long again, in milliseconds. */
const window = 60_000;

export interface Retained {
  /** @param held nothing may lead to it but what the handler has left behind */
  add(job: string, held: object): void;
  /** How many a collection has left for each job; undefined: none. */
  count(): Readonly<Record<string, number>> | undefined;
}

interface Cohort {
  readonly since: number;
  companion: object | undefined;
  left: Map<string, number>;
}

interface Watched {
  readonly cohort: Cohort;
  /** Undefined: the companion. */
  readonly job: string | undefined;
}

export function createRetained({ now }: Pick<Clock, "now">): Retained {
  const proven = new Map<string, number>();
  const waiting = new Set<Cohort>();
  let latest: Cohort | undefined;

  const registry = new FinalizationRegistry<Watched>(({ cohort, job }) => {
    if (job === undefined) prove(cohort);
    else change(cohort.left, job, -1);
  });

  function prove(cohort: Cohort): void {
    for (const [job, number] of cohort.left) change(proven, job, number);
    cohort.left = proven;
  }

  function open(): Cohort {
    const cohort: Cohort = { since: now(), companion: {}, left: new Map() };
    if (cohort.companion !== undefined) registry.register(cohort.companion, { cohort, job: undefined });
    waiting.add(cohort);
    return cohort;
  }

  function letCompanionsGo(): void {
    for (const cohort of waiting) {
      if (now() - cohort.since < 2 * window) continue;
      cohort.companion = undefined;
      waiting.delete(cohort);
      if (latest === cohort) latest = undefined;
    }
  }

  return {
    add(job, held) {
      if (latest === undefined || now() - latest.since >= window) latest = open();
      change(latest.left, job, 1);
      registry.register(held, { cohort: latest, job });
    },
    count() {
      letCompanionsGo();
      return proven.size === 0 ? undefined : Object.fromEntries(proven);
    },
  };
}

function change(counts: Map<string, number>, job: string, by: number): void {
  const number = (counts.get(job) ?? 0) + by;
  if (number === 0) counts.delete(job);
  else counts.set(job, number);
}
