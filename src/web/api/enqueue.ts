// Asking for runs, one or many, by the name of their job.
//
// An id that the caller made makes asking again harmless. What a job is given is judged where its definition is at hand, and
// else by a worker that has the job before anything is executed.
//
// Before this file come shapes. After it comes `duckdive.enqueueByName`.
import type { AnyContract, RequestOptions } from "../../job/index.js";
import type { NamedRequest, NamedRun } from "../../queue/index.js";
import { mostInBody } from "../body.js";
import {
  anything,
  dictionary,
  either,
  id,
  integer,
  list,
  object,
  type TypeOf,
  text,
  time,
  word,
} from "../schema.js";
import type { ApiParts } from "./parts.js";
import { type Route, route, Said } from "./route.js";
import { answer, durationText, many, name, recordedShape } from "./shapes.js";

const options = {
  id: id({ description: "Made by the caller: asking twice with one id is asking once." }),
  delay: either(durationText, integer({ minimum: 0, description: "In milliseconds." })),
  runAt: time({ description: "When it may start; or delay." }),
  priority: integer({
    minimum: -10,
    maximum: 10,
    description: "Bigger is sooner; the job's own unless given.",
  }),
  after: list(id(), { maxItems: mostInBody, description: "Runs that have to end first." }),
  onParentFailure: word(["fail", "cancel", "run"]),
  tags: list(text({ minLength: 1, maxLength: 100 }), { maxItems: 50 }),
  meta: dictionary(text({ maxLength: 4_000 })),
};

const requestShape = object(
  { job: name },
  {
    input: anything({ description: "What the job is given. Missing for a job without input." }),
    queue: text({
      minLength: 1,
      maxLength: 200,
      description: "Only where the server does not know the job.",
    }),
    ...options,
  },
);

const publishShape = object({ event: name }, { payload: anything(), tags: options.tags, meta: options.meta });

type RequestBody = TypeOf<typeof requestShape>;

export function enqueueRoutes({ duckdive, jobs }: ApiParts): Route[] {
  return [
    route({
      method: "post",
      path: "/runs",
      summary: "Record a run",
      body: requestShape,
      answers: {
        201: { description: "It is recorded, and durable.", shape: recordedShape },
        200: { description: "It had been recorded before.", shape: recordedShape },
      },
      problems: ["INVALID_INPUT", "ID_CONFLICT", "UNIQUE_CONFLICT", "UNKNOWN_RUN"],
      async handle({ body }) {
        const [run] = await duckdive.enqueueByName([requestOf(body, jobs)]);
        return new Said(
          run?.run.created === true ? 201 : 200,
          run === undefined ? {} : recordedOf(run, body.job),
        );
      },
    }),
    route({
      method: "post",
      path: "/runs/many",
      summary: "Record many runs in one commit: all of them, or none",
      body: object({ runs: list(requestShape, { minItems: 1, maxItems: mostInBody }) }),
      answers: {
        200: { description: "They are recorded, and durable.", shape: many("runs", recordedShape) },
      },
      problems: ["INVALID_INPUT", "ID_CONFLICT", "UNIQUE_CONFLICT", "UNKNOWN_RUN", "CYCLE"],
      async handle({ body }) {
        const runs = await duckdive.enqueueByName(body.runs.map((one) => requestOf(one, jobs)));
        return { runs: runs.map((run, position) => recordedOf(run, body.runs[position]?.job ?? "")) };
      },
    }),
    route({
      method: "post",
      path: "/publish",
      summary: "Record a run of every job that listens to an event",
      body: publishShape,
      answers: {
        200: { description: "The runs; none where nobody listens.", shape: answer({ runs: list(id()) }) },
      },
      problems: ["INVALID_INPUT"],
      async handle({ body: { event, payload, ...more } }) {
        const runs = await duckdive.publish(event, payload, more);
        return { runs: runs.map((run) => run.id) };
      },
    }),
  ];
}

function requestOf(
  { job, input, queue, delay, runAt, ...more }: RequestBody,
  jobs: ReadonlyMap<string, AnyContract>,
): NamedRequest {
  const when = { ...more, ...(delay === undefined ? {} : { delay }) };
  const given = runAt === undefined ? when : { ...when, runAt: new Date(runAt) };
  // Both a delay and a time is refused by name where options are read.
  const asked: object = given;
  return { job: jobs.get(job) ?? job, input, queue, options: asked as RequestOptions };
}

function recordedOf({ run, isChecked, hint }: NamedRun, job: string): object {
  const { id, created } = run;
  return { id, created, job, checked: isChecked, ...(hint === undefined ? {} : { hint }) };
}
