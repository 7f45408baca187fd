// A worker whose store is away: at its start, and while it executes. Under a clock in the test's hand.
import { describe, expect, test } from "vitest";
import { counting, engine, gate, memory, until } from "../test/engine.js";
import { job } from "./job/index.js";
import type { Store } from "./store/contract.js";
import { StoreUnreachableError } from "./store/errors.js";

const away = (): Promise<never> =>
  Promise.reject(new StoreUnreachableError("it is restarting", { passes: true }));

describe("a store that is away at the start", () => {
  test("is tried again with growing pauses, and the worker starts when it is there", async () => {
    const base = memory();
    let isAway = true;
    const { store, calls } = counting(base.store, { open: () => (isAway ? away() : base.store.open()) });
    const { work, clock, heard } = engine([job({ name: "nothing", handle() {} })], {
      store,
      clock: base.clock,
    });
    const worker = work();
    await clock.advance(60_000);
    expect(calls.get("open")).toBeGreaterThan(30);
    expect(calls.get("open")).toBeLessThan(80);
    expect(heard[0]).toMatchObject({ name: "error", about: { where: "start" } });
    isAway = false;
    await clock.advance(1_000);
    await worker.ready;
    expect((await base.store.workers()).map(({ id }) => id)).toEqual([worker.id]);
  });

  test("does not keep a worker from being stopped", async () => {
    const base = memory();
    const { store } = counting(base.store, { open: away });
    const { work, clock } = engine([job({ name: "nothing", handle() {} })], { store, clock: base.clock });
    const worker = work();
    await clock.advance(5_000);
    await worker.stop();
    await expect(worker.ready).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    expect(clock.nextTimer()).toBeUndefined();
  });

  test("and will not come by itself makes the start fail at once", async () => {
    const base = memory();
    const { store, calls } = counting(base.store, {
      open: () => Promise.reject(new StoreUnreachableError("the password is wrong")),
    });
    const { work } = engine([job({ name: "nothing", handle() {} })], { store, clock: base.clock });
    await expect(work().ready).rejects.toThrow("the password is wrong");
    expect(calls.get("open")).toBe(1);
  });
});

describe("a worker that cannot show that it lives", () => {
  async function holding(patience: number | undefined) {
    const base = memory();
    let isAway = false;
    const orAway =
      <Args extends unknown[], Result>(verb: (...given: Args) => Promise<Result>) =>
      (...given: Args): Promise<Result> =>
        isAway ? away() : verb(...given);
    const replaced: Partial<Store> = {
      heartbeat: orAway(base.store.heartbeat),
      settle: orAway(base.store.settle),
      claim: orAway(base.store.claim),
      ...(patience === undefined ? {} : { patience }),
    };
    const { store, calls } = counting(base.store, replaced);
    const signals: AbortSignal[] = [];
    const done = gate();
    const hold = job({
      name: "hold",
      retry: { attempts: 1 },
      handle: (_input: undefined, ctx) =>
        new Promise<void>((resolve, reject) => {
          if (signals.push(ctx.signal) > 1) resolve();
          void done.passed.then(resolve);
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
        }),
    });
    const all = engine([hold], { store, clock: base.clock });
    const run = await all.duckdive.enqueue(hold);
    const worker = all.work();
    await until(() => signals.length === 1);
    return {
      ...all,
      calls,
      worker,
      signals,
      done,
      id: run.id,
      leave(what: boolean) {
        isAway = what;
      },
    };
  }

  test("stops executing before others may give its runs away, and loses no attempt by it", async () => {
    const { clock, signals, leave, worker, run, id } = await holding(30_000);
    await clock.advance(10_000);
    leave(true);
    await clock.advance(23_999);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(signals[0]?.reason).toMatchObject({ code: "EXECUTION_STOPPED", why: "lost" });
    leave(false);
    await clock.advance(2_000);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  test("goes on when it could after all, having tried every second", async () => {
    const { clock, signals, leave, done, worker, run, id, calls } = await holding(30_000);
    leave(true);
    calls.clear();
    await clock.advance(20_000);
    expect(calls.get("heartbeat")).toBe(11);
    leave(false);
    await clock.advance(60_000);
    expect(signals[0]?.aborted).toBe(false);
    done.open();
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  test("goes on for as long as it takes where its process alone shows that it lives", async () => {
    const { clock, signals, leave, done, worker } = await holding(undefined);
    leave(true);
    await clock.advance(10 * 60_000);
    expect(signals[0]?.aborted).toBe(false);
    leave(false);
    done.open();
    await clock.advance(1_000);
    await worker.idle();
  });
});

describe("a worker that is looked after", () => {
  test("enters each execution before its handler, and leaves it when its cleanup is done, however it ended", async () => {
    const trace: string[] = [];
    const note = (what: string) => trace.push(what);
    const two = job({
      name: "two",
      retry: { attempts: 1 },
      async handle(_input: undefined, ctx) {
        ctx.defer(() => void note("cleaned up"));
        note("called");
        if (trace.includes("left")) throw new Error("the second one fails");
      },
    });
    const { duckdive, work, clock } = engine([two]);
    for (let count = 0; count < 2; count += 1) await duckdive.enqueue(two, undefined);
    const worker = work(
      { queues: { "*": 1 } },
      {
        runner: 1,
        frames: {
          enter(_claimed, body) {
            note("entered");
            return body();
          },
          leave: () => void note("left"),
        },
      },
    );
    await clock.advance(0);
    await worker.idle();
    const once = ["entered", "called", "cleaned up", "left"];
    expect(trace).toEqual([...once, ...once]);
  });

  test("enters an execution again to abort it, and leaves it once", async () => {
    const entered: string[] = [];
    const left: string[] = [];
    const started = gate();
    const stuck = job({
      name: "stuck",
      retry: { attempts: 1 },
      handle: (_input: undefined, ctx) =>
        new Promise<void>((_resolve, reject) => {
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
          started.open();
        }),
    });
    const { duckdive, work } = engine([stuck]);
    const { id } = await duckdive.enqueue(stuck, undefined);
    const worker = work(undefined, {
      runner: 1,
      frames: {
        enter({ run }, body) {
          entered.push(run);
          return body();
        },
        leave: ({ run }) => void left.push(run),
      },
    });
    await started.passed;
    worker.kill();
    await worker.idle();
    expect([entered, left]).toEqual([[id, id], [id]]);
  });
});
