// What hears that a run has failed for good: a job in the transaction of the failure, a function after it.
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { manualClock } from "../kernel/index.js";
import type { OpenOptions } from "../queue/index.js";
import { sqlite } from "../store/sqlite/index.js";
import { type TestQueue, testQueue } from "../testing/queue.js";
import { createHooks, type Hooks, readFailed } from "./hooks.js";

const heard: unknown[] = [];
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  heard.length = 0;
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

function queueOf(jobs: OpenOptions["jobs"], options: object = {}): TestQueue {
  const queue = testQueue({ jobs: jobs ?? [], log: silent, ...options });
  opened.push(queue);
  return queue;
}

const alert = job({
  name: "alert",
  input: z.object({ runId: z.string(), job: z.string(), reason: z.string(), attempts: z.number() }),
  handle: (failure) => void heard.push(failure),
});
const input = z.object({ id: z.number() });
const retry = { attempts: 2, backoff: "fixed" } as const;
const broken = (): never => {
  throw new TypeError("broken");
};

describe("a job that hears of failures", () => {
  test("is enqueued when the last attempt has failed, with the failure as input and the meta of the run", async () => {
    const sync = job({ name: "sync", input, retry, onFailed: alert, handle: broken });
    const queue = queueOf([sync, alert]);
    const run = await queue.enqueue(sync, { id: 7 }, { meta: { tenant: "a" } });
    await queue.drain();
    expect(heard).toEqual([]);
    await queue.advance("1m");
    expect(heard).toEqual([{ runId: run.id, job: "sync", reason: "error", attempts: 2 }]);
    const [told] = (await queue.list({ job: alert })).runs;
    expect(told).toMatchObject({
      meta: { tenant: "a" },
      input: {
        input: { id: 7 },
        error: { name: "TypeError", message: "broken" },
        queue: "default",
        crashes: 0,
      },
    });
  });

  test("hears nothing of a run that succeeded or was cancelled", async () => {
    const fine = job({ name: "fine", onFailed: alert, handle() {} });
    const gone = job({ name: "gone", onFailed: alert, handle: (_input, ctx) => ctx.cancel("enough") });
    const queue = queueOf([fine, gone, alert]);
    await queue.enqueue(fine);
    await queue.enqueue(gone);
    await queue.drain();
    expect(await queue.count({ job: alert })).toBe(0);
  });

  test("hears of a run again that was retried by hand and has failed again", async () => {
    const refused = job({ name: "refused", onFailed: alert, handle: (_input, ctx) => ctx.fail("no") });
    const queue = queueOf([refused, alert]);
    const run = await queue.enqueue(refused);
    await queue.drain();
    await run.retry();
    await queue.drain();
    expect(heard).toMatchObject([
      { attempts: 1, reason: "failed" },
      { attempts: 1, reason: "failed" },
    ]);
  });

  test("hears of a run whose time was over before anybody took it, once in each failure", async () => {
    const late = job({ name: "late", startWithin: "1m", onFailed: alert, handle() {} });
    const queue = queueOf([late, alert]);
    const run = await queue.enqueue(late, undefined, { delay: "1h" });
    await queue.advance("2m");
    expect((await run.get()).reason).toBe("expired");
    expect(heard).toEqual([{ runId: run.id, job: "late", reason: "expired", attempts: 0 }]);
  });

  test("that does not accept the failure leaves the run failed, and the mistake is told", async () => {
    const strict = job({ name: "strict", input: z.strictObject({ runId: z.string() }), handle() {} });
    const sync = job({ name: "sync", onFailed: strict as never, handle: (_input, ctx) => ctx.fail("no") });
    const queue = queueOf([sync]);
    queue.on("error", ({ where, run: about }) => heard.push([where, about]));
    const run = await queue.enqueue(sync);
    await queue.drain();
    expect((await run.get()).state).toBe("failed");
    expect(heard).toEqual([['onFailed of job "sync"', run.id]]);
  });
});

describe("a function that hears of failures", () => {
  test("is called with the failure once it is recorded", async () => {
    const sync = job({
      name: "sync",
      input,
      onFailed: (failure) => void heard.push(failure),
      handle: ({ id }, ctx) => ctx.fail(`no ${id}`),
    });
    const queue = queueOf([sync]);
    const run = await queue.enqueue(sync, { id: 7 }, { tags: ["x"] });
    await queue.drain();
    expect(heard).toEqual([
      {
        runId: run.id,
        job: "sync",
        queue: "default",
        input: { id: 7 },
        error: { name: "RunFailed", message: "no 7" },
        reason: "failed",
        attempts: 1,
        crashes: 0,
        requestedAt: (await run.get()).requestedAt.toISOString(),
        tags: ["x"],
        meta: {},
      },
    ]);
  });

  test.each([
    ["throws", broken],
    ["rejects", async () => broken()],
  ])("that %s changes nothing, and is told", async (_how, onFailed) => {
    const sync = job({ name: "sync", onFailed, handle: (_input, ctx) => ctx.fail("no") });
    const queue = queueOf([sync]);
    const told = new Promise((resolve) => queue.on("error", ({ where }) => resolve(where)));
    const run = await queue.enqueue(sync);
    await queue.drain();
    expect(await told).toBe('onFailed of job "sync"');
    expect((await run.get()).state).toBe("failed");
  });
});

describe("a failure that the store decided", () => {
  test("is told to a worker that has the job, by one that has not", async () => {
    const store = sqlite({ file: ":memory:", clock: manualClock(0) });
    await store.open();
    const worker = { host: "h", pid: 1, queues: { "*": 1 } };
    await store.register({ ...worker, id: "without", abilities: [] });
    await store.register({ ...worker, id: "with", abilities: [{ job: "late", version: 1 }] });
    const hooks = unaware(store);
    hooks.failedByStore([
      { run: "r", job: "late" },
      { run: "s", job: "nobody's" },
    ]);
    await hooks.done();
    const [message] = (await store.pulse("with")).messages;
    expect(message?.name).toBe("duckdive.failed");
    expect(readFailed(JSON.parse(message?.payload ?? ""))).toEqual([{ run: "r", job: "late" }]);
    expect((await store.pulse("without")).messages).toEqual([]);
    await store.close();
  });

  test.each([
    [undefined],
    ["x"],
    [{}],
    [{ runs: 7 }],
    [{ runs: [7, null, { run: "r" }, { run: 1, job: "j" }] }],
  ])("is not read out of %j", (payload) => {
    expect(readFailed(payload)).toEqual([]);
  });
});

/** The hooks of a worker that has no job at all. */
function unaware(store: ReturnType<typeof sqlite>): Hooks {
  const events = { emit: (_name: string, { error }: { error: unknown }) => heard.push(error) };
  const request = () => Promise.reject(new Error("asked for a run"));
  return createHooks({ worker: "without", store, jobs: new Map(), events: events as never, request });
}
