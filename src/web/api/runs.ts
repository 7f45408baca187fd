// Looking at runs: lists, pages, counts, one run, its end, its steps, its history, and why it is where it is.
//
// Everything of a run passes `shown` on its way out.
//
// Before this file come shapes and filters. After it comes the client.

import type { RunRecord, Settled } from "../../job/index.js";
import { job as define } from "../../job/index.js";
import { RunNotFoundError } from "../../queue/index.js";
import { hasEnded } from "../../run/index.js";
import { integer, object } from "../schema.js";
import { filterOf, filterQuery, listQuery } from "./filter.js";
import type { ApiParts } from "./parts.js";
import { type Route, route, Said } from "./route.js";
import {
  countShape,
  many,
  outcomeShape,
  pageShape,
  runShape,
  sentencesShape,
  stepShape,
  timelineShape,
} from "./shapes.js";

const longestWait = 60;

export function runRoutes({ duckdive, shown }: ApiParts): Route[] {
  async function find(id: string): Promise<RunRecord> {
    const run = await duckdive.get(id);
    if (run === undefined) throw new RunNotFoundError(id);
    return run;
  }

  /** How it ended, once it has; undefined: it has not in this time. */
  async function end(
    run: RunRecord,
    seconds: number,
    signal: AbortSignal,
  ): Promise<Settled<unknown> | undefined> {
    if (!hasEnded(run.state) && seconds === 0) return undefined;
    try {
      return await duckdive
        .run(define({ name: run.job }), run.id)
        .outcome({ timeout: seconds * 1_000, signal });
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "RESULT_TIMEOUT") return undefined;
      throw error;
    }
  }

  return [
    route({
      method: "get",
      path: "/runs",
      summary: "List runs, newest first, page by page",
      query: listQuery,
      answers: { 200: { description: "A page of runs.", shape: pageShape } },
      async handle({ query: { limit, cursor, ...filter } }) {
        const page = {
          ...(limit === undefined ? {} : { limit }),
          ...(cursor === undefined ? {} : { cursor }),
        };
        const { runs, cursor: next } = await duckdive.list(filterOf(filter), page);
        return { runs: runs.map(shown.run), cursor: next };
      },
    }),
    route({
      method: "get",
      path: "/runs/count",
      summary: "Count runs",
      query: filterQuery,
      answers: { 200: { description: "How many.", shape: countShape } },
      handle: async ({ query }) => ({ count: await duckdive.count(filterOf(query)) }),
    }),
    route({
      method: "get",
      path: "/runs/{id}",
      summary: "Show a run",
      answers: { 200: { description: "The run.", shape: runShape } },
      problems: ["RUN_NOT_FOUND"],
      handle: async ({ part }) => shown.run(await find(part("id"))),
    }),
    route({
      method: "get",
      path: "/runs/{id}/outcome",
      summary: "Say how a run ended, and wait for that",
      query: object(
        {},
        { wait: integer({ minimum: 0, maximum: longestWait, description: "Seconds; 0 unless given." }) },
      ),
      answers: {
        200: { description: "It has ended.", shape: outcomeShape },
        202: { description: "It has not ended in this time. Ask again.", shape: outcomeShape },
      },
      problems: ["RUN_NOT_FOUND"],
      async handle({ part, query: { wait = 0 }, context }) {
        const run = await find(part("id"));
        const ended = await end(run, wait, context.req.raw.signal);
        if (ended === undefined) return new Said(202, { state: (await find(run.id)).state });
        if (ended.state === "cancelled") return ended;
        // The value itself is the caller's own, in code; here it is shown.
        const { output, error } = shown.run(await find(run.id));
        return ended.state === "succeeded" ? { state: ended.state, output } : { state: ended.state, error };
      },
    }),
    route({
      method: "get",
      path: "/runs/{id}/steps",
      summary: "Show what a run has on record: its durable calls",
      answers: {
        200: {
          description: "In the order in which they settled, then those that are pending.",
          shape: many("steps", stepShape),
        },
      },
      problems: ["RUN_NOT_FOUND"],
      async handle({ part }) {
        const { id, job } = await find(part("id"));
        return { steps: shown.steps(job, await duckdive.steps(id)) };
      },
    }),
    route({
      method: "get",
      path: "/runs/{id}/timeline",
      summary: "Show what happened to a run, and what its handler logged",
      answers: { 200: { description: "Oldest first.", shape: timelineShape } },
      problems: ["RUN_NOT_FOUND"],
      async handle({ part }) {
        const { id, job } = await find(part("id"));
        return shown.timeline(job, await duckdive.timeline(id));
      },
    }),
    route({
      method: "get",
      path: "/runs/{id}/explain",
      summary: "Say why a run is where it is",
      answers: { 200: { description: "In sentences.", shape: sentencesShape } },
      problems: ["RUN_NOT_FOUND"],
      async handle({ part }) {
        const { id, job } = await find(part("id"));
        const sentences = await duckdive.explain(id);
        return { sentences: sentences.map((one) => String(shown.value(job, "explanation", one))) };
      },
    }),
  ];
}
