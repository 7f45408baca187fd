// A run on its last chance in the real loop: it is executed alone, whatever comes with it waits for its turn, and what
// waits can be stopped as anything that runs can. And a handler that was given up counts until it ends.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { engine, gate, until } from "../../test/engine.js";
import { job } from "../job/index.js";
import type { Duration } from "../kernel/index.js";

const named = z.object({ name: z.string() });

/** Handlers that say when they are called, and end when they are let go. */
function held(policy: { timeout?: Duration; finishWithin?: Duration } = {}) {
  const called: string[] = [];
  const ends = new Map<string, ReturnType<typeof gate>>();
  const endOf = (name: string): ReturnType<typeof gate> => {
    const end = ends.get(name) ?? gate();
    ends.set(name, end);
    return end;
  };
  const hold = job({
    name: "hold",
    input: named,
    crashes: 2,
    ...policy,
    handle({ name }, { signal }) {
      called.push(name);
      return Promise.race([
        endOf(name).passed,
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      ]).then(() => {});
    },
  });
  return { hold, called, end: (name: string) => endOf(name).open() };
}

/** An engine whose store has a run that took one worker down. */
async function suspected(hold: ReturnType<typeof held>["hold"]) {
  const hand = engine([hold]);
  const { store, duckdive } = hand;
  const suspect = await duckdive.enqueue(hold, { name: "suspect" });
  const abilities = [{ job: "hold", version: 1 }];
  await store.register({ id: "dead", host: "elsewhere", pid: 1, abilities, queues: { "*": 1 } });
  await store.claim({ worker: "dead", queues: { "*": 1 }, abilities });
  await store.rescue([{ worker: "dead" }]);
  expect(await hand.run(suspect.id)).toMatchObject({ state: "ready", crashes: 1 });
  return { ...hand, suspect };
}

describe("a run on its last chance", () => {
  test("is executed alone: after what runs, and before what comes behind it", async () => {
    const { hold, called, end } = held();
    const { duckdive, work } = await suspected(hold);
    await duckdive.enqueue(hold, { name: "first" }, { priority: 1 });
    await duckdive.enqueueMany(["behind", "last"].map((name) => hold.with({ name })));
    const worker = work();
    await until(() => called.length === 1);
    expect(called).toEqual(["first"]);
    end("first");
    await until(() => called.length === 2);
    expect(called).toEqual(["first", "suspect"]);
    expect(worker.status().running).toHaveLength(1);
    end("suspect");
    await until(() => called.length === 4);
    expect(called).toEqual(["first", "suspect", "behind", "last"]);
    end("behind");
    end("last");
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 4 });
  });

  test("keeps the worker from fetching while it waits and runs, so that others take what is there", async () => {
    const { hold, called, end } = held();
    const { duckdive, work } = await suspected(hold);
    const worker = work();
    await until(() => called.length === 1);
    const other = await duckdive.enqueue(hold, { name: "other" });
    expect((await other.get()).state).toBe("ready");
    end("suspect");
    await until(() => called.length === 2);
    end("other");
    await worker.idle();
    expect(called).toEqual(["suspect", "other"]);
  });

  test("that waits goes back at shutdown, and its handler is never called, nor that of those behind it", async () => {
    const { hold, called, end } = held();
    const { duckdive, work, suspect, run, names } = await suspected(hold);
    await duckdive.enqueue(hold, { name: "first" }, { priority: 1 });
    const behind = await duckdive.enqueue(hold, { name: "behind" });
    const worker = work();
    await until(() => called.length === 1);
    const stopped = worker.stop();
    await until(() => names().filter((name) => name === "handedBack").length === 2);
    for (const id of [suspect.id, behind.id]) expect(await run(id)).toMatchObject({ state: "ready" });
    end("first");
    await stopped;
    expect(called).toEqual(["first"]);
  });

  test("that waits can be cancelled, and those behind it go on", async () => {
    const { hold, called, end } = held();
    const { duckdive, work, suspect, run } = await suspected(hold);
    await duckdive.enqueue(hold, { name: "first" }, { priority: 1 });
    await duckdive.enqueue(hold, { name: "behind" });
    const worker = work();
    await until(() => called.length === 1);
    await suspect.cancel("no longer wanted");
    await until(() => called.length === 2);
    await until(async () => (await run(suspect.id)).state === "cancelled");
    end("first");
    end("behind");
    await worker.idle();
    expect(called).toEqual(["first", "behind"]);
  });

  test("has its whole timeout from the call of its handler", async () => {
    const { hold, called, end } = held({ timeout: "30s" });
    const { duckdive, work, clock, suspect, run } = await suspected(hold);
    await duckdive.enqueue(hold, { name: "first" }, { priority: 1 });
    const worker = work();
    await until(() => called.length === 1);
    await clock.advance(29_000);
    end("first");
    await until(() => called.length === 2);
    await clock.advance(29_000);
    expect(await run(suspect.id)).toMatchObject({ state: "running" });
    end("suspect");
    await worker.idle();
    expect(await run(suspect.id)).toMatchObject({ state: "succeeded" });
  });

  test("is not executed when its time was over while it waited", async () => {
    const { hold, called, end } = held({ finishWithin: "1m", timeout: "1h" });
    const { duckdive, work, clock, suspect, run } = await suspected(hold);
    await clock.advance(30_000);
    await duckdive.enqueue(hold, { name: "first" }, { priority: 1 });
    const worker = work();
    await until(() => called.length === 1);
    await clock.advance(40_000);
    end("first");
    await worker.idle();
    expect(await run(suspect.id)).toMatchObject({ state: "failed", reason: "expired" });
    expect(called).toEqual(["first"]);
  });

  test("that takes its worker down again is refused at the next claim, as poison", async () => {
    const { hold, called } = held();
    const { work, store, suspect, run } = await suspected(hold);
    const abilities = [{ job: "hold", version: 1 }];
    await store.register({ id: "next", host: "elsewhere", pid: 2, abilities, queues: { "*": 1 } });
    await store.claim({ worker: "next", queues: { "*": 1 }, abilities });
    await store.rescue([{ worker: "next" }]);
    await work().idle();
    expect(await run(suspect.id)).toMatchObject({
      state: "failed",
      reason: "poison",
      crashes: 2,
      error: { code: "POISON", message: expect.stringContaining("2 workers") },
    });
    expect(called).toEqual([]);
  });
});

describe("a handler that was given up", () => {
  test("frees its slot, and counts as leaked until it ends", async () => {
    const end = gate();
    const deaf = job({ name: "deaf", timeout: "10s", retry: { attempts: 1 }, handle: () => end.passed });
    const next = job({ name: "next", handle() {} });
    const { duckdive, work, clock, events, run } = engine([deaf, next]);
    const { id } = await duckdive.enqueue(deaf);
    const leaks: { isOver: boolean; leaked: number }[] = [];
    events.on("leaked", ({ isOver, leaked }) => leaks.push({ isOver, leaked }));
    const worker = work({ queues: { "*": 1 } });
    await until(() => worker.status().running.length === 1);
    await clock.advance(15_000);
    await duckdive.enqueue(next);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "failed", reason: "timeout" });
    expect(await duckdive.stats()).toMatchObject({ succeeded: 1 });
    expect(worker.status()).toMatchObject({ running: [], leaked: [{ run: id, job: "deaf", attempt: 1 }] });
    end.open();
    await until(() => worker.status().leaked.length === 0);
    expect(leaks).toEqual([
      { isOver: false, leaked: 1 },
      { isOver: true, leaked: 0 },
    ]);
  });
});
