// What happened over time, for charts and for saying what is usual: counts and waits by the minute or the hour, from what
// workers have told. Pure.
//
// Every stretch of time has a point, also those in which nothing happened, so that a chart needs no arithmetic of its own.
// Nothing here looks at runs: asking costs the same however many there are.
//
// Before this file come the store's tallies and waits. After it come the dashboard and the API.
import { scaleQuantile } from "../kernel/index.js";
import type { Tally, WaitCount } from "../store/contract.js";

/** What workers counted in a minute, or in an hour. */
export interface MetricsPoint {
  /** Its beginning. */
  readonly at: Date;
  /** Runs that ended, by how. */
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Attempts that failed and are tried again. */
  readonly retried: number;
  /** From started to ended, on average, in milliseconds; undefined: nothing was executed. */
  readonly ran: number | undefined;
  /** From due to started, in milliseconds: half of the executions within the one, 95 % within the other. Of jobs undefined. */
  readonly wait: { readonly half: number; readonly most: number } | undefined;
}

/** What happened over time. The last point is of the minute, or the hour, that goes on. */
export interface Metrics {
  /** When it was read, on the store's clock. */
  readonly now: Date;
  /** How long each point is, in milliseconds: a minute, or an hour. */
  readonly every: number;
  /** In all, oldest first. */
  readonly points: readonly MetricsPoint[];
  /** By queue and by job, with as many points each; who has none in this time is not there. */
  readonly queues: Readonly<Record<string, readonly MetricsPoint[]>>;
  readonly jobs: Readonly<Record<string, readonly MetricsPoint[]>>;
}

/** What workers counted, as it stands. */
export interface Tallies {
  /** When it was read, on the store's clock. */
  readonly now: Date;
  /** By the minute that begins at `at`, the queue and the job. `waited` and `ran` are sums, in milliseconds. */
  readonly counts: readonly (Omit<Tally, "minute" | "waits"> & { readonly at: Date })[];
  /** How many executions of a queue were due for up to so many milliseconds before they began, and for more than the step below. */
  readonly waits: readonly {
    readonly at: Date;
    readonly queue: string;
    readonly upTo: number;
    readonly number: number;
  }[];
}

const minute = 60_000;
const hour = 60 * minute;
/** Older than this, counts are there by the hour only. */
export const keptByMinute = 3 * hour;

/** Points from a time on to now: of minutes where it is not older than minutes are kept, otherwise of hours. */
export function metricsOf(
  told: { readonly tallies: readonly Tally[]; readonly waits: readonly WaitCount[] },
  between: { readonly since: number; readonly now: number },
): Metrics {
  const every = spanOf(between);
  const first = Math.floor(between.since / every);
  const length = Math.floor(between.now / every) - first + 1;
  const all = emptySums(length);
  const queues = new Map<string, Sum[]>();
  const jobs = new Map<string, Sum[]>();
  for (const tally of told.tallies) {
    const place = Math.floor(tally.minute / every) - first;
    for (const sums of [all, sumsFor(queues, tally.queue, length), sumsFor(jobs, tally.job, length)])
      addTally(sums[place], tally);
  }
  for (const wait of told.waits) {
    const place = Math.floor(wait.minute / every) - first;
    for (const sums of [all, sumsFor(queues, wait.queue, length)]) addWait(sums[place], wait);
  }
  const finish = (sums: readonly Sum[]) => sums.map((sum, place) => pointOf(sum, (first + place) * every));
  const finishAll = (some: ReadonlyMap<string, Sum[]>) =>
    Object.fromEntries([...some].map(([name, sums]) => [name, finish(sums)]));
  return {
    now: new Date(between.now),
    every,
    points: finish(all),
    queues: finishAll(queues),
    jobs: finishAll(jobs),
  };
}

/** How long a point is, for points from a time on. */
export function spanOf({ since, now }: { readonly since: number; readonly now: number }): number {
  return now - since > keptByMinute - minute ? hour : minute;
}

interface Sum {
  succeeded: number;
  failed: number;
  cancelled: number;
  retried: number;
  ran: number;
  readonly waits: Map<number, number>;
}

const counted = ["succeeded", "failed", "cancelled", "retried", "ran"] as const;

function emptySums(length: number): Sum[] {
  return Array.from({ length }, () => ({
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    retried: 0,
    ran: 0,
    waits: new Map(),
  }));
}

function sumsFor(some: Map<string, Sum[]>, name: string, length: number): Sum[] {
  const known = some.get(name);
  if (known !== undefined) return known;
  const made = emptySums(length);
  some.set(name, made);
  return made;
}

function addTally(sum: Sum | undefined, tally: Tally): void {
  if (sum === undefined) return;
  for (const field of counted) sum[field] += tally[field];
}

function addWait(sum: Sum | undefined, { step, number }: WaitCount): void {
  sum?.waits.set(step, (sum.waits.get(step) ?? 0) + number);
}

function pointOf({ waits, ran, ...counts }: Sum, at: number): MetricsPoint {
  const executions = counts.succeeded + counts.failed + counts.cancelled + counts.retried;
  const half = scaleQuantile(waits, 0.5);
  const most = scaleQuantile(waits, 0.95);
  return {
    at: new Date(at),
    ...counts,
    ran: executions === 0 ? undefined : ran / executions,
    wait: half === undefined || most === undefined ? undefined : { half, most },
  };
}
