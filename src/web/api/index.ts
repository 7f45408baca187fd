// The API: one resource a file, put together.
//
//   enqueue     asking for runs            runs        looking at them
//   acts        doing something to them    queues      queues and jobs
//   workers     living and gone            schedules   what ticks
//   statistics  figures, and batches       events      what changes, live
//   openapi     all of it as a document
//
// Before this file comes access, which has let the request pass. After it come the resources.
import { Hono } from "hono";
import type { Log } from "../../job/index.js";
import type { WebEnvironment } from "../environment.js";
import { createNews } from "../news.js";
import { createStreams } from "../streams.js";
import { actRoutes } from "./acts.js";
import { enqueueRoutes } from "./enqueue.js";
import { eventRoutes } from "./events.js";
import { openApiOf } from "./openapi.js";
import type { ApiParts } from "./parts.js";
import { queueRoutes } from "./queues.js";
import { addRoutes, type Route, route } from "./route.js";
import { runRoutes } from "./runs.js";
import { scheduleRoutes } from "./schedules.js";
import { answer } from "./shapes.js";
import { statisticsRoutes } from "./statistics.js";
import { workerRoutes } from "./workers.js";

export interface Api {
  readonly app: Hono<WebEnvironment>;
  readonly routes: readonly Route[];
  readonly close: () => void;
}

export function createApi(parts: ApiParts & { readonly log: Log; readonly base: string }): Api {
  const { duckdive, shown, log, base } = parts;
  const onError = (error: unknown): void => log.error("a live stream has met an error", { error });
  const streams = createStreams(parts.streams, onError);
  const news = createNews({ duckdive, shown, onError });
  const routes: Route[] = [
    ...enqueueRoutes(parts),
    ...runRoutes(parts),
    ...actRoutes(parts),
    ...queueRoutes(parts),
    ...workerRoutes(parts),
    ...scheduleRoutes(parts),
    ...statisticsRoutes(parts),
    ...eventRoutes({ news, streams }),
    route({
      method: "get",
      path: "/openapi.json",
      summary: "This API as an OpenAPI document",
      answers: { 200: { description: "OpenAPI 3.1.", shape: answer({}) } },
      handle: async () => openApiOf(routes, `${base}/api`),
    }),
  ];
  const app = new Hono<WebEnvironment>();
  addRoutes(app, routes);
  return { app, routes, close: streams.close };
}
