import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { type ManualClock, manualClock } from "../kernel/index.js";
import { assemble } from "../open.js";
import type { Store } from "../store/contract.js";
import { sqlite } from "../store/sqlite/index.js";
import type { BulkProgress, Duckdive } from "./types.js";

const send = job({ name: "send", input: z.object({ to: z.string() }), queue: "mail", handle() {} });
const abilities = [{ job: "send", version: 1 }];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function opened(changed: Partial<Store> = {}): { duckdive: Duckdive; store: Store; clock: ManualClock } {
  const clock = manualClock(Date.UTC(2026, 0, 2));
  const real = sqlite({ file: ":memory:", clock });
  const store: Store = Object.assign(Object.create(real) as Store, changed);
  const { duckdive } = assemble({ clock, store: () => store, options: { jobs: [send] } });
  cleanups.push(() => duckdive.close());
  return { duckdive: duckdive as Duckdive, store, clock };
}

/** So many runs that have failed, with this error. */
async function failed(duckdive: Duckdive, store: Store, count: number, name = "Error"): Promise<void> {
  await duckdive.enqueueMany(
    send,
    Array.from({ length: count }, () => ({ to: "ann" })),
  );
  await failReady(store, count + 1, name);
}

async function failReady(store: Store, count: number, name = "Error"): Promise<void> {
  await store.register({ id: "w", host: "h", pid: process.pid, abilities, queues: { "*": count } });
  const claimed = await store.claim({ worker: "w", queues: { "*": count }, abilities });
  const error = { name, message: "no", code: `${name}_CODE` };
  await store.settle(
    claimed.map(({ run, token, claim }) => ({ run, token, claim, state: "failed", reason: "error", error })),
  );
}

describe("acting on many", () => {
  test("goes in chunks, and tells after each how far it is", async () => {
    const { duckdive, store } = opened();
    await failed(duckdive, store, 2_500);
    const told: BulkProgress[] = [];
    const onProgress = (progress: BulkProgress) => void told.push(progress);
    expect(await duckdive.retry({ state: "failed" }, { onProgress })).toBe(2_500);
    expect(told.map(({ done }) => done)).toEqual([1_000, 2_000, 2_500]);
    expect(told.map(({ cursor }) => cursor === undefined)).toEqual([false, false, true]);
  });

  test("a dry run only counts", async () => {
    const { duckdive, store } = opened();
    await failed(duckdive, store, 3);
    const { runs } = await duckdive.list({ state: "failed" });
    expect(await duckdive.retry({ job: send }, { dryRun: true })).toBe(3);
    expect(await duckdive.delete(runs.map(({ id }) => id).concat("none"), { dryRun: true })).toBe(3);
    expect(await duckdive.count({ state: "failed" })).toBe(3);
  });

  test("is interrupted after a chunk, and goes on from there without acting on a run twice", async () => {
    const retried: string[] = [];
    const { duckdive, store } = opened();
    const retry = store.retry.bind(store);
    store.retry = (ids) => {
      retried.push(...ids);
      return retry(ids);
    };
    await failed(duckdive, store, 2_500);
    const enough = new AbortController();
    let cursor: string | undefined;
    const first = duckdive.retry(
      { state: "failed" },
      {
        signal: enough.signal,
        onProgress: (progress) => {
          cursor = progress.cursor;
          enough.abort();
        },
      },
    );
    await expect(first).rejects.toMatchObject({ name: "AbortError" });
    // Those that were retried fail once more: they come into the filter again, and are not met.
    await failReady(store, 1_000);
    expect(await duckdive.retry({ state: "failed" }, { from: cursor })).toBe(2_500);
    expect(retried).toHaveLength(2_500);
    expect(new Set(retried).size).toBe(2_500);
    expect(await duckdive.count({ state: "failed" })).toBe(1_000);
  });

  test("leaves alone what is asked for, and what fails, after it began", async () => {
    const { duckdive, store, clock } = opened();
    const early = await duckdive.enqueue(send, { to: "early" });
    await failed(duckdive, store, 1_200);
    await duckdive.retry(early.id);
    let cursor: string | undefined;
    const enough = new AbortController();
    const onProgress = (progress: BulkProgress) => {
      cursor = progress.cursor;
      enough.abort();
    };
    const first = duckdive.retry({ state: "failed" }, { signal: enough.signal, onProgress });
    await expect(first).rejects.toThrow();
    await clock.advance(5_000);
    await failReady(store, 2_000);
    await failed(duckdive, store, 5);
    await duckdive.retry({ state: "failed" }, { from: cursor });
    expect((await duckdive.get(early.id))?.state).toBe("failed");
    expect(await duckdive.count({ state: "ready" })).toBe(200);
  });

  test("a cursor of another call, or no cursor, is refused", async () => {
    const { duckdive, store } = opened();
    await failed(duckdive, store, 1_001);
    let cursor: string | undefined;
    await duckdive.retry({ all: true }, { onProgress: (progress) => (cursor ??= progress.cursor) });
    await expect(duckdive.delete({ all: true }, { from: cursor })).rejects.toThrow(
      "is a cursor of duckdive.retry()",
    );
    await expect(duckdive.delete({ all: true }, { from: "oops" })).rejects.toThrow("is no cursor");
  });
});

describe("a filter for many", () => {
  test("has the error, the age and what is in the input", async () => {
    const list = vi.fn<Store["list"]>(async () => ({ runs: [], next: undefined }));
    const { duckdive, clock } = opened({ list });
    await duckdive.retry({ error: ["TypeError", "ECONNRESET"], text: '"ann"', olderThan: "1h" });
    expect(list.mock.lastCall?.[0]).toMatchObject({
      errors: ["TypeError", "ECONNRESET"],
      text: '"ann"',
      until: clock.now() - 3_600_000,
      states: ["failed", "cancelled"],
    });
  });

  test("refuses an empty text and an age that is none", async () => {
    const { duckdive } = opened();
    await expect(duckdive.count({ text: "" })).rejects.toThrow("text is not acceptable");
    await expect(duckdive.count({ olderThan: "old" as "1h" })).rejects.toThrow("olderThan");
  });
});

describe("changing runs", () => {
  test("asks the store for the queue, the priority and the time, of those that rest", async () => {
    const change = vi.fn<Store["change"]>(async (ids) => ids.map(() => true));
    const { duckdive } = opened({ change });
    await duckdive.enqueueMany(send, [{ to: "ann" }, { to: "bob" }]);
    const asked = { queue: "bulk", priority: 3, delay: "1m" } as const;
    expect(await duckdive.change({ queue: "mail" }, asked)).toBe(2);
    expect(change.mock.lastCall?.[1]).toEqual({ queue: "bulk", priority: 3, due: { after: 60_000 } });
    expect(change.mock.lastCall?.[0]).toHaveLength(2);
  });

  test.each([
    [{}, "nothing to change"],
    [{ priority: 11 }, "from -10 to 10"],
    [{ queue: "" }, "needs a name"],
    [{ delay: "1m", runAt: new Date() }, "Use one"],
    [{ runAt: new Date(Number.NaN) }, "not a valid Date"],
    [{ tags: ["x"] }, "tags"],
  ])("refuses %j", async (change, message) => {
    const { duckdive } = opened();
    await expect(duckdive.change({ all: true }, change as object)).rejects.toThrow(message);
  });
});
