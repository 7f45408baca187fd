// What a run did when, as rows of a Gantt chart: attempts, the waits between them, and their steps below. Pure.
//
// The record has when each step settled, not when it began: a step is drawn from where the one before it ended, or its
// attempt began, to its end, which is right for steps that follow each other and says "no later than" for others. A child
// is drawn by its own run. An execution that was suspended holds no worker: that stretch is a dotted wait.
//
// Before this file come a run, its events and its steps. After it comes the page of the run.
import type { RunRecord, State } from "../job/index.js";
import type { Step, Timeline } from "../queue/index.js";

export interface Segment {
  /** In milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** `held`: a worker had the run. `work`: a step. `wait`, `open`: no slot held, over or not. `backoff`: until its time. */
  readonly kind: "held" | "work" | "wait" | "open" | "backoff";
  readonly isFailure?: boolean;
}

export interface GanttRow {
  readonly level: "attempt" | "step";
  readonly state: State;
  readonly name: string;
  /** What else is to be said of it, in a word. */
  readonly note: string;
  /** The id of a run that it leads to. */
  readonly run?: string;
  readonly segments: readonly Segment[];
}

export interface Gantt {
  readonly from: number;
  readonly to: number;
  readonly now: number;
  readonly rows: readonly GanttRow[];
}

interface Attempt {
  readonly number: number;
  readonly begin: number;
  /** Since when the last of its executions was held by a worker. */
  readonly heldFrom: number;
  readonly end: number;
  readonly how: "failed" | "lost" | State;
}

/** A run with more attempts and steps than fit on a page: the last so many of them. */
const mostRows = 100;

export function ganttOf(
  run: RunRecord,
  parts: {
    readonly events: Timeline["events"];
    readonly steps: readonly Step[];
    readonly children: readonly RunRecord[];
    readonly now: number;
  },
): Gantt {
  const { now } = parts;
  const attempts = attemptsOf(run, parts.events, parts.steps, now);
  const children = new Map(parts.children.map((child) => [child.id, child]));
  const rows = [...before(run, attempts, now)];
  attempts.forEach((attempt, place) => {
    rows.push(attemptRow(attempt, now));
    rows.push(...stepRows(attempt, attempts[place + 1], parts.steps, children, now));
    const next =
      attempts[place + 1]?.begin ??
      (run.state === "scheduled" ? Math.max(run.runAt.getTime(), attempt.end) : undefined);
    if (next !== undefined && next - attempt.end > 0 && attempt.how !== "succeeded")
      rows.push(backoffRow(attempt.number + 1, attempt.end, next));
  });
  const shown = rows.slice(-mostRows);
  const moments = shown.flatMap(({ segments }) => segments.flatMap(({ from, to }) => [from, to]));
  const from = Math.min(run.requestedAt.getTime(), ...moments);
  const to = Math.max(run.finishedAt?.getTime() ?? now, ...moments, from + 1);
  return { from, to, now, rows: shown };
}

/** The wait before the first attempt, where it was one that can be seen. */
function before(run: RunRecord, attempts: readonly Attempt[], now: number): GanttRow[] {
  const asked = run.requestedAt.getTime();
  const first = attempts[0]?.begin;
  const end = first ?? run.finishedAt?.getTime() ?? now;
  if (end - asked < 1_000 && first !== undefined) return [];
  const isOpen = first === undefined && run.finishedAt === undefined;
  const state = isOpen ? run.state : "ready";
  return [
    {
      level: "attempt",
      state,
      name: isOpen && run.state === "scheduled" ? "Until its time" : "Before it started",
      note: "",
      segments: [{ from: asked, to: end, kind: isOpen ? "open" : "wait" }],
    },
  ];
}

function attemptsOf(
  run: RunRecord,
  events: Timeline["events"],
  steps: readonly Step[],
  now: number,
): Attempt[] {
  const ended = events.filter(({ kind }) => kind === "failed" || kind === "lost" || kind === "expired");
  const attempts: Attempt[] = [];
  let after = run.requestedAt.getTime();
  for (const event of ended) {
    const end = event.at.getTime();
    const heldFrom = startIn(event.detail) ?? Math.max(after, firstStep(steps, after, end) ?? after);
    const begin = Math.min(heldFrom, firstStep(steps, after, end) ?? heldFrom);
    attempts.push({
      number: event.attempt,
      begin,
      heldFrom,
      end,
      how: event.kind === "lost" ? "lost" : "failed",
    });
    after = end;
  }
  const started = run.startedAt?.getTime();
  const isLast = run.state === "failed" && attempts.length > 0;
  if (
    started === undefined ||
    isLast ||
    run.state === "scheduled" ||
    (started <= after && attempts.length > 0)
  )
    return attempts;
  const end = run.finishedAt?.getTime() ?? now;
  const begin = Math.min(started, firstStep(steps, after, end) ?? started);
  return [...attempts, { number: run.attempt, begin, heldFrom: started, end, how: run.state }];
}

function startIn(detail: unknown): number | undefined {
  if (typeof detail !== "object" || detail === null || !("startedAt" in detail)) return undefined;
  return typeof detail.startedAt === "number" ? detail.startedAt : undefined;
}

function firstStep(steps: readonly Step[], after: number, before: number): number | undefined {
  const times = steps.flatMap(({ at }) =>
    at !== undefined && at.getTime() > after && at.getTime() <= before ? [at.getTime()] : [],
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

function attemptRow({ number, begin, heldFrom, end, how }: Attempt, now: number): GanttRow {
  const isFailure = how === "failed" || how === "lost";
  const isOpen = how === "waiting" || how === "ready";
  const segments: Segment[] = begin < heldFrom ? [{ from: begin, to: heldFrom, kind: "wait" }] : [];
  if (isOpen) segments.push({ from: heldFrom, to: now, kind: "open" });
  else segments.push({ from: heldFrom, to: end, kind: "held", isFailure });
  const words: Record<string, string> = { lost: "lost with its worker", ready: "ready again" };
  return {
    level: "attempt",
    state: how === "lost" ? "failed" : how,
    name: number === 0 ? "Last execution" : `Attempt ${number}`,
    note: words[how] ?? how,
    segments,
  };
}

function backoffRow(next: number, from: number, to: number): GanttRow {
  return {
    level: "attempt",
    state: "scheduled",
    name: "Backoff",
    note: `before attempt ${next}`,
    segments: [{ from, to, kind: "backoff" }],
  };
}

function stepRows(
  attempt: Attempt,
  next: Attempt | undefined,
  steps: readonly Step[],
  children: ReadonlyMap<string, RunRecord>,
  now: number,
): GanttRow[] {
  const until = next?.begin ?? Number.POSITIVE_INFINITY;
  const own = steps.filter(({ state, at }) => {
    if (state === "pending") return next === undefined;
    return at !== undefined && at.getTime() >= attempt.begin && at.getTime() < until;
  });
  let last = attempt.begin;
  return own.map((step) => {
    const row = stepRow(step, last, children, now);
    const end = step.state === "pending" ? last : (step.at?.getTime() ?? last);
    last = Math.max(last, end);
    return row;
  });
}

const waits: ReadonlySet<Step["kind"]> = new Set(["child", "children", "sleep", "signal", "poll"]);

function stepRow(step: Step, from: number, children: ReadonlyMap<string, RunRecord>, now: number): GanttRow {
  const { name, kind, state, at, run, attempts } = step;
  const child = run === undefined ? undefined : children.get(run);
  const isWait = waits.has(kind);
  const isPending = state === "pending";
  const begin = child === undefined ? from : child.requestedAt.getTime();
  const end = isPending ? now : (at?.getTime() ?? now);
  const notes = [kind === "step" ? "" : kind, attempts > 1 ? `${attempts} tries` : ""].filter(
    (text) => text !== "",
  );
  return {
    level: "step",
    state: state === "done" ? "succeeded" : state === "failed" ? "failed" : isWait ? "waiting" : "running",
    name,
    note: notes.join(", "),
    ...(run === undefined ? {} : { run }),
    segments: [
      {
        from: Math.min(begin, end),
        to: end,
        kind: isWait ? (isPending ? "open" : "wait") : "work",
        isFailure: state === "failed",
      },
    ],
  };
}
