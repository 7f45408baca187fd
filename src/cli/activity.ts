// What jobs did lately, from the runs that ended. Pure.
//
// Before this file comes a list of ended runs. After it comes `stats`.
import type { RunRecord } from "../job/index.js";

export interface JobActivity {
  readonly job: string;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Of the last executions of those that succeeded, in milliseconds. */
  readonly median: number | undefined;
  readonly slowest: number | undefined;
}

export interface Activity {
  /** Most active first. */
  readonly jobs: readonly JobActivity[];
  /** How many ended in the last minute. */
  readonly lastMinute: number;
  /** False: more ended than were looked at. */
  readonly complete: boolean;
}

const hour = 3_600_000;
const minute = 60_000;

/** @param most how many runs were looked at before it was enough */
export function activityOf(ended: readonly RunRecord[], now: number, most: number): Activity {
  const recent = ended.filter(
    ({ finishedAt }) => finishedAt !== undefined && now - finishedAt.getTime() < hour,
  );
  const names = [...new Set(recent.map(({ job }) => job))];
  const jobs = names.map((job) =>
    activityOfJob(
      job,
      recent.filter((run) => run.job === job),
    ),
  );
  return {
    jobs: jobs.sort((one, other) => total(other) - total(one) || (one.job < other.job ? -1 : 1)),
    lastMinute: recent.filter(({ finishedAt }) => now - (finishedAt?.getTime() ?? 0) < minute).length,
    complete: ended.length < most,
  };
}

function total({ succeeded, failed, cancelled }: JobActivity): number {
  return succeeded + failed + cancelled;
}

function activityOfJob(job: string, runs: readonly RunRecord[]): JobActivity {
  const times = runs
    .flatMap(({ state, startedAt, finishedAt }) =>
      state !== "succeeded" || startedAt === undefined || finishedAt === undefined
        ? []
        : [finishedAt.getTime() - startedAt.getTime()],
    )
    .sort((one, other) => one - other);
  const how = (state: RunRecord["state"]): number => runs.filter((run) => run.state === state).length;
  return {
    job,
    succeeded: how("succeeded"),
    failed: how("failed"),
    cancelled: how("cancelled"),
    median: times[Math.floor((times.length - 1) / 2)],
    slowest: times.at(-1),
  };
}
