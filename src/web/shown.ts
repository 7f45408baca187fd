// The one way by which anything of a run gets out: to the API and to the pages.
//
// What an application keeps secret (`redact`) is taken out here, and nowhere else, so a page or a route that shows
// something has to ask here for it.
//
// Before this file come records as the client reads them. After it come routes and pages.
import type { RunRecord, StoredError } from "../job/index.js";
import type { ScheduleState, Step, Timeline } from "../queue/index.js";

/** What a value is of the run, or of the schedule, that it belongs to. */
export type ShownPart =
  | "input"
  | "output"
  | "error"
  | "step"
  | "log"
  | "event"
  | "progress"
  | "meta"
  | "explanation";

/** What is shown instead of a value. */
export type Redact = (value: unknown, about: { readonly job: string; readonly part: ShownPart }) => unknown;

export interface Shown {
  run(run: RunRecord): RunRecord;
  steps(job: string, steps: readonly Step[]): Step[];
  timeline(job: string, timeline: Timeline): Timeline;
  schedule(schedule: ScheduleState): ScheduleState;
  /** Any other value of a run. */
  value(job: string, part: ShownPart, value: unknown): unknown;
}

const asItIs: Shown = {
  run: (run) => run,
  steps: (_, steps) => [...steps],
  timeline: (_, timeline) => timeline,
  schedule: (schedule) => schedule,
  value: (_job, _part, value) => value,
};

export function createShown(redact: Redact | undefined): Shown {
  if (redact === undefined) return asItIs;
  const value = (job: string, part: ShownPart, given: unknown): unknown =>
    given === undefined ? undefined : redact(given, { job, part });

  function errorOf(job: string, error: StoredError): StoredError {
    const shown = value(job, "error", error);
    // Whoever takes all of it out leaves that there was one.
    return isError(shown) ? shown : { name: "Error", message: "[redacted]" };
  }

  return {
    value,
    run(run) {
      const { job, error, progress } = run;
      return {
        ...run,
        input: value(job, "input", run.input),
        ...("output" in run ? { output: value(job, "output", run.output) } : {}),
        ...(error === undefined ? {} : { error: errorOf(job, error) }),
        ...(progress?.note === undefined
          ? {}
          : { progress: { ...progress, note: textOf(value(job, "progress", progress.note)) } }),
        meta: textsOf(value(job, "meta", run.meta)),
      };
    },
    steps: (job, steps) =>
      steps.map((step) => ({
        ...step,
        ...("value" in step ? { value: value(job, "step", step.value) } : {}),
        ...(step.error === undefined ? {} : { error: errorOf(job, step.error) }),
      })),
    timeline: (job, { events, logs }) => ({
      events: events.map((event) => ({ ...event, detail: value(job, "event", event.detail) })),
      logs: logs.map((line) => ({
        ...line,
        message: textOf(value(job, "log", line.message)),
        fields: value(job, "log", line.fields),
      })),
    }),
    schedule: (schedule) => ({ ...schedule, input: value(schedule.job, "input", schedule.input) }),
  };
}

function isError(shown: unknown): shown is StoredError {
  return (
    typeof shown === "object" &&
    shown !== null &&
    "name" in shown &&
    typeof shown.name === "string" &&
    "message" in shown &&
    typeof shown.message === "string"
  );
}

/** Where a text has to be, whatever else it was made to be is its JSON. */
function textOf(shown: unknown): string {
  return typeof shown === "string" ? shown : (JSON.stringify(shown) ?? "");
}

function textsOf(shown: unknown): Record<string, string> {
  if (typeof shown !== "object" || shown === null) return {};
  return Object.fromEntries(Object.entries(shown).map(([name, one]) => [name, textOf(one)]));
}
