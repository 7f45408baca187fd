// Express, and whatever has its middleware: Connect, Polka, Restify.
//
// Mount it first. Some parsers of bodies lose the context of their request; `of(request)` knows it all the same.
//
// Before this file comes the application's `app.use`. After it come its routes.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duckdive } from "../queue/index.js";
import {
  createRequests,
  nodeHeaders,
  overWith,
  type RequestHand,
  type Requests,
  type RequestsOptions,
  withHands,
} from "./request.js";

export type { RequestHand, Requests, RequestsOptions } from "./request.js";

/** Middleware, which also gives the hands of requests. */
export interface ExpressRequests<Tx = unknown> extends Requests<Tx> {
  (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void;
}

/**
 * The hands of the requests of an Express application; each also stands at `request.duckdive`.
 *
 * @throws InvalidOptionError
 * @example
 * const jobs = requests(duckdive);
 * app.use(jobs);
 * app.post("/users", async (request, response) => {
 *   await jobs.of(request).afterResponse(welcome, { userId: 7 });
 *   response.sendStatus(201);
 * });
 */
export function requests<Tx, Sync extends boolean>(
  duckdive: Duckdive<Tx, Sync>,
  options?: RequestsOptions,
): ExpressRequests<Tx> {
  const core = createRequests(duckdive, options);
  const middleware = (
    request: IncomingMessage & { duckdive?: RequestHand<Tx> },
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): void => {
    const begun = core.begin(nodeHeaders(request.headers), [request]);
    request.duckdive = begun.hand;
    overWith(response, begun);
    begun.run(() => next());
  };
  return withHands(middleware, core);
}
