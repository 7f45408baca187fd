// node:http, without a framework: a listener around the application's own.
//
// Before this file comes the server. After it come the request's hand, and the application.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duckdive } from "../queue/index.js";
import {
  createRequests,
  nodeHeaders,
  overWith,
  type Requests,
  type RequestsOptions,
  withHands,
} from "./request.js";

export type { RequestHand, Requests, RequestsOptions } from "./request.js";

/** @inline */
type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Wraps a listener: inside it, requests have their hands. */
export interface NodeRequests<Tx = unknown> extends Requests<Tx> {
  (listener: Listener): (request: IncomingMessage, response: ServerResponse) => void;
}

/**
 * The hands of the requests of a server of node:http.
 *
 * @throws InvalidOptionError
 * @example
 * const jobs = requests(duckdive);
 * const server = createServer(jobs(async (request, response) => {
 *   await jobs.of(request).afterResponse(welcome, { userId: 7 });
 *   response.end("welcome");
 * }));
 */
export function requests<Tx, Sync extends boolean>(
  duckdive: Duckdive<Tx, Sync>,
  options?: RequestsOptions,
): NodeRequests<Tx> {
  const core = createRequests(duckdive, options);
  const wrap =
    (listener: Listener) =>
    (request: IncomingMessage, response: ServerResponse): void => {
      const begun = core.begin(nodeHeaders(request.headers), [request]);
      overWith(response, begun);
      begun.run(() => listener(request, response));
    };
  return withHands(wrap, core);
}
