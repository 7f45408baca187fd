// The nouns of the API, as shapes: what is answered about runs, queues, workers, schedules and batches.
//
// Answers may get more fields in a later version, so their objects are open; requests are closed. A test holds real answers
// to exactly these fields.
//
// Before this file comes schema.ts. After it come the resources.
import { states } from "../../run/index.js";
import {
  anything,
  dictionary,
  flag,
  id,
  integer,
  type JsonSchema,
  list,
  number,
  object,
  only,
  type Shape,
  text,
  time,
  word,
} from "../schema.js";

/** What is answered: an object that may get more fields later. */
export function answer(
  needed: Parameters<typeof object>[0],
  possible: Parameters<typeof object>[0] = {},
  about: Pick<JsonSchema, "description"> = {},
): Shape<unknown> {
  const { additionalProperties: _, ...schema } = object(needed, possible, about).schema;
  return { schema };
}

export const waitingReasons = [
  "entries",
  "dependency",
  "admission",
  "worker",
  "paused",
  "preparation",
] as const;

const state = word(states);
/** The name of a job, a queue, a schedule … */
export const name = text({ minLength: 1, maxLength: 200 });
export const durationText = text({
  pattern: "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w)$",
  description: "How long, with its unit: 250ms, 30s, 5m, 1.5h, 7d, 2w.",
  examples: ["30s"],
});
const milliseconds = number({ description: "In milliseconds." });

const causeShape = answer({ name: text(), message: text() });
const errorShape = answer(
  { name: text(), message: text() },
  { code: text(), data: anything(), stack: text(), cause: causeShape },
);

export const runShape = answer(
  {
    id: id(),
    job: text(),
    queue: text(),
    state,
    attempt: integer(),
    requestedAt: time(),
    runAt: time(),
    tags: list(text()),
    meta: dictionary(text()),
    version: integer(),
    priority: integer(),
    crashes: integer(),
  },
  {
    input: anything({ description: "As it was stored. Missing where the job has none." }),
    output: anything(),
    error: errorShape,
    startedAt: time(),
    finishedAt: time(),
    reason: text({ description: "Why it failed or was cancelled." }),
    waiting: answer({ reason: word(waitingReasons) }, { on: text() }),
    cancelAsked: text(),
    progress: answer({ done: number() }, { total: number(), note: text() }),
    worker: text(),
    parent: id(),
    after: list(id()),
    batch: id(),
    release: text(),
  },
  { description: "One run, as it was when it was read." },
);

export const pageShape = answer(
  { runs: list(runShape) },
  { cursor: text({ description: "Where the next page begins. Missing: this was the last." }) },
);

export const stepShape = answer(
  { name: text(), kind: text(), state: word(["pending", "done", "failed"]), attempts: integer() },
  {
    position: integer(),
    value: anything(),
    error: errorShape,
    due: time(),
    signal: text(),
    run: id(),
    at: time(),
  },
);

export const timelineShape = answer({
  events: list(
    answer(
      { at: time(), kind: text(), attempt: integer(), token: integer() },
      { worker: text(), detail: anything() },
    ),
  ),
  logs: list(
    answer(
      { at: time(), attempt: integer(), level: word(["debug", "info", "warn", "error"]), message: text() },
      { fields: anything() },
    ),
  ),
});

const recordedFields = { id: id(), created: flag(), job: text(), checked: flag() };
export const recordedShape = answer(
  recordedFields,
  { hint: text({ description: "Where no worker has ever had a job of that name." }) },
  { description: "`created` is false where the id, or a unique key, gave back a run that was there before." },
);

export const queueShape = answer(
  {
    name: text(),
    paused: flag(),
    scheduled: integer(),
    ready: integer(),
    running: integer(),
    waiting: integer(),
  },
  { oldest: time(), heldUntil: time(), slots: integer() },
);

export const jobShape = answer(
  {
    name: text(),
    version: integer(),
    queue: text(),
    priority: integer(),
    attempts: integer(),
    events: list(text()),
    isHere: flag({ description: "Its inputs are judged by the server itself, before they are recorded." }),
  },
  { description: text(), reroutedTo: text() },
);

export const workerShape = answer(
  {
    id: text(),
    host: text(),
    pid: integer(),
    abilities: list(answer({ job: text(), version: integer() })),
    queues: dictionary(integer()),
    startedAt: time(),
    heartbeatAt: time(),
    running: integer(),
  },
  { release: text(), runner: integer(), report: anything() },
);

export const departedShape = answer(
  {
    id: text(),
    host: text(),
    pid: integer(),
    startedAt: time(),
    heartbeatAt: time(),
    endedAt: time(),
    how: word(["stopped", "lost"]),
    lost: integer(),
    runs: list(text()),
  },
  { release: text(), cause: text() },
);

const tickFields = {
  at: time(),
  count: integer(),
  outcome: word(["enqueued", "skipped", "missed", "failed", "triggered"]),
  recordedAt: time(),
};
const tickPossible = { until: time(), runId: text(), note: text() };
export const tickShape = answer(tickFields, { ...tickPossible, run: runShape });

export const scheduleShape = answer(
  {
    name: text(),
    job: text(),
    origin: word(["code", "runtime"]),
    state: word(["active", "unserved", "paused", "retired", "over"]),
    missed: anything(),
    overlap: word(["allow", "skip"]),
    jitter: milliseconds,
    isComputed: flag(),
    createdAt: time(),
    workers: integer(),
  },
  {
    cron: text(),
    timeZone: text(),
    every: milliseconds,
    start: time(),
    end: time(),
    input: anything(),
    next: time(),
    last: answer(tickFields, tickPossible),
    pausedAt: time(),
    retiredAt: time(),
    release: text(),
  },
);

export const batchShape = answer({
  batchId: id(),
  name: text(),
  total: integer(),
  succeeded: integer(),
  failed: integer(),
  cancelled: integer(),
});

const throughputShape = answer(
  {
    name: text(),
    succeeded: integer(),
    failed: integer(),
    cancelled: integer(),
    retried: integer(),
    perMinute: number(),
  },
  { failureRate: number(), waited: milliseconds, ran: milliseconds },
);

export const statisticsShape = answer({
  runs: answer(Object.fromEntries(states.map((one) => [one, integer()]))),
  throughput: list(throughputShape),
});

export const countShape = answer({ count: integer() });
export const doneShape = answer(
  {
    done: integer({
      description: "On how many runs something was done, over all requests that went on from a cursor.",
    }),
  },
  { cursor: text({ description: "There is more: send the same again with `from` set to it." }) },
);
export const actedShape = answer({
  id: id(),
  done: flag({ description: "False: the run was in no state in which there was something to do." }),
});
export const outcomeShape = answer(
  { state },
  { output: anything(), error: errorShape, reason: text() },
  { description: "How the run ended; of one that has not, the state it is in." },
);
export const sentencesShape = answer({ sentences: list(text()) });
export const okShape = answer({ done: only(true) });
export const toldShape = answer({ told: integer({ description: "How many workers it went to." }) });

/** Lists of things, under their name. */
export function many(plural: string, of: Shape<unknown>): Shape<unknown> {
  return answer({ [plural]: list(of) });
}

export const problemShape = answer(
  { type: text(), title: text(), status: integer(), code: text(), detail: text() },
  { issues: list(answer({ path: text(), message: text() })), existing: id() },
  { description: "RFC 9457. Branch on `code`." },
);
