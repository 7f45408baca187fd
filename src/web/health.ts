// Reads what the sentences of the overview are made of. Every read is bounded and served by an index or a small table.
//
// What is usual changes slowly and is made of a week: it is read once a minute.
//
// Before this file comes the client. After it come the sentences.

import type { QueueState } from "../queue/index.js";
import { groupFailures } from "./failure-groups.js";
import type { HealthFacts, Stuck, Usual } from "./sentences.js";
import type { Served } from "./served.js";
import type { Shown } from "./shown.js";

const minute = 60_000;
const hour = 60 * minute;
const recently = 5_000;
/** No page looks at more failed runs than this; what comes before is found on the page of runs. */
export const mostFailures = 1_000;
/** A run that was asked for less long ago is not called stuck. */
const shortestStuck = "5m";
const mostStuck = 100;

export interface Health {
  /** What the overview says. */
  facts(metrics: HealthFacts["hour"], now: Date): Promise<HealthFacts>;
  usual(now: Date): Promise<Usual>;
  /** Queues as they stood some seconds ago at most, for counts beside a filter: counting a million that wait takes its time. */
  recentQueues(now: Date): Promise<QueueState[]>;
}

export function createHealth(duckdive: Served, shown: Shown): Health {
  const usual = remembered(minute, () => readUsual(duckdive));

  return {
    usual,
    recentQueues: remembered(recently, () => duckdive.queues()),
    async facts(metrics, now) {
      const [queues, workers, departed, failed, stuck, unserved, schedules] = await Promise.all([
        duckdive.queues(),
        duckdive.workers(),
        duckdive.departed({ limit: 100 }),
        failedRuns(duckdive, now, hour),
        readStuck(duckdive, shown, now),
        readUnserved(duckdive),
        duckdive.schedules(),
      ]);
      const since = new Date(now.getTime() - hour);
      return {
        now,
        queues,
        workers,
        departed: departed.filter(({ endedAt }) => endedAt >= since),
        hour: metrics,
        usual: await usual(now),
        groups: groupFailures(failed.map(shown.run), { since, until: now, parts: 30 }),
        stuck,
        unserved,
        schedules,
      };
    },
  };
}

/** Reads at most so often; what could not be read is read again. */
function remembered<T>(milliseconds: number, read: () => Promise<T>): (now: Date) => Promise<T> {
  let known: { readonly at: number; readonly value: Promise<T> } | undefined;
  return (now) => {
    const age = known === undefined ? Number.POSITIVE_INFINITY : now.getTime() - known.at;
    if (known !== undefined && age >= 0 && age <= milliseconds) return known.value;
    const value = read();
    known = { at: now.getTime(), value };
    value.catch(() => {
      known = undefined;
    });
    return value;
  };
}

/** Runs that failed in a time, the newest request first; one that was asked for much earlier may be missing. */
export async function failedRuns(duckdive: Served, now: Date, span: number) {
  const since = new Date(now.getTime() - span);
  const { runs } = await duckdive.list({ state: "failed" }, { limit: mostFailures });
  return runs.filter(({ finishedAt, requestedAt }) => (finishedAt ?? requestedAt) >= since);
}

async function readUsual(duckdive: Served): Promise<Usual> {
  const { points, queues, jobs } = await duckdive.metrics({ since: "7d" });
  // Without the last hour, which is what is compared with it; and from the first hour on in which anything was counted.
  const first = points.findIndex(({ succeeded, failed, retried }) => succeeded + failed + retried > 0);
  const hours = first === -1 ? 0 : Math.max(0, points.length - 2 - first);
  const past = <Point>(all: readonly Point[]) => (hours === 0 ? [] : all.slice(first, -2));
  const perHour = (all: readonly { readonly failed: number }[]) =>
    past(all).reduce((sum, { failed }) => sum + failed, 0) / hours;
  const waits = new Map<string, number>();
  for (const [name, all] of Object.entries(queues)) {
    const known = past(all).flatMap(({ wait }) => (wait === undefined ? [] : [wait.most]));
    const middle = known.toSorted((one, other) => one - other)[Math.floor(known.length / 2)];
    if (middle !== undefined) waits.set(name, middle);
  }
  return {
    isKnown: hours > 0,
    waits,
    failures: hours === 0 ? 0 : perHour(points),
    failuresOf: new Map(hours === 0 ? [] : Object.entries(jobs).map(([name, all]) => [name, perHour(all)])),
  };
}

/** Runs that were asked for long ago and wait for a lock, a limit or a rate: the one that has waited longest for each of them. */
async function readStuck(duckdive: Served, shown: Shown, now: Date): Promise<Stuck[]> {
  const { runs } = await duckdive.list(
    { state: "waiting", waiting: "admission", olderThan: shortestStuck },
    { limit: mostStuck },
  );
  const oldest = new Map(runs.map((run) => [run.waiting?.on ?? "", run]));
  const longest = [...oldest.values()]
    .sort((one, other) => one.runAt.getTime() - other.runAt.getTime())
    .filter(({ runAt }) => now.getTime() - runAt.getTime() > 5 * minute)
    .slice(0, 3);
  return Promise.all(
    longest.map(async ({ id, job, runAt }) => {
      const sentences = await duckdive.explain(id).catch(() => []);
      const because = String(shown.value(job, "explanation", sentences[0] ?? ""));
      return { id, job, waited: now.getTime() - runAt.getTime(), because };
    }),
  );
}

async function readUnserved(duckdive: Served): Promise<ReadonlyMap<string, number>> {
  const { runs } = await duckdive.list({ state: "waiting", waiting: "worker" }, { limit: mostStuck });
  const jobs = new Map<string, number>();
  for (const { job } of runs) jobs.set(job, (jobs.get(job) ?? 0) + 1);
  return jobs;
}
