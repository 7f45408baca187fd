// Misspelt on purpose. cspell:ignore fialed limti stpo
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { systemClock } from "../kernel/index.js";
import { assemble } from "../open.js";
import type { Store } from "../store/contract.js";
import { sqlite } from "../store/sqlite/index.js";

const numbered = job({
  name: "numbered",
  input: z.number(),
  queue: "numbers",
  retry: { attempts: 3 },
  handle() {},
});
const plain = job({ name: "plain", handle() {} });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function opened() {
  const store = sqlite({ file: ":memory:" });
  const { duckdive } = assemble({ clock: systemClock, store: () => store, options: { jobs: [numbered] } });
  cleanups.push(() => duckdive.close());
  return { duckdive, store };
}

async function claimed(store: Store, count: number) {
  const abilities = [
    { job: "numbered", version: 1 },
    { job: "plain", version: 1 },
  ];
  await store.register({ id: "w", host: "h", pid: process.pid, abilities, queues: { "*": count } });
  return store.claim({ worker: "w", queues: { "*": count }, abilities });
}

/** Fails as many runs as there are ready, at most this many. */
async function fail(store: Store, count: number): Promise<void> {
  const runs = await claimed(store, count);
  const error = { name: "Error", message: "broken" };
  await store.settle(
    runs.map(({ run, token, claim }) => ({
      run,
      token,
      claim,
      state: "failed",
      reason: "error",
      error,
      keep: 60_000,
    })),
  );
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("listing runs", () => {
  test("gives pages, newest first, each from where the one before ended", async () => {
    const { duckdive } = opened();
    await duckdive.enqueueMany(numbered, numbers(5));
    const first = await duckdive.list({ job: numbered }, { limit: 2 });
    expect(first.runs.map(({ input }) => input)).toEqual([4, 3]);
    const second = await duckdive.list({ job: "numbered" }, { limit: 2, cursor: first.cursor });
    const third = await duckdive.list({ job: "numbered" }, { limit: 2, cursor: second.cursor });
    expect([...second.runs, ...third.runs].map(({ input }) => input)).toEqual([2, 1, 0]);
    expect(third.cursor).toBeUndefined();
  });

  test("goes through all pages in a loop, each run once, while others are being enqueued", async () => {
    const { duckdive } = opened();
    await duckdive.enqueueMany(numbered, numbers(250));
    const seen: unknown[] = [];
    for await (const { input } of duckdive.list({}, { limit: 100 })) {
      seen.push(input);
      if (seen.length % 50 === 0) await duckdive.enqueue(numbered, 1_000);
    }
    expect(seen).toEqual(numbers(250).reverse());
  });

  test("takes one value or several, and a list without values matches nothing", async () => {
    const { duckdive } = opened();
    const [one] = await duckdive.enqueueMany(numbered, [1, 2], { tags: ["a"], meta: { tenant: "x" } });
    await duckdive.enqueue(plain, undefined, { tags: ["b"], delay: "1h" });
    const counts = await Promise.all([
      duckdive.count(),
      duckdive.count({ job: [numbered, "plain"] }),
      duckdive.count({ queue: "numbers" }),
      duckdive.count({ state: ["scheduled", "failed"] }),
      duckdive.count({ tag: ["a", "b"] }),
      duckdive.count({ meta: { tenant: "x" } }),
      duckdive.count({ id: one?.id ?? "" }),
      duckdive.count({ job: plain, tag: "a" }),
      duckdive.count({ since: new Date(Date.now() + 60_000) }),
      duckdive.count({ job: [] }),
    ]);
    expect(counts).toEqual([3, 3, 2, 1, 3, 2, 1, 0, 0, 0]);
    expect((await duckdive.list({ id: [] })).runs).toEqual([]);
  });

  test.each([
    [{ stat: "failed" }, 'Did you mean "state"?'],
    [{ state: "fialed" }, 'Did you mean "failed"?'],
    [{ waiting: "nothing" }, "It is one of"],
    [{ job: 7 }, "Use a job or its name"],
    [{ since: "yesterday" }, "not a valid Date"],
    [{ meta: { a: 1 } }, "Use an object of texts"],
  ])("refuses the filter %j", async (filter, message) => {
    const { duckdive } = opened();
    await expect(duckdive.count(filter as object)).rejects.toThrow(message);
    expect(() => duckdive.list({}, { limit: 0 })).toThrow("from 1 to 1000");
  });
});

describe("acting on runs", () => {
  test("cancels by id, by ids and by filter, and says on how many it acted", async () => {
    const { duckdive } = opened();
    const runs = await duckdive.enqueueMany(numbered, numbers(1_203));
    const ids = runs.map(({ id }) => id);
    expect(await duckdive.cancel(ids[0] ?? "")).toBe(1);
    expect(await duckdive.cancel(ids[0] ?? "", "again")).toBe(0);
    expect(await duckdive.cancel([...ids.slice(0, 3), ...ids.slice(0, 3)], "some")).toBe(2);
    expect(await duckdive.cancel({ job: numbered }, "the rest")).toBe(1_200);
    expect(await duckdive.count({ state: "cancelled", reason: "the rest" })).toBe(1_200);
    expect((await duckdive.get(ids[0] ?? ""))?.reason).toBe("cancelled by the application");
  });

  test("retries what has failed or was cancelled", async () => {
    const { duckdive, store } = opened();
    const runs = await duckdive.enqueueMany(numbered, numbers(600));
    await fail(store, 600);
    expect(await duckdive.count({ state: "failed" })).toBe(600);
    expect(await duckdive.retry({ job: numbered, state: "failed" })).toBe(600);
    expect(await duckdive.retry({ job: numbered })).toBe(0);
    expect(await runs[0]?.get()).toMatchObject({ state: "ready" });
  });

  test("deletes what is not running", async () => {
    const { duckdive, store } = opened();
    const [running] = await duckdive.enqueueMany(numbered, numbers(3));
    await claimed(store, 1);
    expect(await duckdive.delete({ queue: "numbers" })).toBe(2);
    expect(await duckdive.delete({ job: numbered, state: "running" })).toBe(0);
    expect((await duckdive.get(running?.id ?? ""))?.state).toBe("running");
  });

  test("acts on everything only when that is what is said", async () => {
    const { duckdive } = opened();
    await duckdive.enqueueMany(numbered, numbers(3));
    for (const nothing of [{}, { job: undefined }] as object[])
      await expect(duckdive.delete(nothing)).rejects.toThrow("{ all: true }");
    await expect(duckdive.delete({ all: true, job: "x" } as object)).rejects.toThrow("beside something else");
    await expect(duckdive.cancel(undefined as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    await expect(duckdive.cancel([7] as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    expect(await duckdive.delete({ job: [] })).toBe(0);
    expect(await duckdive.delete([])).toBe(0);
    expect(await duckdive.delete({ all: true })).toBe(3);
  });

  test("pauses and resumes a queue, and a job", async () => {
    const { duckdive, store } = opened();
    const run = await duckdive.enqueue(numbered, 1);
    await duckdive.pause("numbers");
    expect((await duckdive.queues()).find(({ name }) => name === "numbers")).toMatchObject({
      paused: true,
      ready: 1,
    });
    expect(await claimed(store, 1)).toEqual([]);
    expect((await duckdive.explain(run.id))[0]).toContain('queue "numbers" is paused');
    await duckdive.resume({ queue: "numbers" });
    await duckdive.pause({ job: numbered });
    expect(await store.paused()).toEqual([{ job: "numbered" }]);
    await duckdive.resume({ job: "numbered" });
    expect(await store.paused()).toEqual([]);
    await expect(duckdive.pause({ queue: "a", job: "b" } as never)).rejects.toThrow("needs one thing");
  });
});

describe("looking at one run", () => {
  test("explains it from the store: its line, its worker, its failure", async () => {
    const { duckdive, store } = opened();
    const run = await duckdive.enqueue(numbered, 1);
    expect(await duckdive.explain(run.id)).toEqual([
      "It is ready, but no worker is running. Start one: `duckdive work`.",
    ]);
    await fail(store, 1);
    expect((await duckdive.explain(run.id))[0]).toMatch(
      /^It failed for good at .*, on attempt 1 of 3: .*Error: broken/,
    );
    await expect(duckdive.explain(crypto.randomUUID())).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });

  test("tells what happened to it, with dates", async () => {
    const { duckdive } = opened();
    const run = await duckdive.enqueue(numbered, 1);
    await run.cancel("enough");
    const { events, logs } = await duckdive.timeline(run.id);
    expect(events).toMatchObject([{ kind: "cancelled", at: expect.any(Date) }]);
    expect(logs).toEqual([]);
    await expect(duckdive.timeline(crypto.randomUUID())).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    expect(await duckdive.get(crypto.randomUUID())).toBeUndefined();
  });

  test("lists workers and counts states", async () => {
    const { duckdive, store } = opened();
    await duckdive.enqueueMany(numbered, numbers(3));
    await claimed(store, 1);
    expect(await duckdive.workers()).toMatchObject([{ id: "w", running: 1, startedAt: expect.any(Date) }]);
    expect(await duckdive.stats()).toMatchObject({ ready: 2, running: 1, succeeded: 0 });
  });
});

describe("workers that are there, and that are gone", () => {
  const enter = (store: Store, id: string) =>
    store.register({ id, host: "h", pid: 7, runner: 6, abilities: [], queues: { "*": 1 } });

  test("are listed with what they say of themselves, and with Dates", async () => {
    const { duckdive, store } = opened();
    await enter(store, "w");
    const report = { state: "working", memory: 1_000, delay: 2, leaked: 0, queues: { "*": 1 } } as const;
    await store.heartbeat("w", report);
    expect(await duckdive.workers()).toMatchObject([
      { id: "w", runner: 6, report, startedAt: expect.any(Date), heartbeatAt: expect.any(Date) },
    ]);
    expect(await duckdive.departed()).toEqual([]);
    await store.rescue([{ worker: "w", cause: "killed by SIGKILL" }]);
    expect(await duckdive.workers()).toEqual([]);
    expect(await duckdive.departed()).toMatchObject([
      { id: "w", how: "lost", cause: "killed by SIGKILL", lost: 0, endedAt: expect.any(Date) },
    ]);
  });

  test("a number of the gone is asked for, and checked", async () => {
    const { duckdive, store } = opened();
    for (const id of ["a", "b", "c"]) {
      await enter(store, id);
      await store.retire(id);
    }
    expect((await duckdive.departed({ limit: 2 })).map(({ id }) => id)).toEqual(["c", "b"]);
    await expect(duckdive.departed({ limit: 0 })).rejects.toThrow(/limit of duckdive\.departed\(\) is 0/);
    await expect(duckdive.departed({ limti: 2 } as object)).rejects.toThrow(/Did you mean "limit"\?/);
  });
});

describe("telling workers", () => {
  const enter = (store: Store, id: string) =>
    store.register({ id, host: "h", pid: 7, abilities: [], queues: { "*": 1 } });

  test("one of them, or all, and how many there were", async () => {
    const { duckdive, store } = opened();
    expect(await duckdive.tell("all", { do: "quiet" })).toBe(0);
    await enter(store, "a");
    await enter(store, "b");
    expect(await duckdive.tell("all", { do: "stop", drain: "1s" })).toBe(2);
    expect(await duckdive.tell("b", { name: "reload", payload: { since: 7 } })).toBe(1);
    expect(await duckdive.tell("nobody", { do: "quiet" })).toBe(0);
    expect((await store.pulse("a")).messages).toMatchObject([
      { name: "duckdive.stop", payload: '{"drain":1000}' },
    ]);
    expect((await store.pulse("b")).messages).toMatchObject([
      { name: "duckdive.stop" },
      { name: "reload", payload: '{"since":7}' },
    ]);
  });

  test("is refused before anything is sent when it makes no sense", async () => {
    const { duckdive, store } = opened();
    await enter(store, "a");
    await expect(duckdive.tell("", { do: "quiet" })).rejects.toThrow(/needs to know whom/);
    await expect(duckdive.tell("all", { do: "stpo" } as never)).rejects.toThrow(/Did you mean "stop"\?/);
    expect((await store.pulse("a")).messages).toEqual([]);
  });
});
