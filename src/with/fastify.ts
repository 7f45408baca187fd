// Fastify: a plugin that gives every request of the application its hand.
//
// It steps out of Fastify's encapsulation, since what it adds is for all routes. The context is entered when a request comes
// and once more when its body has been read, because reading it goes through other hands.
//
// Before this file comes `app.register`. After it come the application's routes.
import type { Duckdive } from "../queue/index.js";
import {
  type Begun,
  createRequests,
  type NodeResponse,
  nodeHeaders,
  overWith,
  type RequestHand,
  type Requests,
  type RequestsOptions,
  withHands,
} from "./request.js";

export type { RequestHand, Requests, RequestsOptions } from "./request.js";

/** What is used of a request and a reply of Fastify. */
export interface FastifyRequestShape {
  readonly id: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}
/** What is used of a reply. */
export interface FastifyReplyShape {
  readonly raw: NodeResponse;
}
type Hook = (request: FastifyRequestShape, reply: FastifyReplyShape, done: () => void) => void;
/** What is used of an application. */
export interface FastifyShape {
  decorateRequest(name: string, value: null): unknown;
  addHook(name: "onRequest" | "preValidation", hook: Hook): unknown;
}

export interface FastifyRequests<Tx = unknown> extends Requests<Tx> {
  /** For `app.register`. */
  readonly plugin: (app: FastifyShape, options: unknown, done: () => void) => void;
}

/**
 * The hands of the requests of a Fastify application; each also stands at `request.duckdive`. The request's id is Fastify's.
 *
 * @throws InvalidOptionError
 * @example
 * const jobs = requests(duckdive);
 * await app.register(jobs.plugin);
 * app.post("/users", async (request) => {
 *   await jobs.of(request).afterResponse(welcome, { userId: 7 });
 *   return { welcome: true };
 * });
 */
export function requests<Tx, Sync extends boolean>(
  duckdive: Duckdive<Tx, Sync>,
  options?: RequestsOptions,
): FastifyRequests<Tx> {
  const core = createRequests(duckdive, options);
  const begun = new WeakMap<object, Begun<Tx>>();

  const onRequest: Hook = (request: FastifyRequestShape & { duckdive?: RequestHand<Tx> }, reply, done) => {
    const one = core.begin(nodeHeaders(request.headers), [request], requestId(request));
    begun.set(request, one);
    request.duckdive = one.hand;
    overWith(reply.raw, one);
    one.run(done);
  };
  const again: Hook = (request, _reply, done) => {
    const one = begun.get(request);
    if (one === undefined) done();
    else one.run(done);
  };
  const plugin = (app: FastifyShape, _options: unknown, done: () => void): void => {
    app.decorateRequest("duckdive", null);
    app.addHook("onRequest", onRequest);
    app.addHook("preValidation", again);
    done();
  };
  Object.assign(plugin, { [Symbol.for("skip-override")]: true });
  return withHands({ plugin }, core);
}

/** Fastify's own counts from 1 in each process, so it is only taken where somebody has made it something to find again. */
function requestId({ id, headers }: FastifyRequestShape): string | undefined {
  if (headers["x-request-id"] !== undefined && headers["x-request-id"] !== id) return undefined;
  return /^req-[0-9a-z]+$/.test(id) ? undefined : id;
}
