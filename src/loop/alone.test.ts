// A run on its last chance in the real loop: it is executed alone, and held by nobody until then. And a handler that was
// given up counts until it ends.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, type Given, gate, memory, until } from "../../test/engine.js";
import { job } from "../job/index.js";

const named = z.object({ name: z.string() });

/** Handlers that say when they are called, and end when they are let go. */
function held() {
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
async function suspected(hold: ReturnType<typeof held>["hold"], given: Given = {}) {
  const hand = engine([hold], given);
  const { store, duckdive } = hand;
  const suspect = await duckdive.enqueue(hold, { name: "suspect" });
  const abilities = [{ job: "hold", version: 1 }];
  await store.register({ id: "dead", host: "elsewhere", pid: 1, abilities, queues: { "*": 1 } });
  await store.claim({ worker: "dead", queues: { "*": 1 }, abilities });
  await store.rescue([{ worker: "dead" }]);
  expect(await hand.run(suspect.id)).toMatchObject({ state: "ready", crashes: 1 });
  return { ...hand, suspect };
}

/** What could happen by now has happened. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("a run on its last chance", () => {
  test("is executed alone, when what was claimed with it has ended; what comes meanwhile is left to others", async () => {
    const { hold, called, end } = held();
    const { duckdive, work, suspect } = await suspected(hold);
    await duckdive.enqueueMany(["one", "two"].map((name) => hold.with({ name })));
    const worker = work();
    await until(() => called.length === 2);
    expect(called).toEqual(["one", "two"]);
    end("one");
    await until(() => worker.status().ended === 2);
    const other = await duckdive.enqueue(hold, { name: "other" });
    end("two");
    await until(() => called.length === 3);
    expect(called).toEqual(["one", "two", "suspect"]);
    expect(worker.status().running).toMatchObject([{ run: suspect.id }]);
    expect((await other.get()).state).toBe("ready");
    end("suspect");
    await until(() => called.length === 4);
    end("other");
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 4 });
  });

  test("is not called before the end of the one before it is recorded, which would be lost with it", async () => {
    const base = memory();
    const answer = gate();
    const { store } = counting(base.store, {
      async settle(settlements) {
        const settled = await base.store.settle(settlements);
        if (settlements.some(({ state }) => state === "succeeded")) await answer.passed;
        return settled;
      },
    });
    const { hold, called, end } = held();
    const { duckdive, work } = await suspected(hold, { store, clock: base.clock });
    const first = await duckdive.enqueue(hold, { name: "first" });
    const worker = work();
    await until(() => called.length === 1);
    end("first");
    await until(async () => (await first.get()).state === "succeeded");
    await turns();
    expect(called).toEqual(["first"]);
    answer.open();
    await until(() => called.length === 2);
    end("suspect");
    await worker.idle();
    expect(called).toEqual(["first", "suspect"]);
  });

  test("is held by nobody while it waits: a stopping worker has nothing to give back, and its attempt is kept", async () => {
    const { hold, called, end } = held();
    const { duckdive, work, suspect, run } = await suspected(hold);
    await duckdive.enqueue(hold, { name: "first" });
    const worker = work();
    await until(() => called.length === 1);
    await until(async () => (await run(suspect.id)).state === "ready");
    expect(await run(suspect.id)).toMatchObject({ attempt: 1, crashes: 1, worker: undefined });
    const stopped = worker.stop();
    end("first");
    await stopped;
    expect(called).toEqual(["first"]);
    expect(await run(suspect.id)).toMatchObject({ state: "ready" });
  });

  test("stops nobody for longer than ten seconds: workers whose executions go on for hours fetch again, and meet it later", async () => {
    const { hold, called, end } = held();
    const { duckdive, work, suspect, run, clock } = await suspected(hold);
    const workers: ReturnType<typeof work>[] = [];
    for (const name of ["long", "longer"]) {
      await duckdive.enqueue(hold, { name });
      workers.push(work());
      await until(() => called.includes(name));
    }
    for (const name of ["one", "two", "three"]) await duckdive.enqueue(hold, { name });
    await turns();
    expect(called).toEqual(["long", "longer"]);
    await clock.advance(10_000);
    await until(() => called.length === 5);
    expect(called.toSorted()).toEqual(["long", "longer", "one", "three", "two"]);
    expect(await run(suspect.id)).toMatchObject({ attempt: 1, crashes: 1 });
    await clock.advance(100_000);
    expect(called).toHaveLength(5);
    for (const name of ["long", "longer", "one", "two", "three"]) end(name);
    await until(() => workers.every((worker) => worker.status().running.length === 0));
    await clock.advance(60_000);
    await until(() => called.length === 6);
    end("suspect");
    await until(async () => (await run(suspect.id)).state === "succeeded");
  });

  test("is not handed to and fro for ever between workers that have nothing to do", async () => {
    const { hold, called, end } = held();
    const { work, suspect, run } = await suspected(hold);
    const workers = [work(), work(), work()];
    await Promise.all(workers.map(({ ready }) => ready));
    await until(() => called.length === 1);
    end("suspect");
    await until(async () => (await run(suspect.id)).state === "succeeded");
    expect((await run(suspect.id)).token).toBeLessThan(10);
  });

  test("is found by one of several workers also where there are many such runs", async () => {
    const { hold, called, end } = held();
    const { duckdive, work, store, clock } = engine([hold]);
    const abilities = [{ job: "hold", version: 1 }];
    const names = ["one", "two", "three"];
    await duckdive.enqueueMany(names.map((name) => hold.with({ name })));
    await store.register({ id: "dead", host: "elsewhere", pid: 1, abilities, queues: { "*": 3 } });
    await store.claim({ worker: "dead", queues: { "*": 3 }, abilities });
    await store.rescue([{ worker: "dead" }]);
    const workers = [work(), work()];
    await Promise.all(workers.map(({ ready }) => ready));
    for (const name of names) end(name);
    await until(async () => {
      await clock.advance(100);
      return called.length === 3;
    });
  });

  test("that is cancelled while it waits keeps nobody from fetching", async () => {
    const { hold, called, end } = held();
    const { duckdive, work, suspect, run } = await suspected(hold);
    await duckdive.enqueue(hold, { name: "first" });
    const worker = work();
    await until(() => called.length === 1);
    await until(() => suspect.cancel("no longer wanted"));
    expect(await run(suspect.id)).toMatchObject({ state: "cancelled" });
    await duckdive.enqueue(hold, { name: "other" });
    end("first");
    await until(() => called.length === 2);
    end("other");
    await worker.idle();
    expect(called).toEqual(["first", "other"]);
  });

  test("waits for a worker that is told to be quiet", async () => {
    const { hold, called, end } = held();
    const { work } = await suspected(hold);
    const worker = work();
    worker.quiet();
    await worker.ready;
    await turns();
    expect(called).toEqual([]);
    worker.resume();
    await until(() => called.length === 1);
    end("suspect");
    await worker.idle();
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
      attempt: 2,
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
