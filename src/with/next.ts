// Next: route handlers and server actions, and `after` of "next/server", which calls once the response is out and keeps a
// serverless function alive until what it called has ended.
//
// Next is met by what it hands out, so nothing of it is loaded here: the application passes `after`, and for server actions,
// which are given no request, `headers`.
//
// Before this file comes the application's route. After it comes what it exports.
import type { Duckdive } from "../queue/index.js";
import {
  checkFunction,
  createRequests,
  fetchHeaders,
  type HeadersOf,
  type Requests,
  type RequestsOptions,
  withHands,
} from "./request.js";

export type { RequestHand, Requests, RequestsOptions } from "./request.js";

/** What is needed of Next. */
export interface NextOptions extends RequestsOptions {
  /** `after` of "next/server". Or whatever takes a function to call once the response is out. */
  after: (task: () => Promise<void>) => void;
  /** `headers` of "next/headers", for server actions. */
  headers?: (() => Promise<{ get(name: string): string | null }>) | undefined;
}

export interface NextRequests<Tx = unknown> extends Requests<Tx> {
  /** Wraps a route handler, or a server action: inside it, its request has its hand. */
  <A extends unknown[], R>(handler: (...args: A) => Promise<R>): (...args: A) => Promise<R>;
}

/**
 * The hands of the requests of a Next application.
 *
 * @throws InvalidOptionError
 * @example
 * import { after } from "next/server";
 * export const jobs = requests(duckdive, { after });
 * // app/users/route.ts
 * export const POST = jobs(async (request: Request) => {
 *   await jobs.of(request).afterResponse(welcome, { userId: 7 });
 *   return new Response("welcome", { status: 201 });
 * });
 */
export function requests<Tx, Sync extends boolean>(
  duckdive: Duckdive<Tx, Sync>,
  { after, headers, ...options }: NextOptions,
): NextRequests<Tx> {
  checkFunction(after, "requests(): after", 'Pass that of "next/server".');
  const core = createRequests(duckdive, options);
  const wrap =
    <A extends unknown[], R>(handler: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const [first] = args;
      const request = isRequest(first) ? first : undefined;
      const told = request === undefined ? await headers?.() : request.headers;
      const read: HeadersOf = told === undefined ? () => undefined : fetchHeaders(told);
      const begun = core.begin(read, request === undefined ? [] : [request]);
      after(() => begun.over());
      return begun.run(() => handler(...args));
    };
  return withHands(wrap, core);
}

function isRequest(value: unknown): value is Request {
  if (typeof value !== "object" || value === null || !("headers" in value)) return false;
  const { headers } = value;
  return (
    typeof headers === "object" && headers !== null && "get" in headers && typeof headers.get === "function"
  );
}
