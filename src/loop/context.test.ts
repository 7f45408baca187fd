// What a handler does with its `ctx`, and what stands around it: cleanups, runs of its own, its word on how far it is.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, memory, silent, until } from "../../test/engine.js";
import { type Context, job } from "../job/index.js";

describe("ctx", () => {
  test("defer runs last first when the execution ends, and at once when it is asked for later", async () => {
    const order: string[] = [];
    let kept: Context | undefined;
    const tidy = job({
      name: "tidy",
      retry: { attempts: 1 },
      handle(_input: undefined, ctx) {
        kept = ctx;
        for (const name of ["first", "second", "third"]) ctx.defer(() => void order.push(name));
        throw new Error("it ends in any way");
      },
    });
    const { duckdive, work } = engine([tidy]);
    await duckdive.enqueue(tidy);
    await work().idle();
    expect(order).toEqual(["third", "second", "first"]);
    kept?.defer(() => void order.push("late"));
    expect(order.at(-1)).toBe("late");
  });

  test("a deferred cleanup that fails is reported and changes nothing; one that never ends is left after five seconds", async () => {
    const order: string[] = [];
    const tidy = job({
      name: "tidy",
      handle(_input: undefined, ctx) {
        ctx.defer(() => void order.push("not reached before the grace is over"));
        ctx.defer(() => new Promise<void>(() => {}));
        ctx.defer(() => {
          throw new Error("a bad cleanup");
        });
        return "done";
      },
    });
    const { duckdive, work, clock, run, heard } = engine([tidy]);
    const { id } = await duckdive.enqueue(tidy);
    const worker = work();
    await until(() => heard.some(({ name }) => name === "error"));
    expect(heard.at(-1)).toMatchObject({ about: { where: "ctx.defer", run: id } });
    await clock.advance(5_000);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded" });
  });

  test("enqueue records one run over two attempts, and meta travels with it", async () => {
    const child = job({ name: "child", input: z.object({ n: z.number() }), handle() {} });
    const carried: unknown[] = [];
    const parent = job({
      name: "parent",
      retry: { attempts: 2, backoff: { kind: "fixed", base: 0 } },
      async handle(_input: undefined, ctx) {
        carried.push(ctx.meta);
        await ctx.enqueue("the child", child, { n: 1 }, { meta: { step: "one" } });
        if (ctx.attempt === 1) throw new Error("after the enqueue");
      },
    });
    const { duckdive, work, clock } = engine([parent, child]);
    await duckdive.enqueue(parent, undefined, { meta: { tenant: "acme" } });
    const worker = work();
    await worker.idle();
    await clock.advance(1);
    await worker.idle();
    expect(carried).toEqual([{ tenant: "acme" }, { tenant: "acme" }]);
    const { runs } = await duckdive.list({ job: child });
    expect(runs).toMatchObject([{ state: "succeeded", meta: { tenant: "acme", step: "one" } }]);
  });

  test("what was logged and said of progress is in the store before the run has ended", async () => {
    const base = memory();
    const order: string[] = [];
    const { store } = counting(base.store, {
      note: (notes) => {
        order.push(`note ${notes.length}`);
        return base.store.note(notes);
      },
      settle: (settlements) => {
        order.push("settle");
        return base.store.settle(settlements);
      },
    });
    const chatty = job({
      name: "chatty",
      handle(_input: undefined, ctx) {
        ctx.log.info("half-way", { at: 50 });
        ctx.progress(1, 2);
        ctx.progress(2, 2, "all of it");
      },
    });
    const { duckdive, work, run } = engine([chatty], { store, clock: base.clock });
    const { id } = await duckdive.enqueue(chatty);
    await work().idle();
    expect(order).toEqual(["note 2", "settle"]);
    expect(await run(id)).toMatchObject({ progress: { done: 2, total: 2, note: "all of it" } });
    expect((await store.timeline(id)).logs).toMatchObject([
      { level: "info", message: "half-way", fields: { at: 50 } },
    ]);
  });

  test("progress that is no number and a log that throws fail nobody", async () => {
    const odd = job({
      name: "odd",
      handle(_input: undefined, ctx) {
        ctx.progress(Number.NaN, Number.POSITIVE_INFINITY, "\0");
        ctx.log.warn("\ud800 half of a pair", { circular: ctx });
      },
    });
    const log = {
      ...silent,
      warn() {
        throw new Error("a bad log");
      },
    };
    const { duckdive, work, run, heard } = engine([odd], { log });
    const { id } = await duckdive.enqueue(odd);
    await work().idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", progress: { done: 0, note: "\ufffd" } });
    expect(heard.find(({ name }) => name === "error")).toMatchObject({ about: { where: "log" } });
  });
});

describe("middleware", () => {
  test("stands around the handler, sees the run, and may turn its end", async () => {
    const order: string[] = [];
    const plain = job({ name: "plain", handle: () => void order.push("handler") });
    const { duckdive, work, run } = engine([plain], {
      middleware: [
        async (record, next) => {
          order.push(`before ${record.job} ${record.attempt} ${record.state}`);
          await next();
          order.push("after");
          throw new Error("the middleware had a word to say");
        },
      ],
    });
    const { id } = await duckdive.enqueue(plain);
    await work().idle();
    expect(order).toEqual(["before plain 1 running", "handler", "after"]);
    expect(await run(id)).toMatchObject({
      state: "scheduled",
      error: { message: expect.stringContaining("a word") },
    });
  });
});
