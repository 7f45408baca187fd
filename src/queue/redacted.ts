// Looking at runs for the eyes of people: as the client's own hand, with what is to be redacted blanked out.
//
// Which places that are is what `open` says, what the jobs of this process say, and what workers have published of theirs: so
// a process without any job, like a command line, shows no more than they want.
//
// Before this file comes the client's looking. After it come the command line, pages and the API.

import { policyOf, type Redaction, type RunRecord, redactionOf } from "../job/index.js";
import type { Definition } from "../store/contract.js";
import type { Inspect } from "./inspect.js";
import type { ScheduleState } from "./schedule-types.js";
import type { Step } from "./steps.js";
import type { Duckdive, Listing, Page, Redacted, Timeline } from "./types.js";

interface RedactedParts {
  readonly inspect: Pick<Inspect, "get" | "list" | "timeline" | "steps" | "explain">;
  readonly definitions: () => Promise<readonly Definition[]>;
  readonly jobs: ReadonlyMap<string, object>;
  readonly redact: readonly string[] | undefined;
}

export function createRedacted({ inspect, definitions, jobs, redact }: RedactedParts): Redacted {
  /** What is to be redacted of each job, as it is now. */
  async function redactions(): Promise<(job: string) => Redaction | undefined> {
    const published = new Map((await definitions()).map((one) => [one.job, one.redact]));
    return (name) => {
      const job = jobs.get(name);
      return redactionOf(redact, job === undefined ? undefined : policyOf(job).redact, published.get(name));
    };
  }

  /** That of one run, which looks for all that the run has in it. */
  async function redactionFor(id: string): Promise<Redaction | undefined> {
    const run = await inspect.get(id);
    const redaction = run === undefined ? undefined : (await redactions())(run.job);
    if (run === undefined || redaction === undefined) return undefined;
    const values = (await inspect.steps(id)).map(({ value }) => value);
    return redaction.with(run.input, run.output, run.error?.data, ...values);
  }

  /** Shows runs; what is to be redacted is asked for once. */
  function showing(): (run: RunRecord) => Promise<RunRecord> {
    let asked: ReturnType<typeof redactions> | undefined;
    return async (run) => {
      asked ??= redactions();
      return (await asked)(run.job)?.record(run) ?? run;
    };
  }

  return {
    async get(id) {
      const run = await inspect.get(id);
      return run === undefined ? undefined : showing()(run);
    },
    list(filter, options) {
      const listing = inspect.list(filter, options);
      return redactedListing(listing, showing());
    },
    async timeline(id) {
      const timeline = await inspect.timeline(id);
      const redaction = await redactionFor(id);
      return redaction === undefined ? timeline : redactedTimeline(timeline, redaction);
    },
    async steps(id) {
      const steps = await inspect.steps(id);
      const redaction = await redactionFor(id);
      return redaction === undefined ? steps : steps.map((step) => redactedStep(step, redaction));
    },
    async explain(id) {
      const sentences = await inspect.explain(id);
      const redaction = await redactionFor(id);
      return redaction === undefined ? sentences : sentences.map((sentence) => redaction.text(sentence));
    },
    async redactSchedules(schedules) {
      const redactionOfJob = await redactions();
      return schedules.map((schedule) => redactedSchedule(schedule, redactionOfJob(schedule.job)));
    },
  };
}

/** The looking of a client as people may look: for whoever shows what it reads. */
export function forPeople({
  redacted,
  schedules,
  schedule,
}: Pick<Duckdive<never, boolean>, "redacted" | "schedules" | "schedule">) {
  const { redactSchedules, ...looking } = redacted;
  return {
    ...looking,
    schedules: async () => redactSchedules(await schedules()),
    schedule(name: string) {
      const handle = schedule(name);
      return {
        ...handle,
        async get() {
          const state = await handle.get();
          return state === undefined ? undefined : (await redactSchedules([state]))[0];
        },
      };
    },
  };
}

function redactedListing(listing: Listing, show: (run: RunRecord) => Promise<RunRecord>): Listing {
  const page = async ({ runs, cursor }: Page): Promise<Page> => ({
    runs: await Promise.all(runs.map(show)),
    cursor,
  });
  return {
    // biome-ignore lint/suspicious/noThenProperty: a listing is awaited for its page
    then: (onPage, onError) => Promise.resolve(listing).then(page).then(onPage, onError),
    async *[Symbol.asyncIterator]() {
      for await (const run of listing) yield await show(run);
    },
  };
}

function redactedTimeline({ events, logs }: Timeline, redaction: Redaction): Timeline {
  return {
    events: events.map((event) => ({ ...event, detail: redactedDetail(event.detail, redaction) })),
    logs: logs.map((line) => ({
      ...line,
      message: redaction.text(line.message),
      fields: redaction.value(line.fields),
    })),
  };
}

/** An error in most of those that have something of a run in them; else words of duckdive's own, and a reason. */
function redactedDetail(detail: unknown, redaction: Redaction): unknown {
  if (typeof detail !== "object" || detail === null) return detail;
  if (
    "message" in detail &&
    "name" in detail &&
    typeof detail.name === "string" &&
    typeof detail.message === "string"
  )
    return redaction.error({ ...detail, name: detail.name, message: detail.message });
  return "reason" in detail && typeof detail.reason === "string"
    ? { ...detail, reason: redaction.text(detail.reason) }
    : detail;
}

function redactedStep(step: Step, redaction: Redaction): Step {
  const { value, error } = step;
  return {
    ...step,
    ...(value === undefined ? {} : { value: redaction.value(value) }),
    ...(error === undefined ? {} : { error: redaction.error(error) }),
  };
}

function redactedSchedule(schedule: ScheduleState, redaction: Redaction | undefined): ScheduleState {
  return redaction === undefined ? schedule : { ...schedule, input: redaction.value(schedule.input) };
}
