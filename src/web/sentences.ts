// What is wrong, in sentences with a subject and a number, and where it is mended.
//
// Nothing is compared with a threshold that somebody made up: a wait with the usual wait of that queue, failures with the
// usual hour of that job. Whatever is found has one sentence, one reason and one link; nothing found is said as well, since
// "all is well" is what most people come to read.
//
// Pure. Before this file comes `health.ts`, which reads the facts. After it comes the overview, which shows them.
import type { DepartedState, Metrics, QueueState, ScheduleState, WorkerState } from "../queue/index.js";
import type { FailureGroup } from "./failure-groups.js";
import { count, lasting, many, roughly } from "./pages/markup.js";

/** What is usual, from the hours of the last week. */
export interface Usual {
  /** Whether there is an hour to know it from. */
  readonly isKnown: boolean;
  /** By queue: within this long 95 % start, in milliseconds. */
  readonly waits: ReadonlyMap<string, number>;
  /** Runs that fail in an hour, in all and by job. */
  readonly failures: number;
  readonly failuresOf: ReadonlyMap<string, number>;
}

/** A run that has waited long, with what `explain` says of it. */
export interface Stuck {
  readonly id: string;
  readonly job: string;
  readonly waited: number;
  readonly because: string;
}

export interface HealthFacts {
  readonly now: Date;
  readonly queues: readonly QueueState[];
  readonly workers: readonly WorkerState[];
  /** Of the last hour. */
  readonly departed: readonly DepartedState[];
  readonly hour: Metrics;
  readonly usual: Usual;
  readonly groups: readonly FailureGroup[];
  /** Runs that wait for a lock, a limit or a rate, the longest first. */
  readonly stuck: readonly Stuck[];
  /** Runs that wait for a worker that has their code, by job. */
  readonly unserved: ReadonlyMap<string, number>;
  readonly schedules: readonly ScheduleState[];
}

export interface Finding {
  readonly kind: "late" | "failing" | "dead" | "nobody" | "paused" | "stuck" | "unserved" | "schedule";
  /** Who it is about, as the headline names it. */
  readonly subject: string;
  readonly say: string;
  readonly why: string;
  readonly link: { readonly text: string; readonly path: string };
}

/** Everything that is wrong, what matters most first. */
export function findingsOf(facts: HealthFacts): Finding[] {
  return [
    ...nobody(facts),
    ...late(facts),
    ...failing(facts),
    ...dead(facts),
    ...stuck(facts),
    ...paused(facts),
    ...unserved(facts),
    ...schedules(facts),
  ];
}

/** The first sentence of all: is it healthy? */
export function headline(findings: readonly Finding[], facts: HealthFacts): string {
  if (isNew(facts)) return "No run yet.";
  if (findings.length === 0) return "All is well. Every queue is on time and nothing needs you.";
  const clauses = kinds.flatMap((kind) =>
    clauseOf(
      kind,
      findings.filter((one) => one.kind === kind),
    ),
  );
  const first = clauses.slice(0, 3);
  const last = first.pop() ?? "";
  const text = first.length === 0 ? last : `${first.join(", ")} and ${last}`;
  const rest = clauses.length > 3 ? ` And ${many(clauses.length - 3, "thing")} more.` : restOf(findings);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.${rest}`;
}

/** Nothing has ever been asked for, as far as this can be seen. */
export function isNew({ queues, hour, workers, groups, usual }: HealthFacts): boolean {
  const runs = queues.reduce(
    (sum, { scheduled, ready, running, waiting }) => sum + scheduled + ready + running + waiting,
    0,
  );
  const ended = hour.points.some(({ succeeded, failed, cancelled }) => succeeded + failed + cancelled > 0);
  return (
    runs === 0 &&
    !ended &&
    groups.length === 0 &&
    usual.waits.size === 0 &&
    workers.every(({ running }) => running === 0)
  );
}

const kinds = ["nobody", "late", "failing", "dead", "stuck", "paused", "unserved", "schedule"] as const;

function clauseOf(kind: Finding["kind"], found: readonly Finding[]): string[] {
  const [first] = found;
  if (first === undefined) return [];
  if (kind === "nobody") return ["no worker is alive"];
  const one = found.length === 1;
  const words = {
    late: one ? `${first.subject} is late` : `${count(found.length)} queues are late`,
    failing: one ? `${first.subject} is failing` : `${count(found.length)} jobs are failing`,
    dead: one ? "a worker died" : `${count(found.length)} workers died`,
    stuck: one ? "a run is stuck" : `${count(found.length)} runs are stuck`,
    paused: one ? `${first.subject} is paused` : `${count(found.length)} queues are paused`,
    unserved: one
      ? `nobody has the code of ${first.subject}`
      : `nobody has the code of ${count(found.length)} jobs`,
    schedule: one
      ? `the schedule ${first.subject} does not tick`
      : `${count(found.length)} schedules do not tick`,
  };
  return [words[kind]];
}

function restOf(findings: readonly Finding[]): string {
  const isOnTime = findings.every(({ kind }) => kind !== "nobody" && kind !== "unserved");
  return isOnTime ? " The rest is on time." : "";
}

// ── Late ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Under this nobody minds a wait, whatever is usual. */
const shortestLate = 30_000;
const timesUsual = 3;

/** Whether the oldest wait of a queue is long for it; what is paused or held back does not count. */
export function isLate(queue: QueueState, { usual, now }: Pick<HealthFacts, "usual" | "now">): boolean {
  if (queue.paused || queue.oldest === undefined || queue.ready === 0) return false;
  const waited = now.getTime() - queue.oldest.getTime();
  return waited > Math.max(shortestLate, timesUsual * (usual.waits.get(queue.name) ?? 0));
}

function late(facts: HealthFacts): Finding[] {
  const { queues, now, usual } = facts;
  return queues
    .filter((queue) => isLate(queue, facts))
    .sort((one, other) => (one.oldest?.getTime() ?? 0) - (other.oldest?.getTime() ?? 0))
    .map((queue) => {
      const waited = now.getTime() - (queue.oldest?.getTime() ?? 0);
      const own = usual.waits.get(queue.name);
      const usually = own === undefined ? "" : ` Its usual wait is under ${atMost(own)}.`;
      return {
        kind: "late" as const,
        subject: queue.name,
        say: `The oldest run in ${queue.name} has waited ${lasting(waited)}.${usually}`,
        why: whyLate(queue, facts),
        link: { text: `Open ${queue.name}`, path: `/queues/${encodeURIComponent(queue.name)}` },
      };
    });
}

function whyLate(queue: QueueState, { workers, hour, now }: HealthFacts): string {
  const slots = slotsOf(queue, workers);
  const runs = `${many(queue.ready, "run")} ${queue.ready === 1 ? "is" : "are"} ready`;
  if (queue.heldUntil !== undefined && queue.heldUntil > now)
    return `${runs}; it is held back for ${roughly(queue.heldUntil.getTime() - now.getTime())}, as a handler asked.`;
  if (slots === 0) return `${runs} and no worker draws from this queue. Start one that does.`;
  const busy =
    queue.running >= slots
      ? `All ${many(slots, "slot")} are busy`
      : `${count(queue.running)} of ${many(slots, "slot")} are busy`;
  const recent = (hour.queues[queue.name] ?? []).slice(-11, -1);
  const perMinute =
    recent.reduce((sum, { succeeded, failed, cancelled }) => sum + succeeded + failed + cancelled, 0) / 10;
  if (perMinute === 0) return `${busy}; ${runs}, and nothing has ended in it for ten minutes.`;
  const left = (queue.ready / perMinute) * 60_000;
  return `${busy}; ${runs}. At the pace of the last ten minutes, ${perMinute < 10 ? Number(perMinute.toFixed(1)) : count(perMinute)} a minute, that takes ${roughly(left)}, if nothing comes in.`;
}

/** How many runs of a queue can be executed at once. Slots for all queues count for each. */
export function slotsOf(queue: Pick<QueueState, "name" | "slots">, workers: readonly WorkerState[]): number {
  return workers.reduce((sum, { queues, report }) => {
    const drawn = report?.queues ?? queues;
    const own = drawn[queue.name] ?? drawn["*"] ?? 0;
    if (own === 0 || report?.state === "stopping") return sum;
    return sum + (queue.slots ?? own);
  }, 0);
}

/** A usual wait, rounded up to a time that people say. */
export function atMost(milliseconds: number): string {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];
  const step = steps.find((seconds) => milliseconds <= seconds * 1_000);
  return step === undefined ? roughly(milliseconds) : roughly(step * 1_000);
}

// ── Failing ─────────────────────────────────────────────────────────────────────────────────────────────────────

function failing(facts: HealthFacts): Finding[] {
  const { hour, usual, groups } = facts;
  return Object.entries(hour.jobs)
    .map(([job, points]) => ({ job, points, failed: sum(points, "failed"), retried: sum(points, "retried") }))
    .filter(({ job, failed, retried, points }) => {
      const own = usual.failuresOf.get(job) ?? 0;
      const recent = points.slice(-11);
      const tried = sum(recent, "succeeded") + sum(recent, "failed") + sum(recent, "retried");
      const bad = sum(recent, "failed") + sum(recent, "retried");
      return (
        (failed >= 3 && failed > timesUsual * own) || (tried >= 3 && failed + retried >= 3 && bad > tried / 2)
      );
    })
    .sort((one, other) => other.failed - one.failed || other.retried - one.retried)
    .map(({ job, points, failed, retried }) => {
      const group = groups.find((one) => one.job === job);
      const own = usual.failuresOf.get(job);
      const usually =
        own === undefined || failed === 0 ? "" : `; a usual hour has ${own < 0.5 ? "none" : count(own)}`;
      const subject =
        failed > 0
          ? `${many(failed, "run")} of ${job} failed in the last hour${usually}`
          : `${many(retried, "attempt")} of ${job} failed in the last hour, and will be tried again`;
      return {
        kind: "failing" as const,
        subject: job,
        say: `${subject}.${sinceText(points, facts.now)}`,
        why: whyFailing(group, failed > 0 ? retried : 0),
        link:
          group === undefined
            ? { text: `Open the runs of ${job}`, path: `/runs?job=${encodeURIComponent(job)}` }
            : { text: "Open this failure", path: failurePath(group) },
      };
    });
}

/** Since when nothing of a job has succeeded. */
function sinceText(points: Metrics["points"], now: Date): string {
  const lastGood = points.findLastIndex(({ succeeded }) => succeeded > 0);
  const first = points.findIndex(({ failed, retried }, place) => place > lastGood && failed + retried > 0);
  const at = points[first]?.at;
  if (at === undefined) return "";
  const when = first === 0 ? "for an hour or more" : `for ${roughly(now.getTime() - at.getTime())}`;
  return ` None has succeeded ${when}.`;
}

function whyFailing(group: FailureGroup | undefined, retried: number): string {
  const error = group === undefined ? "" : `${group.error}: ${group.message}`;
  const clipped = error.length > 160 ? `${error.slice(0, 159)}…` : error;
  const sentence = clipped === "" || /[.!?…]$/.test(clipped) ? clipped : `${clipped}.`;
  const further = retried === 0 ? "" : `${many(retried, "further attempt")} failed and will be tried again.`;
  return [sentence, further].filter((text) => text !== "").join(" ");
}

/** The page of the runs of one failure. */
export function failurePath(group: Pick<FailureGroup, "job" | "error">): string {
  return `/runs?${new URLSearchParams([
    ["state", "failed"],
    ["job", group.job],
    ["error", group.error],
  ]).toString()}`;
}

function sum(points: Metrics["points"], field: "succeeded" | "failed" | "retried"): number {
  return points.reduce((total, point) => total + point[field], 0);
}

// ── Workers ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** What people call a worker: its machine and its process. */
export function workerName({ host, pid }: Pick<WorkerState, "host" | "pid">): string {
  return `${host.split("/")[0] ?? host}/${pid}`;
}

function nobody({ workers, queues }: HealthFacts): Finding[] {
  const ready = queues.reduce((total, queue) => total + queue.ready, 0);
  if (workers.length > 0 || ready === 0) return [];
  return [
    {
      kind: "nobody",
      subject: "workers",
      say: `No worker is alive, and ${many(ready, "run")} ${ready === 1 ? "is" : "are"} ready to start.`,
      why: "Start one with duckdive work, or with duckdive.work() in the application.",
      link: { text: "Open workers", path: "/workers" },
    },
  ];
}

function dead({ departed, now, workers }: HealthFacts): Finding[] {
  return departed
    .filter(({ how }) => how === "lost")
    .map((worker) => {
      const runs =
        worker.lost === 0
          ? "It held no run."
          : `${worker.lost === 1 ? "The run that it held was" : `${count(worker.lost)} runs that it held were`} given to others, with one attempt counted.`;
      const left =
        workers.length === 0
          ? "None is left."
          : `${many(workers.length, "worker")} ${workers.length === 1 ? "is" : "are"} alive.`;
      return {
        kind: "dead" as const,
        subject: workerName(worker),
        say: `The worker ${workerName(worker)} died ${roughly(now.getTime() - worker.endedAt.getTime())} ago${worker.cause === undefined ? "" : `: ${worker.cause}`}.`,
        why: `${runs} ${left}`,
        link: { text: "Open workers", path: "/workers" },
      };
    });
}

// ── Held ────────────────────────────────────────────────────────────────────────────────────────────────────────

function stuck({ stuck: runs }: HealthFacts): Finding[] {
  return runs.slice(0, 3).map(({ id, job, waited, because }) => ({
    kind: "stuck" as const,
    subject: job,
    say: `The run ${id.slice(-4)} of ${job} has been held up for ${roughly(waited)}.`,
    why: because,
    link: { text: "Open this run", path: `/runs/${id}` },
  }));
}

function paused({ queues }: HealthFacts): Finding[] {
  return queues
    .filter((queue) => queue.paused)
    .map(({ name, ready, scheduled, running }) => {
      const behind =
        ready === 0
          ? "No run waits in it."
          : `${many(ready, "run")} ${ready === 1 ? "waits" : "wait"} in it.`;
      const more = [
        running === 0 ? "" : `${many(running, "run")} of it still ${running === 1 ? "runs" : "run"}.`,
        scheduled === 0 ? "" : `${many(scheduled, "run")} ${scheduled === 1 ? "is" : "are"} scheduled.`,
      ].filter((text) => text !== "");
      return {
        kind: "paused" as const,
        subject: name,
        say: `The queue ${name} is paused. ${behind}`,
        why: more.join(" ") || "Nothing of it is started until somebody resumes it.",
        link: { text: `Resume ${name}`, path: `/queues/${encodeURIComponent(name)}` },
      };
    });
}

function unserved({ unserved: jobs }: HealthFacts): Finding[] {
  return [...jobs].map(([job, runs]) => ({
    kind: "unserved" as const,
    subject: job,
    say: `${many(runs, "run")} of ${job} ${runs === 1 ? "waits" : "wait"} for a worker that has its code.`,
    why: "No worker that is alive has this job, or not in a version as new. Deploy one that does.",
    link: { text: "Open these runs", path: `/runs?state=waiting&job=${encodeURIComponent(job)}` },
  }));
}

function schedules({ schedules: all }: HealthFacts): Finding[] {
  return all
    .filter(({ state }) => state === "unserved")
    .map(({ name, job }) => ({
      kind: "schedule" as const,
      subject: name,
      say: `The schedule ${name} would tick, and no worker is there that does it.`,
      why: `Start a worker that has the job ${job}.`,
      link: { text: "Open schedules", path: "/schedules" },
    }));
}
