// Circles: runs that come after each other, of which none could ever start.
//
// They can only come about through ids that were given, among runs that are asked for together: a run that is there already
// comes after none that is new. So they are looked for before anything is written, and nowhere else.
//
// Before this file comes the enqueue of many. After it comes the store, which looks for no circles.
import type { NewRun } from "../store/contract.js";
import { CycleError } from "./errors.js";

/** Refuses runs that come after each other in a circle. @throws CycleError */
export function refuseCycles(runs: readonly NewRun[]): void {
  if (!runs.some(({ after }) => after !== undefined)) return;
  const stuck = stuckAmong(new Map(runs.map((run) => [run.id, run])));
  const [first] = stuck.values();
  if (first !== undefined) throw new CycleError(circleFrom(first, stuck));
}

/** Those that could never start: what is left when whoever waits for nobody in here is taken out, again and again. */
function stuckAmong(runs: ReadonlyMap<string, NewRun>): Map<string, NewRun> {
  const left = new Map(runs);
  const open = new Map<string, number>();
  const followers = new Map<string, string[]>();
  for (const { id, after = [] } of runs.values()) {
    const needs = new Set(after.filter((need) => runs.has(need)));
    open.set(id, needs.size);
    for (const need of needs) {
      const known = followers.get(need);
      if (known === undefined) followers.set(need, [id]);
      else known.push(id);
    }
  }
  const free = [...open].filter(([, number]) => number === 0).map(([id]) => id);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    left.delete(id);
    for (const follower of followers.get(id) ?? []) {
      const number = (open.get(follower) ?? 0) - 1;
      open.set(follower, number);
      if (number === 0) free.push(follower);
    }
  }
  return left;
}

/** A circle, in the order in which one comes after the other. Everybody in here comes after somebody in here. */
function circleFrom(first: NewRun, stuck: ReadonlyMap<string, NewRun>): NewRun[] {
  const path: NewRun[] = [];
  const places = new Map<string, number>();
  let run: NewRun | undefined = first;
  while (run !== undefined && !places.has(run.id)) {
    places.set(run.id, path.length);
    path.push(run);
    const need: string | undefined = run.after?.find((id) => stuck.has(id));
    run = need === undefined ? undefined : stuck.get(need);
  }
  return path.slice(places.get(run?.id ?? first.id));
}
