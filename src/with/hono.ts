// Hono, wherever it runs: on Node a response is out when its socket says so; at the edge, one turn after it was given back,
// and `waitUntil` keeps the function alive for what comes then.
//
// Before this file comes `app.use`. After it come the application's routes, which find the hand in `c.var.duckdive`.
import type { MiddlewareHandler } from "hono";
import type { Duckdive } from "../queue/index.js";
import {
  type Begun,
  createRequests,
  fetchHeaders,
  type NodeResponse,
  overWith,
  type RequestHand,
  type Requests,
  type RequestsOptions,
  withHands,
} from "./request.js";

export type { RequestHand, Requests, RequestsOptions } from "./request.js";

/** Middleware, which also gives the hands of requests. */
export type HonoRequests<Tx = unknown> = MiddlewareHandler<{ Variables: { duckdive: RequestHand<Tx> } }> &
  Requests<Tx>;

/**
 * The hands of the requests of a Hono application: `c.var.duckdive`, or `of(c)`.
 *
 * @throws InvalidOptionError
 * @example
 * const jobs = requests(duckdive);
 * const app = new Hono().use(jobs).post("/users", async (c) => {
 *   await c.var.duckdive.afterResponse(welcome, { userId: 7 });
 *   return c.text("welcome", 201);
 * });
 */
export function requests<Tx, Sync extends boolean>(
  duckdive: Duckdive<Tx, Sync>,
  options?: RequestsOptions,
): HonoRequests<Tx> {
  const core = createRequests(duckdive, options);
  const middleware: MiddlewareHandler<{ Variables: { duckdive: RequestHand<Tx> } }> = async (c, next) => {
    const begun = core.begin(fetchHeaders(c.req.raw.headers), [c, c.req.raw]);
    c.set("duckdive", begun.hand);
    const outgoing = outgoingOf(c.env);
    if (outgoing !== undefined) overWith(outgoing, begun);
    try {
      await begun.run(next);
    } finally {
      if (outgoing === undefined) soon(begun, waitUntilOf(c));
    }
  };
  return withHands(middleware, core);
}

/** The response of node:http, where @hono/node-server serves. */
function outgoingOf(env: unknown): NodeResponse | undefined {
  if (typeof env !== "object" || env === null || !("outgoing" in env)) return undefined;
  const { outgoing } = env;
  return typeof outgoing === "object" && outgoing !== null && "writableFinished" in outgoing
    ? (outgoing as NodeResponse)
    : undefined;
}

/** Hono throws where there is none. */
function waitUntilOf(c: { readonly executionCtx: { waitUntil(promise: Promise<unknown>): void } }) {
  try {
    const { executionCtx } = c;
    return (promise: Promise<unknown>): void => executionCtx.waitUntil(promise);
  } catch {
    return undefined;
  }
}

function soon(
  begun: Pick<Begun<unknown>, "over">,
  waitUntil: ((promise: Promise<unknown>) => void) | undefined,
): void {
  const recorded = new Promise<void>((resolve) => setTimeout(resolve, 0)).then(() => begun.over());
  if (waitUntil !== undefined) waitUntil(recorded);
}
