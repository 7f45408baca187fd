// Requests of real servers on real sockets: what each framework's file gives, in Express, Fastify, Hono, node:http, and by the
// shape that Next has. The same behaviour of all of them is asked for in one place.
import { createServer, type RequestListener, request as sendRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { serve } from "@hono/node-server";
import { currentContext, type Duckdive, job, open } from "duckdive";
import * as onExpress from "duckdive/with/express";
import * as onFastify from "duckdive/with/fastify";
import * as onHono from "duckdive/with/hono";
import * as onNext from "duckdive/with/next";
import * as onNode from "duckdive/with/node-http";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { gate, until } from "../engine.js";

const welcome = job({ name: "welcome", input: z.object({ userId: z.number() }), handle() {} });

type Hand = onNode.RequestHand<unknown>;
type Hands = onNode.Requests<unknown>;
/** What the application does with a request: it is given the hand, and what it says is the answer. */
type Answer = (hand: Hand, body: string) => Promise<string>;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return urlOf(server.address());
}

function urlOf(address: AddressInfo | string | null): string {
  return `http://127.0.0.1:${(address as AddressInfo).port}`;
}

interface Mounted {
  readonly url: string;
  readonly jobs: Hands;
}
type Options = onNode.RequestsOptions;

const frameworks: Record<
  string,
  (duckdive: Duckdive, answer: Answer, options?: Options) => Promise<Mounted>
> = {
  async "node:http"(duckdive, answer, options) {
    const jobs = onNode.requests(duckdive, options);
    const url = await listening(
      jobs(async (request, response) => {
        try {
          let body = "";
          for await (const part of request) body += part;
          response.end(await answer(jobs.of(request), body));
        } catch {
          response.destroy();
        }
      }),
    );
    return { url, jobs };
  },
  async Express(duckdive, answer, options) {
    const jobs = onExpress.requests(duckdive, options);
    const app = express();
    app.use(jobs, express.text({ type: "*/*" }));
    app.all("/", async (request, response) => {
      expect((request as { duckdive?: unknown }).duckdive).toBe(jobs.of(request));
      response.send(await answer(jobs.of(request), String(request.body ?? "")));
    });
    return { url: await listening(app), jobs };
  },
  async Fastify(duckdive, answer, options) {
    const jobs = onFastify.requests(duckdive, options);
    const app = fastify({ forceCloseConnections: true });
    await app.register(jobs.plugin);
    app.all("/", async (request) => {
      expect((request as { duckdive?: unknown }).duckdive).toBe(jobs.of(request));
      return answer(jobs.of(request), String(request.body ?? ""));
    });
    cleanups.push(() => app.close());
    return { url: await app.listen({ port: 0, host: "127.0.0.1" }), jobs };
  },
  async Hono(duckdive, answer, options) {
    const jobs = onHono.requests(duckdive, options);
    const app = new Hono().use(jobs).all("/", async (c) => {
      expect(jobs.of(c)).toBe(c.var.duckdive);
      return c.text(await answer(c.var.duckdive, await c.req.text()));
    });
    const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
      const made = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(made));
    });
    cleanups.push(() => server.close());
    return { url: urlOf(server.address()), jobs };
  },
};

function client(): Duckdive {
  const duckdive = open("sqlite::memory:", { jobs: [welcome] });
  cleanups.push(() => duckdive.close());
  return duckdive;
}

function post(url: string, body = "", headers: Record<string, string> = {}): Promise<string> {
  return fetch(url, { method: "POST", body, headers: { "content-type": "text/plain", ...headers } }).then(
    (response) => response.text(),
  );
}

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

describe.each(Object.entries(frameworks))("a request of %s", (_name, mount) => {
  test("carries its id, its trace and what is known of it with everything it asks for", async () => {
    const duckdive = client();
    let seen: unknown;
    const { url, jobs } = await mount(
      duckdive,
      async (hand, body) => {
        hand.carry({ userId: body });
        seen = currentContext();
        const { id } = await hand.enqueue(welcome, { userId: 1 });
        const other = await duckdive.enqueue(welcome, { userId: 2 });
        const late = await jobs.current().afterResponse(welcome, { userId: 3 });
        return [id, other.id, late.id].join(" ");
      },
      { context: (headers) => ({ locale: headers("accept-language") }) },
    );
    const headers = { "x-request-id": "r-1", traceparent: trace, "accept-language": "de-CH" };
    const ids = (await post(url, "7", headers)).split(" ");
    await until(async () => (await duckdive.count()) === 3);
    const expected = { requestId: "r-1", traceparent: trace, locale: "de-CH", userId: "7" };
    for (const id of ids) expect((await duckdive.get(id))?.meta).toEqual(expected);
    expect(seen).toEqual(expected);
  });

  test("has an id of its own where none, or none that can be kept, came with it", async () => {
    const { url } = await mount(client(), async (hand) => hand.id);
    const ids = [await post(url), await post(url, "", { "x-request-id": "spaces are no id" })];
    expect(ids).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    expect(ids[0]).not.toBe(ids[1]);
  });

  test("has what it wants after the response recorded after it, all of it in one commit", async () => {
    const duckdive = client();
    const batches: number[] = [];
    const counted: Duckdive = {
      ...duckdive,
      enqueueMany: ((requests: Iterable<never>) => {
        batches.push([...requests].length);
        return duckdive.enqueueMany(requests);
      }) as Duckdive["enqueueMany"],
    };
    const { url, jobs } = await mount(counted, async (hand) => {
      const input = { userId: 1 };
      await hand.afterResponse(welcome, input);
      input.userId = -1; // what is changed later is not in it
      await hand.afterResponse(welcome, { userId: 2 }, { delay: "1h", tags: ["late"] });
      await expect(hand.afterResponse(welcome, { userId: "no" } as never)).rejects.toThrow("Invalid input");
      return `${await duckdive.count()} ${jobs.waiting} ${batches.length}`;
    });
    expect(await post(url)).toBe("0 2 0");
    await until(async () => (await duckdive.count()) === 2);
    const { runs } = await duckdive.list();
    expect(runs.map(({ input, state, tags }) => [input, state, tags]).reverse()).toEqual([
      [{ userId: 1 }, "ready", []],
      [{ userId: 2 }, "scheduled", ["late"]],
    ]);
    expect([batches, jobs.waiting]).toEqual([[2], 0]);
  });

  test("that its client has left has it recorded all the same, also what it asks for later", async () => {
    const duckdive = client();
    const begun = gate();
    const left = gate();
    const { url } = await mount(duckdive, async (hand) => {
      await hand.afterResponse(welcome, { userId: 1 });
      begun.open();
      await left.passed;
      await hand.afterResponse(welcome, { userId: 2 });
      return "to nobody";
    });
    const sent = sendRequest(url, { method: "POST", headers: { "content-type": "text/plain" } });
    sent.on("error", () => {});
    sent.end("x");
    await begun.passed;
    sent.destroy();
    await until(async () => (await duckdive.count()) === 1);
    left.open();
    await until(async () => (await duckdive.count()) === 2);
  });

  test("keeps its context apart from others that are answered at the same time", async () => {
    const duckdive = client();
    const all = gate();
    let here = 0;
    const { url } = await mount(duckdive, async (hand, body) => {
      here += 1;
      if (here === 10) all.open();
      await all.passed;
      await hand.afterResponse(welcome, { userId: Number(body) });
      return String(currentContext().requestId);
    });
    const asked = Array.from({ length: 10 }, (_, n) => post(url, String(n), { "x-request-id": `r-${n}` }));
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 10 }, (_, n) => `r-${n}`));
    await until(async () => (await duckdive.count()) === 10);
    const { runs } = await duckdive.list();
    for (const { input, meta } of runs)
      expect(meta.requestId).toBe(`r-${(input as { userId: number }).userId}`);
  });
});

test("a client that breaks off in the middle of its request leaves nothing behind", async () => {
  const duckdive = client();
  const mounted = await frameworks["node:http"]?.(duckdive, async () => "");
  const { url = "", jobs } = mounted ?? {};
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf");
  await new Promise<void>((resolve) => void socket.end(resolve));
  socket.destroy();
  expect(await post(url)).toBe("");
  expect([await duckdive.count(), jobs?.waiting]).toEqual([0, 0]);
});

describe("a route handler of Next", () => {
  test("has what it wants after the response recorded by `after`, which keeps the function alive for it", async () => {
    const duckdive = client();
    const tasks: (() => Promise<void>)[] = [];
    const jobs = onNext.requests(duckdive, { after: (task) => void tasks.push(task) });
    const POST = jobs(async (request: Request) => {
      const { id } = await jobs.of(request).afterResponse(welcome, { userId: 7 });
      return new Response(id);
    });
    const response = await POST(new Request("http://localhost/", { headers: { "x-request-id": "r-9" } }));
    const id = await response.text();
    expect(await duckdive.get(id)).toBeUndefined();
    await Promise.all(tasks.map((task) => task()));
    expect((await duckdive.get(id))?.meta).toEqual({ requestId: "r-9" });
  });

  test("works what it has asked for within its budget, and a server action has the headers that it is told", async () => {
    const worked: unknown[] = [];
    const greet = job({ name: "greet", handle: () => void worked.push(currentContext().requestId) });
    const duckdive = open("sqlite::memory:", { jobs: [greet] });
    cleanups.push(() => duckdive.close());
    const tasks: (() => Promise<void>)[] = [];
    const jobs = onNext.requests(duckdive, {
      after: (task) => void tasks.push(task),
      headers: async () => new Headers({ "x-request-id": "r-10" }),
      work: { budget: "20s" },
    });
    const action = jobs(async (name: string) => {
      await jobs.current().afterResponse(greet);
      await jobs.current().enqueue(greet);
      return `hello ${name}`;
    });
    expect(await action("Ada")).toBe("hello Ada");
    await Promise.all(tasks.map((task) => task()));
    expect(worked).toEqual(["r-10", "r-10"]);
    expect(await duckdive.workers()).toEqual([]);
  });
});

test("a Hono application at the edge records by waitUntil", async () => {
  const duckdive = client();
  const jobs = onHono.requests(duckdive);
  const app = new Hono().use(jobs).get("/", async (c) => {
    await c.var.duckdive.afterResponse(welcome, { userId: 7 });
    return c.text("ok");
  });
  const kept: Promise<unknown>[] = [];
  const context = {
    waitUntil: (promise: Promise<unknown>) => void kept.push(promise),
    passThroughOnException() {},
  };
  await app.fetch(new Request("http://localhost/"), {}, context as never);
  await Promise.all(kept);
  expect(await duckdive.count()).toBe(1);
});

test("a request that has not passed through duckdive has no hand", () => {
  const jobs = onNode.requests(client());
  expect(() => jobs.of({})).toThrow(expect.objectContaining({ code: "NO_REQUEST" }));
  expect(() => jobs.current()).toThrow(expect.objectContaining({ code: "NO_REQUEST" }));
});
