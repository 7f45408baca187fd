// What the API does, over a real connection: asking for runs from outside, reading them, acting on one and on many.
// Misspelt on purpose. cspell:ignore prioritiy aproved
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ask, order, type Served, serve, token, welcome } from "./server.js";

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(() => served.close());

const waiting = { job: "welcome", input: { userId: 7 }, delay: "1h" };

describe("asking for a run", () => {
  test("records it, and asking again under its id is asking once, whatever the second request says", async () => {
    const id = randomUUID();
    const first = await ask(served, "POST", "/runs", { ...waiting, id, tags: ["a"] });
    const second = await ask(served, "POST", "/runs", { ...waiting, id, tags: ["b"] });
    expect(first).toMatchObject({ status: 201, body: { id, created: true, job: "welcome", checked: true } });
    expect(second).toMatchObject({ status: 200, body: { id, created: false } });
    expect((await ask(served, "GET", `/runs/${id}`)).body).toMatchObject({ state: "scheduled", tags: ["a"] });
    const other = await ask(served, "POST", "/runs", { job: "resize", input: { path: "a" }, id });
    expect(other).toMatchObject({ status: 409, body: { code: "ID_CONFLICT" } });
  });

  test("judges the input by the definition at hand, and says where it is wrong", async () => {
    const { status, headers, body } = await ask(served, "POST", "/runs", {
      job: "welcome",
      input: { userId: "7" },
    });
    expect(status).toBe(422);
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(body).toMatchObject({
      type: "urn:duckdive:problem:INVALID_INPUT",
      status: 422,
      code: "INVALID_INPUT",
      issues: [{ path: "$.userId", message: expect.stringMatching(/expected number/) }],
    });
    expect(await served.duckdive.count()).toBe(0);
  });

  test("of a job that is not at hand waits until a worker has judged it, and is never executed unchecked", async () => {
    const good = await ask(served, "POST", "/runs", { job: "resize", input: { path: "a.png" } });
    const bad = await ask(served, "POST", "/runs", { job: "resize", input: { path: 7 } });
    expect([good.body.checked, bad.body.checked]).toEqual([false, false]);
    expect((await ask(served, "GET", `/runs/${good.body.id}`)).body).toMatchObject({
      state: "waiting",
      waiting: { reason: "preparation" },
    });
    const worker = served.working.work();
    expect((await ask(served, "GET", `/runs/${good.body.id}/outcome?wait=20`)).body).toEqual({
      state: "succeeded",
      output: "a.png",
    });
    expect((await ask(served, "GET", `/runs/${bad.body.id}/outcome?wait=20`)).body).toMatchObject({
      state: "failed",
      error: { code: "INVALID_INPUT" },
    });
    await worker.stop();
  });

  test("many at a time records all or none", async () => {
    const runs = [waiting, { job: "resize", input: { path: "a" } }, waiting];
    const { body } = await ask(served, "POST", "/runs/many", { runs });
    expect(body.runs.map(({ job }) => job)).toEqual(["welcome", "resize", "welcome"]);
    const wrong = { ...waiting, input: {} };
    expect(await ask(served, "POST", "/runs/many", { runs: [waiting, wrong] })).toMatchObject({
      status: 422,
    });
    expect(await served.duckdive.count()).toBe(3);
  });

  test.each<[string, unknown, string]>([
    ["a delay and a time", { ...waiting, runAt: "2030-01-01T00:00:00Z" }, "INVALID_OPTION"],
    ["a delay that is none", { ...waiting, delay: "soon" }, "INVALID_REQUEST"],
    ["an id that is none", { ...waiting, id: "order-7" }, "INVALID_REQUEST"],
    ["a field that nobody knows", { ...waiting, prioritiy: 3 }, "INVALID_REQUEST"],
    ["a queue beside a definition", { ...waiting, queue: "x" }, "INVALID_OPTION"],
    ["no job", { input: 1 }, "INVALID_REQUEST"],
    ["a list", [waiting], "INVALID_REQUEST"],
    ["text that is not JSON", "{job: welcome}", "NOT_JSON"],
    ["nothing", "", "INVALID_REQUEST"],
  ])("with %s is refused by name", async (_what, body, code) => {
    expect(await ask(served, "POST", "/runs", body)).toMatchObject({ status: 400, body: { code } });
    expect(await served.duckdive.count()).toBe(0);
  });

  test("by an event reaches the jobs that listen to it", async () => {
    const worker = served.working.work();
    await worker.ready;
    const { body } = await ask(served, "POST", "/publish", { event: "user.created", payload: { userId: 4 } });
    const [id] = body.runs;
    expect((await ask(served, "GET", `/runs/${id}/outcome?wait=20`)).body).toMatchObject({
      output: { greeted: 4 },
    });
    await worker.stop();
  });
});

describe("reading runs", () => {
  test("goes page by page, each run once, while others are being recorded", async () => {
    for (let n = 0; n < 5; n += 1) await ask(served, "POST", "/runs", { ...waiting, input: { userId: n } });
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await ask(served, "GET", `/runs?limit=2&job=welcome${query}`);
      seen.push(...body.runs.map(({ input }) => input));
      cursor = body.cursor;
      await ask(served, "POST", "/runs", { ...waiting, input: { userId: 99 } });
    } while (cursor !== undefined);
    expect(seen).toEqual([4, 3, 2, 1, 0].map((userId) => ({ userId })));
  });

  test("filters by everything that the client does", async () => {
    const { body } = await ask(served, "POST", "/runs", {
      ...waiting,
      tags: ["vip"],
      meta: { tenant: "a=b" },
    });
    await ask(served, "POST", "/runs", waiting);
    for (const query of [
      "tag=vip",
      "meta=tenant%3Da%3Db",
      `id=${body.id}`,
      "state=scheduled&tag=vip&queue=mail",
      "text=userId&tag=vip&since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z",
    ]) {
      const found = await ask(served, "GET", `/runs?${query}`);
      expect(
        found.body.runs.map(({ id }) => id),
        query,
      ).toEqual([body.id]);
      expect((await ask(served, "GET", `/runs/count?${query}`)).body.count, query).toBe(1);
    }
    expect((await ask(served, "GET", "/runs/count?state=failed&state=scheduled")).body.count).toBe(2);
    expect((await ask(served, "GET", "/runs/count?olderThan=1d")).body.count).toBe(0);
  });

  test.each([
    ["/runs?limit=0", "INVALID_REQUEST"],
    ["/runs?limit=1&limit=2", "INVALID_REQUEST"],
    ["/runs?state=asleep", "INVALID_REQUEST"],
    ["/runs?colour=red", "INVALID_REQUEST"],
    ["/runs?cursor=x", "INVALID_OPTION"],
    ["/runs?since=yesterday", "INVALID_REQUEST"],
    ["/runs/7", "INVALID_ID"],
    ["/statistics?since=x", "INVALID_REQUEST"],
  ])("%s is refused", async (path, code) => {
    expect(await ask(served, "GET", path)).toMatchObject({ status: 400, body: { code } });
  });

  test("answers 404 for what is not there, and names the methods of what is", async () => {
    expect(await ask(served, "GET", `/runs/${randomUUID()}`)).toMatchObject({
      status: 404,
      body: { code: "RUN_NOT_FOUND" },
    });
    expect(await ask(served, "GET", "/nothing")).toMatchObject({
      status: 404,
      body: { code: "NO_SUCH_ROUTE" },
    });
    const { status, headers, body } = await ask(served, "PUT", "/queues");
    expect([status, body.code, headers.get("allow")]).toEqual([405, "WRONG_METHOD", "GET, HEAD"]);
  });
});

describe("acting", () => {
  test("cancels, retries and removes a run, and says when there was nothing to do", async () => {
    const { id } = (await ask(served, "POST", "/runs", waiting)).body;
    const act = async (verb: string, body?: unknown) =>
      (await ask(served, "POST", `/runs/${id}/${verb}`, body)).body;
    expect(await act("retry")).toEqual({ id, done: false });
    expect(await act("cancel", { reason: "withdrawn" })).toEqual({ id, done: true });
    expect(await act("cancel")).toEqual({ id, done: false });
    expect((await ask(served, "GET", `/runs/${id}`)).body).toMatchObject({
      state: "cancelled",
      reason: "withdrawn",
    });
    expect(await act("retry", {})).toEqual({ id, done: true });
    expect(await act("retry", { from: "x" })).toMatchObject({ status: 409, code: "NOT_RETRYABLE" });
    expect((await ask(served, "DELETE", `/runs/${id}`)).status).toBe(204);
    expect((await ask(served, "DELETE", `/runs/${id}`)).body.code).toBe("RUN_NOT_FOUND");
    expect(await act("cancel")).toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  test("sends a signal once by its id, and not under a name that nobody would ever take", async () => {
    const worker = served.working.work();
    const run = await served.working.enqueue(order);
    for await (const { state } of run.watch()) if (state === "waiting") break;
    const path = `/runs/${run.id}/signal`;
    const wrong = await ask(served, "POST", path, { name: "aproved", payload: { by: "Ada" } });
    expect([wrong.status, wrong.body.code]).toEqual([409, "MISSPELT_SIGNAL"]);
    const id = randomUUID();
    const sent = { name: "approved", payload: { by: "Ada" }, id };
    expect((await ask(served, "POST", path, sent)).body).toEqual({ done: true });
    expect(await run.result()).toBe("Ada");
    expect((await ask(served, "POST", path, { ...sent, id: randomUUID() })).body.code).toBe("SIGNAL_UNHEARD");
    await worker.stop();
  });

  test("on many runs needs to be told which, in one way, and can be tried dry", async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.push((await ask(served, "POST", "/runs", waiting)).body.id);
    const all = async (verb: string, body: object) => (await ask(served, "POST", `/runs/${verb}`, body)).body;
    expect(await all("cancel", {})).toMatchObject({ code: "INVALID_REQUEST" });
    expect(await all("cancel", { all: true, ids })).toMatchObject({ code: "INVALID_REQUEST" });
    expect(await all("cancel", { filter: {} })).toMatchObject({ code: "INVALID_OPTION" });
    expect(await all("cancel", { all: false })).toMatchObject({ code: "INVALID_REQUEST" });
    expect(await all("cancel", { filter: { job: ["welcome"] }, dryRun: true })).toEqual({ done: 3 });
    expect(await served.duckdive.count({ state: "cancelled" })).toBe(0);
    expect(await all("change", { ids, change: { priority: 5 } })).toEqual({ done: 3 });
    expect(await all("cancel", { ids: ids.slice(0, 2) })).toEqual({ done: 2 });
    expect(await all("retry", { filter: { state: ["cancelled"] } })).toEqual({ done: 2 });
    expect(await all("delete", { all: true })).toEqual({ done: 3 });
  });

  test("on more runs than there is time for answers how far it came, and goes on from there", async () => {
    const { duckdive } = served;
    await duckdive.enqueueMany(
      welcome,
      Array.from({ length: 1_500 }, () => ({ userId: 7 })),
    );
    const enough = new AbortController();
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValueOnce(enough.signal);
    // The time is over once the first chunk is done.
    const leave = duckdive.changes(() => enough.abort(new DOMException("it took long", "TimeoutError")));
    const body = { filter: { job: ["welcome"] } };
    const first = await ask(served, "POST", "/runs/cancel", body);
    leave();
    timeout.mockRestore();
    expect(first.body).toEqual({ done: 1_000, cursor: expect.any(String) });
    expect(await duckdive.count({ state: "cancelled" })).toBe(1_000);
    const rest = await ask(served, "POST", "/runs/cancel", { ...body, from: first.body.cursor });
    expect(rest.body).toEqual({ done: 1_500 });
    expect((await ask(served, "POST", "/runs/retry", { ...body, from: first.body.cursor })).body.code).toBe(
      "INVALID_OPTION",
    );
  });

  test("pauses a queue, sets its slots, and sends a job elsewhere", async () => {
    await ask(served, "POST", "/queues/mail/pause");
    await ask(served, "PUT", "/queues/mail/slots", { slots: 3 });
    await ask(served, "PUT", "/jobs/welcome/queue", { queue: "slow" });
    expect(await served.duckdive.queues()).toContainEqual(
      expect.objectContaining({ name: "mail", paused: true, slots: 3 }),
    );
    expect(await served.duckdive.reroutes()).toEqual({ welcome: "slow" });
    await ask(served, "PUT", "/jobs/welcome/queue", { queue: null });
    expect(await served.duckdive.reroutes()).toEqual({});
    expect((await ask(served, "POST", "/queues/%00/pause")).body.code).toBe("INVALID_OPTION");
  });

  test("tells workers, and says when there is none", async () => {
    const worker = served.working.work();
    await worker.ready;
    expect((await ask(served, "POST", `/workers/${worker.id}/tell`, { do: "stop" })).body).toEqual({
      told: 1,
    });
    await worker.over;
    expect(await ask(served, "POST", `/workers/${worker.id}/tell`, { do: "quiet" })).toMatchObject({
      status: 404,
      body: { code: "NO_SUCH_WORKER" },
    });
    expect((await ask(served, "POST", "/workers/all/tell", { do: "stop", runs: [] })).body.code).toBe(
      "INVALID_OPTION",
    );
  });

  test("a store that is away is 503, and what it said is logged and not answered", async () => {
    await served.duckdive.close();
    const { status, body } = await ask(served, "GET", "/queues");
    expect([status, body.code]).toEqual([503, "CLOSED"]);
    expect(body.detail).toMatch(/^The store cannot be used now/);
    expect(served.logged.join()).toMatch(/this client was closed/);
  });
});

test("a caller that leaves is heard of, what is done for it ends, and that is no failure", async () => {
  let heard: (signal: AbortSignal) => void = () => {};
  const asked = new Promise<AbortSignal>((resolve) => {
    heard = resolve;
  });
  const open = await serve({
    authorize(request) {
      if (request.url.includes("/outcome")) heard(request.signal);
      return "operate";
    },
  });
  const { id } = (await ask(open, "POST", "/runs", waiting)).body;
  const leaving = new AbortController();
  const left = fetch(`${open.api}/runs/${id}/outcome?wait=60`, { signal: leaving.signal }).catch(
    () => "left",
  );
  const signal = await asked;
  leaving.abort();
  expect(await left).toBe("left");
  if (!signal.aborted) await once(signal, "abort");
  expect((await ask(open, "GET", "/queues")).status).toBe(200);
  expect(open.logged).toEqual([]);
  await open.close();
});

test("HEAD is GET without a body", async () => {
  const response = await fetch(`${served.api}/queues`, {
    method: "HEAD",
    headers: { authorization: `Bearer ${token}` },
  });
  expect([response.status, await response.text()]).toEqual([200, ""]);
});
