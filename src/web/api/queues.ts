// Queues and jobs: how they stand, and what operators do to them without a deploy.
//
// Before this file come shapes. After it comes the client.
import { integer, object, orNull } from "../schema.js";
import type { ApiParts } from "./parts.js";
import { ok, type Route, route } from "./route.js";
import { jobShape, many, name, okShape, queueShape } from "./shapes.js";

const done = { 200: { description: "It is done, for every process.", shape: okShape } };

export function queueRoutes({ duckdive }: ApiParts): Route[] {
  return [
    route({
      method: "get",
      path: "/queues",
      summary: "List queues and what is in them",
      answers: { 200: { description: "Ended runs are not counted.", shape: many("queues", queueShape) } },
      handle: async () => ({ queues: await duckdive.queues() }),
    }),
    route({
      method: "post",
      path: "/queues/{queue}/pause",
      summary: "Let no run of a queue start",
      answers: done,
      handle: ({ part }) => ok(duckdive.pause({ queue: part("queue") })),
    }),
    route({
      method: "post",
      path: "/queues/{queue}/resume",
      summary: "Let them start again",
      answers: done,
      handle: ({ part }) => ok(duckdive.resume({ queue: part("queue") })),
    }),
    route({
      method: "put",
      path: "/queues/{queue}/slots",
      summary: "Set how many runs of a queue each worker executes at once; null: as each worker says itself",
      body: object({ slots: orNull(integer({ minimum: 0, maximum: 100_000 })) }),
      answers: done,
      handle: ({ part, body }) => ok(duckdive.setSlots(part("queue"), body.slots ?? undefined)),
    }),
    route({
      method: "get",
      path: "/jobs",
      summary: "List jobs that workers have, and those that the server knows",
      answers: { 200: { description: "By name.", shape: many("jobs", jobShape) } },
      async handle() {
        const [jobs, reroutes] = await Promise.all([duckdive.jobs(), duckdive.reroutes()]);
        return { jobs: jobs.map((job) => ({ ...job, reroutedTo: reroutes[job.name] })) };
      },
    }),
    route({
      method: "post",
      path: "/jobs/{job}/pause",
      summary: "Let no run of a job start",
      answers: done,
      handle: ({ part }) => ok(duckdive.pause({ job: part("job") })),
    }),
    route({
      method: "post",
      path: "/jobs/{job}/resume",
      summary: "Let them start again",
      answers: done,
      handle: ({ part }) => ok(duckdive.resume({ job: part("job") })),
    }),
    route({
      method: "put",
      path: "/jobs/{job}/queue",
      summary: "Send the runs of a job to another queue from now on; null: to its own",
      body: object({ queue: orNull(name) }),
      answers: done,
      handle: ({ part, body }) => ok(duckdive.reroute(part("job"), body.queue ?? undefined)),
    }),
  ];
}
