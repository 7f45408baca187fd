// Mounted where applications mount it: real Hono, Express, Fastify and node:http, and a handler of the shape that Next calls.
// Each answers, acts, streams, hears of a caller that leaves, and finds its way below its base.
// In an address: cspell:ignore Fruns Fstate Dfailed
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { open } from "duckdive";
import { nodeListener, type Web, web } from "duckdive/web";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, expect, test } from "vitest";
import { listen } from "./listening.js";
import { ask, token, welcome } from "./server.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Mounted = (jobs: Web) => Promise<string>;

async function listening(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const mounts: Record<string, Mounted> = {
  "node:http": (jobs) => listening(nodeListener(jobs)),
  async Express(jobs) {
    const app = express();
    app.use("/jobs", nodeListener(jobs));
    app.use(express.json());
    app.get("/", (_request, response) => void response.send("the application"));
    return listening(app);
  },
  async Fastify(jobs) {
    const app = fastify({ forceCloseConnections: true });
    await app.register((scope, _options, registered) => {
      // The body is left as it comes.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
      scope.all("/jobs/*", (request, reply) => {
        reply.hijack();
        nodeListener(jobs)(request.raw, reply.raw);
      });
      registered();
    });
    cleanups.push(() => app.close());
    return app.listen({ port: 0, host: "127.0.0.1" });
  },
  async Hono(jobs) {
    const app = new Hono();
    app.all("/jobs/*", (context) => jobs(context.req.raw));
    return listening(nodeListener(Object.assign(fetchOf(app), { fetch: fetchOf(app), close() {} })));
  },
  async "Hono, which takes the base off"(jobs) {
    const app = new Hono().mount("/jobs", jobs.fetch);
    return listening(nodeListener(Object.assign(fetchOf(app), { fetch: fetchOf(app), close() {} })));
  },
  async "a route handler of Next"(jobs) {
    // app/jobs/[[...path]]/route.ts
    const route: Record<string, (request: Request) => Promise<Response>> = {
      GET: jobs,
      POST: jobs,
      PUT: jobs,
      DELETE: jobs,
    };
    const handle = async (request: Request): Promise<Response> =>
      (await route[request.method]?.(request)) ?? new Response(null, { status: 405 });
    return listening(nodeListener(Object.assign(handle, { fetch: handle, close() {} })));
  },
};

function fetchOf(app: Hono): (request: Request) => Promise<Response> {
  return async (request) => app.fetch(request);
}

test.each(Object.entries(mounts))("it works in %s", async (_what, mount) => {
  const duckdive = open("sqlite::memory:", { jobs: [welcome] });
  cleanups.push(() => duckdive.close());
  const jobs = web(duckdive, { token, base: "/jobs", streams: 1 });
  const api = `${await mount(jobs)}/jobs/api`;
  cleanups.push(() => jobs.close());

  const ear = await listen({ api });
  await ear.until(({ event }) => event === "ready");
  const { status, body } = await ask({ api }, "POST", "/runs", { job: "welcome", input: { userId: 7 } });
  expect([status, body.created]).toEqual([201, true]);
  expect((await ear.until(({ event }) => event === "run")).data.id).toBe(body.id);
  expect((await ask({ api }, "GET", "/events")).status).toBe(503);
  await ear.close();
  // The place of the stream is free once the server has heard that its listener is gone.
  let again = await listen({ api });
  for (; again.status === 503; again = await listen({ api })) await again.close();
  await again.close();

  expect((await ask({ api }, "POST", "/queues/mail/pause")).status).toBe(200);
  expect((await ask({ api }, "DELETE", `/runs/${body.id}`)).status).toBe(204);
  const unsigned = await fetch(`${api.replace("/api", "")}/runs?state=failed`, { redirect: "manual" });
  expect(unsigned.headers.get("location")).toBe("/jobs/sign-in?next=%2Fruns%3Fstate%3Dfailed");
  const signedIn = await fetch(`${api.replace("/api", "")}/sign-in`, {
    method: "POST",
    body: new URLSearchParams({ token, next: "/runs" }),
    redirect: "manual",
  });
  expect([signedIn.status, signedIn.headers.get("location")]).toEqual([303, "/jobs/runs"]);
  expect(signedIn.headers.get("set-cookie")).toMatch(/Path=\/jobs;/);
});

test("behind something that has read the body it says so, and what to do", async () => {
  const duckdive = open("sqlite::memory:", { jobs: [welcome] });
  cleanups.push(() => duckdive.close());
  const app = express();
  app.use(express.json());
  app.use("/jobs", nodeListener(web(duckdive, { token, base: "/jobs" })));
  const api = `${await listening(app)}/jobs/api`;
  const { status, body } = await ask({ api }, "POST", "/runs", { job: "welcome", input: { userId: 7 } });
  expect([status, body.code]).toEqual([500, "BODY_READ_BEFORE"]);
  expect(body.detail).toMatch(/Mount duckdive before what parses bodies/);
});
