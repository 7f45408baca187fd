import { afterEach, describe, expect, test, vi } from "vitest";
import { job } from "../job/index.js";
import { manualClock } from "../kernel/index.js";
import { assemble } from "../open.js";
import type { QueueRow, Store } from "../store/contract.js";
import { sqlite } from "../store/sqlite/index.js";
import type { Duckdive } from "./types.js";

const report = job({ name: "report", queue: "reports", handle() {} });
const other = job({ name: "other", queue: "reports", handle() {} });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function opened(changed: Partial<Store> = {}) {
  const clock = manualClock(Date.UTC(2026, 0, 2));
  const store: Store = Object.assign(Object.create(sqlite({ file: ":memory:", clock })) as Store, changed);
  const { duckdive } = assemble({ clock, store: () => store, options: { jobs: [report, other] } });
  cleanups.push(() => duckdive.close());
  return { duckdive: duckdive as Duckdive, store, clock };
}

const row: QueueRow = {
  name: "reports",
  paused: true,
  scheduled: 0,
  ready: 3,
  running: 2,
  waiting: 0,
  oldest: undefined,
  heldUntil: undefined,
  slots: undefined,
};

describe("rerouting a job", () => {
  test("sends new runs and those that wait to the other queue, and back, and no other job's", async () => {
    const { duckdive } = opened();
    const early = await duckdive.enqueue(report);
    const later = await duckdive.enqueue(report, undefined, { delay: "1h" });
    const another = await duckdive.enqueue(other);
    expect(await duckdive.reroute(report, "slow")).toBe(2);
    const fresh = await duckdive.enqueue(report);
    expect(await duckdive.reroutes()).toEqual({ report: "slow" });
    const queueOf = async (id: string) => (await duckdive.get(id))?.queue;
    expect(await Promise.all([early.id, later.id, fresh.id].map(queueOf))).toEqual(["slow", "slow", "slow"]);
    expect(await queueOf(another.id)).toBe("reports");
    expect(await duckdive.reroute("report", undefined)).toBe(3);
    expect(await duckdive.reroutes()).toEqual({});
    expect(await queueOf(later.id)).toBe("reports");
  });

  test("leaves those that wait where they are, when that is asked for", async () => {
    const { duckdive } = opened();
    const early = await duckdive.enqueue(report);
    expect(await duckdive.reroute(report, "slow", { waiting: false })).toBe(0);
    expect((await duckdive.get(early.id))?.queue).toBe("reports");
  });

  test("moves a run again only when it is elsewhere", async () => {
    const { duckdive } = opened();
    await duckdive.enqueue(report);
    await duckdive.reroute(report, "slow");
    expect(await duckdive.reroute(report, "slow")).toBe(0);
  });

  test("refuses what is no name, and the star", async () => {
    const { duckdive } = opened();
    await expect(duckdive.reroute("", "slow")).rejects.toThrow("needs a name");
    await expect(duckdive.reroute("report", "*")).rejects.toThrow("stands for many");
  });
});

describe("slots of a queue", () => {
  test("are set for all workers, and taken back", async () => {
    const { duckdive } = opened();
    await duckdive.enqueue(report);
    await duckdive.setSlots("reports", 3);
    expect(await duckdive.queues()).toMatchObject([{ name: "reports", slots: 3 }]);
    await duckdive.setSlots("reports", undefined);
    expect((await duckdive.queues())[0]?.slots).toBeUndefined();
  });

  test.each([[-1], [1.5], [Number.NaN]])("are not %d", async (slots) => {
    await expect(opened().duckdive.setSlots("reports", slots)).rejects.toThrow("whole number from 0 up");
  });
});

describe("draining a queue", () => {
  test("pauses it, tells what runs, and resolves with what is left when nothing does", async () => {
    let running = 2;
    const queues = vi.fn(async () => [{ ...row, running }]);
    const { duckdive, store, clock } = opened({ queues });
    const told: number[] = [];
    const drained = duckdive.drainQueue("reports", { onProgress: (number) => told.push(number) });
    await vi.waitFor(() => expect(queues).toHaveBeenCalledTimes(1));
    expect(await store.paused()).toEqual([{ queue: "reports" }]);
    running = 0;
    while (queues.mock.calls.length < 3) await clock.advance(250);
    expect(await drained).toMatchObject({ name: "reports", ready: 3, running: 0 });
    expect(told).toEqual([2, 0]);
  });

  test("ends when it is enough, and leaves the queue paused", async () => {
    const enough = new AbortController();
    const { duckdive, store } = opened({ queues: async () => [row] });
    const drained = duckdive.drainQueue("reports", {
      signal: enough.signal,
      onProgress: () => setImmediate(() => enough.abort()),
    });
    await expect(drained).rejects.toMatchObject({ name: "AbortError" });
    expect(await store.paused()).toEqual([{ queue: "reports" }]);
  });
});

describe("throughput", () => {
  test("is what workers have counted since then, by queue or by job", async () => {
    const { duckdive, store, clock } = opened();
    await duckdive.ready();
    const count = { succeeded: 1, failed: 0, cancelled: 0, retried: 0, waited: 10, ran: 20 };
    const now = clock.now();
    await store.tally([
      { ...count, minute: now - 7_200_000, queue: "reports", job: "report" },
      { ...count, minute: now - 600_000, queue: "reports", job: "report" },
      { ...count, minute: now - 600_000, queue: "reports", job: "other" },
    ]);
    expect(await duckdive.throughput()).toMatchObject([{ name: "reports", succeeded: 2 }]);
    expect(await duckdive.throughput({ by: "job" })).toMatchObject([{ name: "other" }, { name: "report" }]);
    expect(await duckdive.throughput({ since: new Date(now - 7_200_000) })).toMatchObject([{ succeeded: 3 }]);
    expect(await duckdive.throughput({ since: "5m" })).toEqual([]);
  });

  test("refuses a time that is none, and what it cannot sum up by", async () => {
    const { duckdive } = opened();
    await expect(duckdive.throughput({ since: new Date(Number.NaN) })).rejects.toThrow("not a valid Date");
    await expect(duckdive.throughput({ by: "tenant" as "job" })).rejects.toThrow('by "queue" or by "job"');
  });
});
