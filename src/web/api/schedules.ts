// Schedules: how they stand, when they tick, and doing something about it.
//
// Those in the code of workers can be paused and triggered; those that were made at run time are made, changed and removed
// here as well, with a job by name, whose workers check the input.
//
// Before this file come shapes. After it comes the client.
import type { RuntimeScheduleOptions, ScheduleState } from "../../queue/index.js";
import { ScheduleNotFoundError } from "../../schedule/index.js";
import { anything, either, id, integer, list, object, type TypeOf, text, time, word } from "../schema.js";
import type { ApiParts } from "./parts.js";
import { ok, type Route, route, Said } from "./route.js";
import { answer, durationText, many, name, okShape, scheduleShape, tickShape } from "./shapes.js";

const rules = object(
  { job: name },
  {
    cron: text({ minLength: 1, maxLength: 200, examples: ["15 4 * * 1-5"] }),
    timeZone: text({ minLength: 1, maxLength: 100 }),
    every: either(durationText, integer({ minimum: 1 })),
    missed: either(word(["skip", "once"]), object({ all: integer({ minimum: 1, maximum: 10_000 }) })),
    overlap: word(["allow", "skip"]),
    jitter: either(durationText, integer({ minimum: 0 })),
    start: time(),
    end: time(),
    input: anything(),
  },
);
const changed = { 200: { description: "It is done, for every process.", shape: okShape } };
const problems = ["SCHEDULE_NOT_FOUND"];

export function scheduleRoutes({ duckdive, shown }: ApiParts): Route[] {
  async function find(schedule: string): Promise<ScheduleState> {
    const state = await duckdive.schedule(schedule).get();
    if (state === undefined) throw new ScheduleNotFoundError(schedule);
    return state;
  }

  return [
    route({
      method: "get",
      path: "/schedules",
      summary: "List schedules",
      answers: { 200: { description: "By name.", shape: many("schedules", scheduleShape) } },
      handle: async () => ({ schedules: (await duckdive.schedules()).map(shown.schedule) }),
    }),
    route({
      method: "get",
      path: "/schedules/{schedule}",
      summary: "Show a schedule",
      answers: { 200: { description: "As it stands.", shape: scheduleShape } },
      problems,
      handle: async ({ part }) => shown.schedule(await find(part("schedule"))),
    }),
    route({
      method: "get",
      path: "/schedules/{schedule}/preview",
      summary: "Say when it ticks next",
      query: object({}, { count: integer({ minimum: 1, maximum: 100 }) }),
      answers: { 200: { description: "As if it were not paused.", shape: answer({ ticks: list(time()) }) } },
      problems,
      handle: async ({ part, query }) => ({
        ticks: await duckdive.schedule((await find(part("schedule"))).name).preview(query.count),
      }),
    }),
    route({
      method: "get",
      path: "/schedules/{schedule}/history",
      summary: "Say what became of its ticks",
      query: object({}, { limit: integer({ minimum: 1, maximum: 500 }) }),
      answers: {
        200: { description: "The latest first, with their runs.", shape: many("ticks", tickShape) },
      },
      problems,
      async handle({ part, query: { limit } }) {
        const { name } = await find(part("schedule"));
        const ticks = await duckdive.schedule(name).history(limit === undefined ? {} : { limit });
        return {
          ticks: ticks.map(({ run, ...tick }) =>
            run === undefined ? tick : { ...tick, run: shown.run(run) },
          ),
        };
      },
    }),
    route({
      method: "post",
      path: "/schedules/{schedule}/pause",
      summary: "Let it not tick until it is resumed",
      answers: changed,
      problems,
      handle: async ({ part }) => ok(duckdive.schedule(part("schedule")).pause()),
    }),
    route({
      method: "post",
      path: "/schedules/{schedule}/resume",
      summary: "Let it tick again",
      answers: changed,
      problems,
      handle: async ({ part }) => ok(duckdive.schedule(part("schedule")).resume()),
    }),
    route({
      method: "post",
      path: "/schedules/{schedule}/trigger",
      summary: "Record a run of it now",
      answers: { 201: { description: "It is recorded.", shape: answer({ id: id() }) } },
      problems: [...problems, "SCHEDULE_NOT_AT_HAND"],
      async handle({ part }) {
        const run = await duckdive.schedule(part("schedule")).trigger();
        return new Said(201, { id: run.id });
      },
    }),
    route({
      method: "put",
      path: "/schedules/{schedule}",
      summary: "Make a schedule, or define one anew that was made so",
      body: rules,
      answers: {
        200: { description: "It is defined anew.", shape: okShape },
        201: { description: "It is made.", shape: okShape },
      },
      problems: ["SCHEDULE_IN_CODE"],
      async handle({ part, body: { job, ...given } }) {
        const handle = duckdive.schedule(part("schedule"));
        const isThere = (await handle.get()) !== undefined;
        await (isThere ? handle.update(job, optionsOf(given)) : handle.create(job, optionsOf(given)));
        return new Said(isThere ? 200 : 201, { done: true });
      },
    }),
    route({
      method: "delete",
      path: "/schedules/{schedule}",
      summary: "Remove a schedule that was made at run time, or is retired, with its history",
      answers: { 204: { description: "It is gone; its runs stay." } },
      problems: [...problems, "SCHEDULE_IN_CODE"],
      async handle({ part }) {
        const schedule = part("schedule");
        if (!(await duckdive.schedule(schedule).remove())) throw new ScheduleNotFoundError(schedule);
        return new Said(204, undefined);
      },
    }),
  ];
}

/** What goes together and what does not is for the client to say. */
function optionsOf({
  start,
  end,
  ...rest
}: Omit<TypeOf<typeof rules>, "job">): RuntimeScheduleOptions<unknown> {
  const given: object = {
    ...rest,
    ...(start === undefined ? {} : { start: new Date(start) }),
    ...(end === undefined ? {} : { end: new Date(end) }),
  };
  return given as RuntimeScheduleOptions<unknown>;
}
