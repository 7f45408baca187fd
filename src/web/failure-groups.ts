// Failures, grouped by job and error: what people see as one thing that is broken, with what came last of it. Pure.
//
// Messages differ by the thing they are about, so the group is the error's name, or where that is "Error" its code, and the last
// message stands for all of them.
//
// Before this file come runs that have failed. After it come the sentences and the page of failures.
import type { RunRecord } from "../job/index.js";

export interface FailureGroup {
  readonly job: string;
  /** The name of the error, or where that says nothing its code; of a run that has none the reason. */
  readonly error: string;
  /** Of the last one. */
  readonly message: string;
  readonly runs: number;
  readonly last: Date;
  /** How many failed in each of so many equal parts of the time, oldest first. */
  readonly when: readonly number[];
}

/** The group with most runs first. Runs that failed before the time are left out. */
export function groupFailures(
  runs: readonly RunRecord[],
  between: { readonly since: Date; readonly until: Date; readonly parts: number },
): FailureGroup[] {
  const { since, until, parts } = between;
  const span = Math.max(1, until.getTime() - since.getTime());
  const groups = new Map<
    string,
    { -readonly [Field in keyof FailureGroup]: FailureGroup[Field] } & { when: number[] }
  >();
  for (const run of runs) {
    const at = run.finishedAt ?? run.requestedAt;
    if (at < since) continue;
    const error = errorName(run);
    const key = JSON.stringify([run.job, error]);
    const group = groups.get(key) ?? {
      job: run.job,
      error,
      message: "",
      runs: 0,
      last: new Date(0),
      when: Array.from({ length: parts }, () => 0),
    };
    groups.set(key, group);
    group.runs += 1;
    if (at >= group.last) {
      group.last = at;
      group.message = run.error?.message ?? "";
    }
    const place = Math.min(parts - 1, Math.floor(((at.getTime() - since.getTime()) / span) * parts));
    group.when[place] = (group.when[place] ?? 0) + 1;
  }
  return [...groups.values()].sort(
    (one, other) => other.runs - one.runs || other.last.getTime() - one.last.getTime(),
  );
}

/** What a failed run is grouped by, and what a filter by `error` finds it with. */
export function errorName({ error, reason }: Pick<RunRecord, "error" | "reason">): string {
  if (error === undefined) return reason ?? "error";
  return error.name === "Error" ? (error.code ?? error.name) : error.name;
}
