// Acting on runs: one by its id, many by ids or by filter.
//
// A request that acts on many goes for some seconds and then answers how far it came: sent again with that cursor it goes
// on, so no proxy's patience ends it half-way, and a caller that goes away stops it after the chunk under way.
//
// Before this file come shapes and filters. After it comes the client.
import type { Signal } from "../../job/index.js";
import { job as define, signal as defineSignal } from "../../job/index.js";
import { didYouMean } from "../../kernel/index.js";
import { type BulkOptions, type Change, RunNotFoundError } from "../../queue/index.js";
import { refused } from "../problem.js";
import { anything, either, flag, id, integer, object, type TypeOf, text, time } from "../schema.js";
import { targetFields, targetOf } from "./filter.js";
import type { ApiParts } from "./parts.js";
import { type Route, route, Said } from "./route.js";
import { actedShape, doneShape, durationText, name, okShape } from "./shapes.js";

/** How long a request goes on, in milliseconds. */
const patience = 10_000;

const reason = text({ minLength: 1, maxLength: 1_000 });
const changeFields = {
  priority: integer({ minimum: -10, maximum: 10 }),
  queue: name,
  runAt: time(),
  delay: either(durationText, integer({ minimum: 0 })),
};
const bulkFields = {
  ...targetFields,
  dryRun: flag({ description: "Does nothing, and answers on how many it would." }),
  from: text({ maxLength: 2_000, description: "The `cursor` of the answer before." }),
};
const acted = { 200: { description: "What was done.", shape: actedShape } };
const done = { 200: { description: "How far it came.", shape: doneShape } };

interface BulkBody extends Partial<TypeOf<typeof targetShape>> {
  readonly dryRun?: boolean | undefined;
  readonly from?: string | undefined;
}
const targetShape = object({}, targetFields);

export function actRoutes({ duckdive, jobs, signals }: ApiParts): Route[] {
  async function one(part: (name: string) => string, act: (id: string) => Promise<number>): Promise<object> {
    const id = part("id");
    const count = await act(id);
    if (count === 0 && (await duckdive.get(id)) === undefined) throw new RunNotFoundError(id);
    return { id, done: count > 0 };
  }

  function signalOf(name: string): Signal<string, unknown, unknown> {
    return signals.get(name) ?? defineSignal(name, unjudged);
  }

  /** Nobody would ever take a signal whose name is nearly that of the one which a run waits for. */
  async function refuseMisspelt(run: string, name: string): Promise<void> {
    const waits = (await duckdive.steps(run)).filter(({ kind }) => kind === "signal");
    if (waits.some((step) => step.signal === name)) return;
    const pending = waits.flatMap((step) => (step.state === "pending" ? [step.signal ?? ""] : []));
    const suggestion = didYouMean(name, pending);
    if (suggestion !== "")
      throw refused("MISSPELT_SIGNAL", `Run ${run} does not wait for ${JSON.stringify(name)}.${suggestion}`);
  }

  return [
    route({
      method: "post",
      path: "/runs/{id}/cancel",
      summary: "End a run, or ask a running one to end",
      body: object({}, { reason }),
      isBodyOptional: true,
      answers: acted,
      problems: ["RUN_NOT_FOUND"],
      handle: ({ part, body }) => one(part, (id) => duckdive.cancel(id, body.reason)),
    }),
    route({
      method: "post",
      path: "/runs/{id}/retry",
      summary: "Make a failed or cancelled run ready again",
      body: object(
        {},
        {
          from: text({ minLength: 1, maxLength: 1_000, description: "Forget its record from this step on." }),
        },
      ),
      isBodyOptional: true,
      answers: acted,
      problems: ["RUN_NOT_FOUND", "NOT_RETRYABLE", "UNKNOWN_STEP"],
      handle: ({ part, body: { from } }) =>
        one(part, (id) => (from === undefined ? duckdive.retry(id) : duckdive.retry(id, { from }))),
    }),
    route({
      method: "post",
      path: "/runs/{id}/change",
      summary: "Give a run that waits another queue, priority or time",
      body: object({}, changeFields),
      answers: acted,
      problems: ["RUN_NOT_FOUND"],
      handle: ({ part, body }) => one(part, (id) => duckdive.change(id, changeOf(body))),
    }),
    route({
      method: "delete",
      path: "/runs/{id}",
      summary: "Remove a run that is not running",
      answers: { 204: { description: "It is gone." } },
      problems: ["RUN_NOT_FOUND", "RUN_IS_RUNNING"],
      async handle({ part }) {
        const id = part("id");
        if ((await duckdive.delete(id)) > 0) return new Said(204, undefined);
        if ((await duckdive.get(id)) === undefined) throw new RunNotFoundError(id);
        throw refused(
          "RUN_IS_RUNNING",
          `Run ${id} is running. Cancel it first, and remove it when it has ended.`,
        );
      },
    }),
    route({
      method: "post",
      path: "/runs/{id}/signal",
      summary: "Send a signal to a run",
      body: object({ name }, { payload: anything(), id: id() }),
      answers: { 200: { description: "It is sent, once by its id.", shape: okShape } },
      problems: ["RUN_NOT_FOUND", "SIGNAL_UNHEARD", "MISSPELT_SIGNAL", "INVALID_INPUT"],
      async handle({ part, body }) {
        await refuseMisspelt(part("id"), body.name);
        await duckdive.signal(part("id"), signalOf(body.name), body.payload, ofId(body.id));
        return { done: true };
      },
    }),
    route({
      method: "post",
      path: "/signals",
      summary: "Send a signal to whichever run of a job has a unique key, or gets it next",
      body: object(
        { job: name, key: text({ minLength: 1, maxLength: 1_000 }), name },
        { payload: anything(), id: id() },
      ),
      answers: { 200: { description: "It is sent, once by its id.", shape: okShape } },
      problems: ["INVALID_INPUT"],
      async handle({ body: { job, key, ...body } }) {
        const contract = jobs.get(job) ?? define({ name: job, unique: { by: () => key } });
        await duckdive.signal({ job: contract, key }, signalOf(body.name), body.payload, ofId(body.id));
        return { done: true };
      },
    }),
    route({
      method: "post",
      path: "/runs/cancel",
      summary: "End many runs",
      body: object({}, { ...bulkFields, reason }),
      answers: done,
      handle: ({ body, context }) =>
        some(body, context.req.raw.signal, (options) =>
          duckdive.cancel(targetOf(body), body.reason, options),
        ),
    }),
    route({
      method: "post",
      path: "/runs/retry",
      summary: "Make many failed or cancelled runs ready again",
      body: object({}, bulkFields),
      answers: done,
      handle: ({ body, context }) =>
        some(body, context.req.raw.signal, (options) => duckdive.retry(targetOf(body), options)),
    }),
    route({
      method: "post",
      path: "/runs/delete",
      summary: "Remove many runs that are not running",
      body: object({}, bulkFields),
      answers: done,
      handle: ({ body, context }) =>
        some(body, context.req.raw.signal, (options) => duckdive.delete(targetOf(body), options)),
    }),
    route({
      method: "post",
      path: "/runs/change",
      summary: "Give many runs that wait another queue, priority or time",
      body: object({ change: object({}, changeFields) }, bulkFields),
      answers: done,
      handle: ({ body, context }) =>
        some(body, context.req.raw.signal, (options) =>
          duckdive.change(targetOf(body), changeOf(body.change), options),
        ),
    }),
  ];
}

/** Acts until it is done, nobody waits for it any more, or it has gone on for long enough. */
async function some(
  { dryRun, from }: BulkBody,
  caller: AbortSignal,
  act: (options: BulkOptions) => Promise<number>,
): Promise<object> {
  const enough = AbortSignal.timeout(patience);
  let far: { done: number; cursor: string | undefined } | undefined;
  const options: BulkOptions = {
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(from === undefined ? {} : { from }),
    onProgress: (progress) => {
      far = progress;
    },
    signal: AbortSignal.any([enough, caller]),
  };
  try {
    return { done: await act(options) };
  } catch (error) {
    if (error !== enough.reason || far === undefined) throw error;
    return far;
  }
}

function changeOf({ runAt, delay, ...rest }: TypeOf<typeof changeShape>): Change {
  const given: object = {
    ...rest,
    ...(runAt === undefined ? {} : { runAt: new Date(runAt) }),
    ...(delay === undefined ? {} : { delay }),
  };
  return given;
}
const changeShape = object({}, changeFields);

function ofId(id: string | undefined): { id?: string } {
  return id === undefined ? {} : { id };
}

/** For a signal whose definition is not at hand: the handler's judges the payload. */
const unjudged = {
  "~standard": {
    version: 1,
    vendor: "duckdive",
    validate: (value: unknown) => ({ value }),
    types: undefined as { readonly input: unknown; readonly output: unknown } | undefined,
  },
} as const;
