// Reads all that the page of one run shows: the run, why it is where it is, what it has done, and its family.
//
// Everything passes `shown` here. Children are read a hundred at a time, and theirs in one read for all of them.
//
// Before this file comes an id. After it comes the page.
import type { RunRecord } from "../../job/index.js";
import { ganttOf } from "../gantt.js";
import type { Served } from "../served.js";
import type { Shown } from "../shown.js";
import type { RunFacts } from "./run.js";

const mostChildren = 100;

/** Undefined: there is no such run. */
export async function readRun(
  duckdive: Served,
  shown: Shown,
  id: string,
  now: Date,
): Promise<RunFacts | undefined> {
  const found = await duckdive.get(id);
  if (found === undefined) return undefined;
  const { job } = found;
  const [timeline, steps, sentences, family, jobs] = await Promise.all([
    duckdive.timeline(id),
    duckdive.steps(id),
    duckdive.explain(id),
    duckdive.list({ parent: id }, { limit: mostChildren }),
    duckdive.jobs(),
  ]);
  const children = family.runs.map(shown.run).toReversed();
  const below = await grandchildren(duckdive, shown, children);
  const run = shown.run(found);
  const shownSteps = shown.steps(job, steps);
  return {
    run,
    attempts: jobs.find(({ name }) => name === job)?.attempts,
    sentences: sentences.map((sentence) => String(shown.value(job, "explanation", sentence))),
    timeline: shown.timeline(job, timeline),
    steps: shownSteps,
    children: children.map((child) => ({ run: child, children: below.get(child.id) ?? [] })),
    moreChildren: family.cursor !== undefined,
    gantt: ganttOf(run, { events: timeline.events, steps: shownSteps, children, now: now.getTime() }),
  };
}

async function grandchildren(
  duckdive: Served,
  shown: Shown,
  children: readonly RunRecord[],
): Promise<ReadonlyMap<string, RunRecord[]>> {
  const below = new Map<string, RunRecord[]>();
  if (children.length === 0) return below;
  const { runs } = await duckdive.list({ parent: children.map(({ id }) => id) }, { limit: mostChildren });
  for (const run of runs.map(shown.run).toReversed()) {
    const parent = run.parent ?? "";
    below.set(parent, [...(below.get(parent) ?? []), run]);
  }
  return below;
}
