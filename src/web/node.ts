// Serving it with node:http: a listener for whatever takes one (Express, Fastify, a plain server), and a server of its own.
//
// A message of Node becomes a Request and a Response becomes what Node writes; a caller that goes away aborts the request. The
// address is put together from the host that was asked for and the path as it came, and never read as a whole, so that no path
// can pretend to be another host. What is no path, or no host, is refused here.
//
// Before this file comes the socket. After it comes the web part.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { problemOf, problemResponse, refused } from "./problem.js";
import type { Web } from "./web.js";

/** A listener of `node:http`. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The web part as a listener of node:http.
 *
 * @example createServer(nodeListener(jobs)).listen(3535, "127.0.0.1");
 * @example app.use("/jobs", nodeListener(jobs)); // Express, before what parses bodies
 */
export function nodeListener(web: Web): NodeListener {
  return (request, response) => {
    void answer(web, request, response);
  };
}

async function answer(web: Web, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  try {
    const answered = await answerOf(web, request, gone.signal);
    await write(answered, request, response);
  } catch {
    // The connection broke while it was written to: nobody is there to be told.
    response.destroy();
  }
}

async function answerOf(web: Web, request: IncomingMessage, signal: AbortSignal): Promise<Response> {
  try {
    return await web(requestOf(request, signal), { address: request.socket.remoteAddress });
  } catch (error) {
    return problemResponse(problemOf(error).problem);
  }
}

/** Express keeps the whole path beside the one that is left below where it is mounted. */
function pathOf(request: IncomingMessage & { originalUrl?: unknown }): string {
  return typeof request.originalUrl === "string" ? request.originalUrl : (request.url ?? "/");
}

function requestOf(request: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", socket, rawHeaders } = request;
  const host = request.headers.host ?? "";
  const path = pathOf(request);
  // Node takes the first of several; something before it may have taken another one.
  const isTold = rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === "host").length === 1;
  if (!isTold || !/^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(host))
    throw refused("INVALID_REQUEST", "The Host header is no host.");
  if (!path.startsWith("/")) throw refused("INVALID_REQUEST", "The request is for no path.");
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = rawHeaders.slice(at, at + 2);
    headers.append(name, value);
  }
  const scheme = "encrypted" in socket && socket.encrypted === true ? "https" : "http";
  const isBodiless = method === "GET" || method === "HEAD";
  if (!isBodiless && request.readableEnded && hasBody(request)) {
    throw refused(
      "BODY_READ_BEFORE",
      "Something before this has read the body. Mount duckdive before what parses bodies.",
    );
  }
  const body = isBodiless ? {} : { body: bodyOf(request), duplex: "half" as const };
  return new Request(`${scheme}://${host}${path}`, { method, headers, signal, ...body });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function bodyOf(request: IncomingMessage): ReadableStream<Uint8Array> | null {
  if (!hasBody(request)) return null;
  return Readable.toWeb(request) as ReadableStream<Uint8Array>;
}

async function write(answered: Response, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.statusCode = answered.status;
  for (const [name, value] of answered.headers) {
    if (name !== "set-cookie") response.setHeader(name, value);
  }
  const cookies = answered.headers.getSetCookie();
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  // What is left of a body that was refused is not read for the sake of the next request.
  if (!request.complete) response.setHeader("connection", "close");
  if (answered.body === null || request.method === "HEAD") {
    await answered.body?.cancel();
    response.end();
    return;
  }
  response.flushHeaders();
  await pipeline(Readable.fromWeb(answered.body as Parameters<typeof Readable.fromWeb>[0]), response);
}

/** A server that listens. */
export interface WebServer {
  /** `http://127.0.0.1:3535` */
  readonly url: string;
  /** Ends the live streams, waits for what is being answered, and lets go of the port. */
  close(): Promise<void>;
}

/** Milliseconds: until the headers are there, and the whole request; how long a stop waits for answers, and how often it looks. */
const timeouts = { headers: 15_000, request: 60_000, stop: 5_000, idle: 20 } as const;

/** Rejects with what the system says when it cannot listen there. */
export function serveWeb(
  web: Web,
  where: { readonly port: number; readonly host: string },
): Promise<WebServer> {
  const options = {
    headersTimeout: timeouts.headers,
    requestTimeout: timeouts.request,
    connectionsCheckingInterval: 5_000,
  };
  const server = createServer(options, nodeListener(web));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where.port, where.host, () => {
      server.off("error", reject);
      resolve({ url: urlOf(server), close: () => close(server, web) });
    });
  });
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function close(server: Server, web: Web): Promise<void> {
  web.close();
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  // A connection becomes idle when what was answered on it has gone, and would then be kept for a next request.
  const idle = setInterval(() => server.closeIdleConnections(), timeouts.idle);
  const late = setTimeout(() => server.closeAllConnections(), timeouts.stop);
  await closed;
  clearTimeout(late);
  clearInterval(idle);
}
