// Trying to get in, and to get out what is nobody's business. What is sent to take the server down is in requests.test.ts. Misspelt on purpose. cspell:ignore onerror fapi fqueues jobsx

import { type Role, web } from "duckdive/web";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attemptLimit } from "../../src/web/attempts.js";
import { roleOfSession, roleOfToken, sessionOf, sessionSeconds } from "../../src/web/session.js";
import { listen } from "./listening.js";
import { bareOn, code, raw, statusOf } from "./raw.js";
import { ask, broken, readToken, type Served, serve, token, welcome } from "./server.js";

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(() => served.close());

const waiting = { job: "welcome", input: { userId: 7 }, delay: "1h" };
const bearer = { authorization: `Bearer ${token}` };

const bare = bareOn(() => served.url);

describe("who", () => {
  test("asks without a token, or with a wrong one, is told nothing and changes nothing", async () => {
    for (const headers of [
      {},
      { authorization: "Bearer" },
      { authorization: `Basic ${token}` },
      { authorization: token },
      { cookie: `duckdive=${token}` },
      { "x-api-key": token },
    ] as Record<string, string>[]) {
      const response = await bare("POST", "/api/runs", {
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(waiting),
      });
      expect([response.status, await code(response)]).toEqual([401, "NOT_SIGNED_IN"]);
      expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
    const wrong = await bare("GET", "/api/runs", { headers: { authorization: `Bearer ${token}0` } });
    expect([wrong.status, await code(wrong)]).toEqual([401, "WRONG_TOKEN"]);
    expect((await bare("GET", `/api/runs?token=${token}`)).status).toBe(401);
    expect(await served.duckdive.count()).toBe(0);
  });

  test("may only look cannot act, by any method or header that pretends to be another", async () => {
    const reading = { authorization: `Bearer ${readToken}` };
    expect((await bare("GET", "/api/runs", { headers: reading })).status).toBe(200);
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      for (const path of ["/api/runs", "/api/queues/mail/pause", "/api/anything", "/runs"]) {
        const response = await bare(method, path, { headers: reading });
        expect([method, path, response.status]).toEqual([method, path, 403]);
      }
    }
    const headers = { ...reading, "x-http-method-override": "POST", "x-original-url": "/api/runs/delete" };
    expect((await bare("GET", "/api/queues/mail/pause", { headers })).status).toBe(405);
    expect(await served.duckdive.queues()).not.toContainEqual(expect.objectContaining({ paused: true }));
  });

  test("signs in gets a cookie that no script reads, and that holds no token", async () => {
    const signIn = (form: Record<string, string>) =>
      bare("POST", "/sign-in", { body: new URLSearchParams(form) });
    const response = await signIn({ token, next: "/runs?state=failed" });
    expect([response.status, response.headers.get("location")]).toEqual([303, "/runs?state=failed"]);
    const cookie = response.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^duckdive=operate\.\d+\.[0-9a-f]{64}; .*Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(token);
    const [pair = ""] = cookie.split(";");
    expect((await bare("GET", "/api/runs", { headers: { cookie: pair } })).status).toBe(200);
    const forged = pair.replace("operate", "read").replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    expect((await bare("GET", "/api/runs", { headers: { cookie: forged } })).status).toBe(401);
    expect((await signIn({ token: "wrong" })).headers.get("location")).toMatch(/^\/sign-in\?.*failed=1$/);
    expect((await signIn({})).headers.get("set-cookie")).toBeNull();
    const proxied = await bare("POST", "/sign-in", {
      body: new URLSearchParams({ token }),
      headers: { "x-forwarded-proto": "https" },
    });
    expect(proxied.headers.get("set-cookie")).toMatch(/; Secure/);
  });

  test.each([
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
  ])("signs in is not sent to %s", async (next) => {
    const response = await bare("POST", "/sign-in", { body: new URLSearchParams({ token, next }) });
    expect(response.headers.get("location")).toBe("/");
  });

  test("guesses is stopped, from that address and for a while, whatever is guessed", async () => {
    const app = web(served.duckdive, { token, log: console });
    const guess = (guessed: string, address: string) =>
      app(
        new Request("http://duckdive.example/api/queues", {
          headers: { authorization: `Bearer ${guessed}` },
        }),
        {
          address,
        },
      );
    for (let n = 0; n < attemptLimit.wrong; n += 1)
      expect((await guess("wrong", "10.0.0.1")).status).toBe(401);
    const stopped = await guess(token, "10.0.0.1");
    expect([stopped.status, Number(stopped.headers.get("retry-after")) > 0]).toEqual([429, true]);
    expect((await guess(token, "10.0.0.2")).status).toBe(200);
  });

  test("has a token is told apart from who has nearly one", () => {
    const tokens = { operate: token, read: readToken };
    expect(roleOfToken(tokens, token)).toBe("operate");
    expect(roleOfToken(tokens, readToken)).toBe("read");
    for (const near of ["", token.slice(1), `${token}0`, token.toUpperCase(), "\0".repeat(token.length)])
      expect(roleOfToken(tokens, near)).toBeUndefined();
    expect(roleOfToken({}, "")).toBeUndefined();
  });

  test("has signed in is signed out by time, and by another token", () => {
    const tokens = { operate: token, read: readToken };
    const cookie = sessionOf(tokens, "operate", 0);
    expect(roleOfSession(tokens, cookie, sessionSeconds * 1_000 - 1)).toBe("operate");
    expect(roleOfSession(tokens, cookie, sessionSeconds * 1_000)).toBeUndefined();
    expect(roleOfSession({ ...tokens, operate: `${token}1` }, cookie, 0)).toBeUndefined();
    const longer = cookie.replace(/\.\d+\./, ".99999999999.");
    expect(roleOfSession(tokens, longer, 0)).toBeUndefined();
    expect(roleOfSession(tokens, sessionOf(tokens, "read", 0).replace("read", "operate"), 0)).toBeUndefined();
    expect(roleOfSession({}, sessionOf({}, "operate", 0), 0)).toBeUndefined();
  });

  test("is asked for by nobody is not mounted at all", () => {
    expect(() => web(served.duckdive)).toThrow(/who may see and do what/);
    expect(() => web(served.duckdive, { token: "short" })).toThrow(/at least 16/);
    expect(() => web(served.duckdive, { token, readToken: token })).toThrow(/the same/);
  });

  test.each<[string, () => unknown, number]>([
    ["may look", () => "read", 200],
    ["may nothing", () => undefined, 401],
    ["is something else", () => "admin", 500],
    ["is true", () => true, 500],
    [
      "could not be looked up",
      () => {
        throw new Error("the password of the database is hunter2");
      },
      500,
    ],
  ])("the application says of whom that he %s, is answered so", async (_what, authorize, status) => {
    const app = web(served.duckdive, {
      authorize: async () => authorize() as Role,
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
    const response = await app(new Request("http://duckdive.example/api/queues"));
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain("hunter2");
    const acting = await app(new Request("http://duckdive.example/api/queues/a/pause", { method: "POST" }));
    expect(acting.status).toBe(status === 200 ? 403 : status);
  });
});

describe("a page of another site", () => {
  test.each<[string, Record<string, string>]>([
    ["its Sec-Fetch-Site", { "sec-fetch-site": "cross-site" }],
    ["that of a neighbour", { "sec-fetch-site": "same-site" }],
    ["its Origin", { origin: "https://evil.example" }],
    ["an Origin that is hidden", { origin: "null" }],
    ["an Origin that is none", { origin: "::" }],
  ])("cannot act, by %s, with whatever it has", async (_what, headers) => {
    const init = { headers: { ...bearer, ...headers } };
    for (const path of ["/api/queues/mail/pause", "/sign-in", "/sign-out"]) {
      const response = await bare("POST", path, init);
      expect([path, response.status, await code(response)]).toEqual([path, 403, "OTHER_ORIGIN"]);
    }
    expect((await bare("GET", "/api/events", init)).status).toBe(403);
    expect(await served.duckdive.queues()).not.toContainEqual(expect.objectContaining({ paused: true }));
  });

  test("our own may, and so may a program", async () => {
    for (const headers of [{ "sec-fetch-site": "same-origin" }, { origin: served.url }, {}] as Record<
      string,
      string
    >[]) {
      const response = await bare("POST", "/api/queues/mail/resume", { headers: { ...bearer, ...headers } });
      expect(response.status).toBe(200);
    }
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])(
    "cannot send JSON as a form does: %s",
    async (type) => {
      const { status, body } = await ask(served, "POST", "/runs", waiting, { "content-type": type });
      expect([status, body.code]).toEqual([415, "NOT_JSON_TYPE"]);
    },
  );

  test("gets nothing by a name of its own that leads to this machine", async () => {
    const open = await serve({ loopback: true, jobs: [welcome] });
    const asked = (host: string) =>
      raw(open.url, `GET /api/queues HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(statusOf(await asked("evil.example"))).toBe(403);
    expect(statusOf(await asked("localhost.evil.example:80"))).toBe(403);
    expect(statusOf(await asked("127.0.0.1.nip.example"))).toBe(403);
    expect(statusOf(await asked("localhost:3535"))).toBe(200);
    await open.close();
  });

  test("is let in by no header, and may frame and run nothing", async () => {
    const { duckdive } = served;
    await duckdive.ready();
    for (const [path, init] of [
      ["/", {}],
      ["/api/queues", { headers: bearer }],
      ["/api/nothing", { headers: bearer }],
      ["/api/queues", {}],
      ["/sign-in?next=/", {}],
    ] as [string, RequestInit][]) {
      const { headers } = await bare("GET", path, init);
      expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      expect(headers.get("content-security-policy")).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers.get("content-security-policy")).not.toMatch(/unsafe/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toMatch(/no-store/);
    }
  });
});

describe("a path", () => {
  test.each([
    "//api/queues",
    "/./api/queues",
    "/x/../api/queues",
    "/sign-in/../api/queues",
    "/sign-in/%2e%2e/api/queues",
    "/assets/..%2fapi%2fqueues",
    "/assets/../api/queues",
    "/api%2fqueues",
    "/%61pi/queues",
    "/api/queues;x",
    "/api/queues%00",
    "/API/queues",
    "/sign-in%2f..%2fapi/queues",
    "http://127.0.0.1/api/queues",
    "*",
    "",
  ])("%s gets nobody past the door", async (path) => {
    await served.duckdive.pause("secret-queue");
    const answer = await raw(
      served.url,
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
    );
    expect(statusOf(answer)).toBeGreaterThanOrEqual(300);
    expect(answer).not.toContain("secret-queue");
  });

  test("below a base is found below it, and nothing else is", async () => {
    const based = await serve({ token, base: "/jobs" });
    const status = async (path: string) => (await fetch(`${based.url}${path}`, { headers: bearer })).status;
    expect(await status("/jobs/api/queues")).toBe(200);
    expect(await status("/jobsx/api/queues")).toBe(404);
    expect(await status("/jobs/jobs/api/queues")).toBe(404);
    await based.close();
  });
});

describe("what was stored", () => {
  const hostile = `</script><img src=x onerror=alert(1)>"'\n\nevent: run\ndata: {}\n\n`;
  const clean = hostile.replaceAll("\n", " ");

  test("gets out as JSON that nobody takes for a page, and begins no event of its own", async () => {
    const ear = await listen(served);
    await ear.until(({ event }) => event === "ready");
    const worker = served.working.work();
    const run = await served.working.enqueue(
      broken,
      { [clean]: hostile },
      { tags: [clean], meta: { a: hostile } },
    );
    const other = await served.working.enqueue(welcome, { userId: 1 }, { delay: "1h" });
    await served.working.cancel(other.id, hostile);
    await run.outcome();
    for (const path of ["", "/timeline", "/steps", "/explain", "/outcome"]) {
      const response = await fetch(`${served.api}/runs/${run.id}${path}`, { headers: bearer });
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(await response.text()).not.toMatch(/[^\\]\n./);
    }
    const heard = await ear.until(({ data }) => data.id === other.id && data.state === "cancelled");
    expect(heard.data).toMatchObject({ reason: hostile });
    await ear.close();
    await worker.stop();
  });

  test("and is secret gets out nowhere", async () => {
    const hidden = await serve({
      token,
      redact: (_value, { part }) => (part === "meta" ? {} : `[${part}]`),
    });
    const worker = hidden.working.work();
    const run = await hidden.working.enqueue(
      welcome,
      { userId: 424_242 },
      { meta: { secret: "424242" }, tags: ["open"] },
    );
    const failed = await hidden.working.enqueue(broken, "424242");
    await run.result();
    await failed.outcome();
    const texts: string[] = [];
    for (const { id } of [run, failed])
      for (const path of ["", "/timeline", "/steps", "/outcome", "/explain"])
        texts.push(await (await fetch(`${hidden.api}/runs/${id}${path}`, { headers: bearer })).text());
    texts.push(await (await fetch(`${hidden.api}/runs`, { headers: bearer })).text());
    const shown = texts.join("\n");
    expect(shown).not.toMatch(/424242|it is broken/);
    for (const part of ["input", "output", "step", "log", "explanation"])
      expect(shown).toContain(`[${part}]`);
    await worker.stop();
    await hidden.close();
  });
});

test("no token stands in a log or in an answer, whatever goes wrong", async () => {
  const paths = ["/api/runs", "/api/nothing", `/api/runs/${token}`, "/api/runs?x=1", "/sign-in"];
  const answers: string[] = [];
  for (const method of ["GET", "POST", "DELETE"]) {
    for (const path of paths.filter((one) => !one.includes(token))) {
      const response = await bare(method, path, { headers: bearer });
      answers.push(await response.text(), JSON.stringify([...response.headers]));
    }
  }
  await served.duckdive.close();
  answers.push(await (await bare("GET", "/api/queues", { headers: bearer })).text());
  expect(served.logged.length).toBeGreaterThan(0);
  expect([...answers, ...served.logged].join("\n")).not.toContain(token);
});
