// Figures over all runs, and over the runs of a batch.
//
// Before this file come shapes. After it comes the client.
import { either, object, time, word } from "../schema.js";
import type { ApiParts } from "./parts.js";
import { type Route, route } from "./route.js";
import { batchShape, durationText, statisticsShape } from "./shapes.js";

export function statisticsRoutes({ duckdive }: ApiParts): Route[] {
  return [
    route({
      method: "get",
      path: "/statistics",
      summary: "Count runs by state, and say how fast they go",
      query: object(
        {},
        {
          by: word(["queue", "job"]),
          since: either(durationText, time(), {
            description: "A time, or how long ago; an hour unless given.",
          }),
        },
      ),
      answers: { 200: { description: "By queue, or by job: the busiest first.", shape: statisticsShape } },
      async handle({ query: { by, since } }) {
        const options = {
          ...(by === undefined ? {} : { by }),
          ...(since === undefined ? {} : { since: sinceOf(since) }),
        };
        const [runs, throughput] = await Promise.all([duckdive.stats(), duckdive.throughput(options)]);
        return { runs, throughput };
      },
    }),
    route({
      method: "get",
      path: "/batches/{id}",
      summary: "Say how far a batch is",
      answers: { 200: { description: "The counts as they are now.", shape: batchShape } },
      problems: ["UNKNOWN_BATCH"],
      handle: ({ part }) => duckdive.batchOf(part("id")).summary(),
    }),
  ];
}

function sinceOf(text: string): Date | `${number}h` {
  return /T/.test(text) ? new Date(text) : (text as `${number}h`);
}
