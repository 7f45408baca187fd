// Workers, living and gone, and what they are told.
//
// Before this file come shapes. After it comes the client.
import type { Command } from "../../queue/index.js";
import { refused } from "../problem.js";
import { anything, dictionary, either, id, integer, list, object, text, word } from "../schema.js";
import type { ApiParts } from "./parts.js";
import { type Route, route } from "./route.js";
import { departedShape, durationText, many, toldShape, workerShape } from "./shapes.js";

/** A command; the client says which of these go together. */
const commandShape = object(
  {},
  {
    do: word(["quiet", "resume", "stop", "kill", "queues"]),
    drain: either(durationText, integer({ minimum: 0 })),
    runs: list(id(), { maxItems: 1_000 }),
    queues: dictionary(integer({ minimum: 0, maximum: 100_000 })),
    name: text({ minLength: 1, maxLength: 200, description: "Of a message of the application's own." }),
    payload: anything(),
  },
);

export function workerRoutes({ duckdive }: ApiParts): Route[] {
  return [
    route({
      method: "get",
      path: "/workers",
      summary: "List workers and what they do",
      answers: {
        200: {
          description: "Those that live, or were not yet found dead.",
          shape: many("workers", workerShape),
        },
      },
      handle: async () => ({ workers: await duckdive.workers() }),
    }),
    route({
      method: "get",
      path: "/workers/departed",
      summary: "List workers that have stopped or died, and what became of their runs",
      query: object({}, { limit: integer({ minimum: 1, maximum: 1_000 }) }),
      answers: { 200: { description: "Newest first.", shape: many("workers", departedShape) } },
      handle: async ({ query: { limit } }) => ({
        workers: await duckdive.departed(limit === undefined ? {} : { limit }),
      }),
    }),
    route({
      method: "post",
      path: "/workers/{worker}/tell",
      summary: "Tell a worker something, by its id, or all workers, by the word all",
      body: commandShape,
      answers: { 200: { description: "It is durable until each has heard it.", shape: toldShape } },
      problems: ["NO_SUCH_WORKER"],
      async handle({ part, body }) {
        const worker = part("worker");
        const command: object = body;
        const told = await duckdive.tell(worker, command as Command);
        if (told === 0 && worker !== "all")
          throw refused(
            "NO_SUCH_WORKER",
            `No worker ${JSON.stringify(worker.slice(0, 60))} is registered now.`,
          );
        return { told };
      },
    }),
  ];
}
