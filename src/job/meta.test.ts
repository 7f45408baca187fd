// The context of a request: kept beside the code, in the meta of every run that is asked for there, and around its handler.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { engine, gate, until } from "../../test/engine.js";
import { InvalidOptionError } from "../kernel/index.js";
import { job } from "./index.js";
import { currentContext, inContextOf, type RequestContext, withContext } from "./meta.js";

describe("a context", () => {
  test("is there until what it was entered for has ended, and nowhere else", async () => {
    const end = gate();
    const inside = withContext({ requestId: "r1" }, async () => {
      await end.passed;
      return currentContext();
    });
    expect(currentContext()).toEqual({});
    end.open();
    expect(await inside).toEqual({ requestId: "r1" });
  });

  test("nests: what is not named stays, and undefined takes a name away", () => {
    const seen = withContext({ requestId: "r1", userId: "7" }, () =>
      withContext({ userId: undefined, locale: "de" }, currentContext),
    );
    expect(seen).toEqual({ requestId: "r1", locale: "de" });
  });

  test("of a run has nothing of the one that it was entered in", () => {
    expect(withContext({ userId: "7" }, () => inContextOf({}, currentContext))).toEqual({});
  });

  test.each([
    ["a number", { requestId: 7 }],
    ["half a surrogate pair", { requestId: "\ud800" }],
    ["a text that is too long", { requestId: "x".repeat(1_001) }],
    ["too many texts", Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`n${n}`, ""]))],
    ["a name of nothing", { "": "x" }],
    ["no object", "r1"],
  ])("is refused with %s", (_what, context) => {
    expect(() => withContext(context as RequestContext, () => {})).toThrow(InvalidOptionError);
  });

  test("cannot be changed from outside", () => {
    const context = withContext({ requestId: "r1" }, currentContext) as { requestId?: string };
    expect(() => {
      context.requestId = "r2";
    }).toThrow(TypeError);
  });
});

const seen: [string, RequestContext][] = [];
const leaf = job({
  name: "leaf",
  input: z.object({ name: z.string() }),
  handle({ name }) {
    seen.push([name, currentContext()]);
  },
});

describe("runs", () => {
  test("carry the context in which they were asked for, under what was said of them", async () => {
    const { duckdive } = engine([leaf]);
    const runs = await withContext({ requestId: "r1", userId: "7" }, async () => [
      await duckdive.enqueue(leaf, { name: "one" }),
      ...(await duckdive.enqueueMany(leaf, [{ name: "many" }])),
      await duckdive.enqueue(leaf, { name: "said" }, { meta: { userId: "8", extra: "x" } }),
      ...(await duckdive.enqueueByName([{ job: "unknown" }])).map(({ run }) => run),
      await duckdive.flow(({ add }) => add(leaf, { name: "flow" })),
    ]);
    const metas = await Promise.all(runs.map(async ({ id }) => (await duckdive.get(id))?.meta));
    const carried = { requestId: "r1", userId: "7" };
    expect(metas).toEqual([carried, carried, { ...carried, userId: "8", extra: "x" }, carried, carried]);
  });

  test("have it around their handlers, children and whatever they ask for by any hand", async () => {
    seen.length = 0;
    let hand: { enqueue(input: { name: string }): Promise<unknown> } | undefined;
    const root = job({
      name: "root",
      async handle(_input: undefined, ctx) {
        seen.push(["root", currentContext()]);
        await hand?.enqueue({ name: "by the application's hand" });
        await ctx.enqueue("detached", leaf, { name: "ctx.enqueue" });
        await withContext({ shard: "3" }, () => ctx.run("child", leaf, { name: "child" }));
        seen.push(["after the wait", currentContext()]);
      },
    });
    const { duckdive, work } = engine([root, leaf]);
    hand = { enqueue: (input) => duckdive.enqueue(leaf, input) };
    await withContext({ requestId: "r1" }, () => duckdive.enqueue(root));
    await work().idle();
    expect(Object.fromEntries(seen)).toEqual({
      root: { requestId: "r1" },
      "by the application's hand": { requestId: "r1" },
      "ctx.enqueue": { requestId: "r1" },
      child: { requestId: "r1", shard: "3" },
      "after the wait": { requestId: "r1" },
    });
  });

  test("have nothing of the context in which a worker was started, or woken", async () => {
    seen.length = 0;
    const { duckdive, work } = engine([leaf]);
    await duckdive.enqueue(leaf, { name: "without" });
    const worker = withContext({ requestId: "who starts" }, () => work());
    await worker.idle();
    await withContext({ requestId: "who wakes" }, () => duckdive.enqueue(leaf, { name: "woken" }));
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      ["without", {}],
      ["woken", { requestId: "who wakes" }],
    ]);
  });

  test("of one call have in it what all of them have alike, and cleanups and failures have their run's", async () => {
    const contexts: Record<string, RequestContext> = {};
    const many = job({
      name: "many",
      input: z.number(),
      batch: { size: 2 },
      async handle(_items, ctx) {
        contexts.call = currentContext();
        ctx.defer(() => {
          contexts.cleanup = currentContext();
        });
      },
    });
    const failing = job({
      name: "failing",
      retry: { attempts: 1 },
      onFailed() {
        contexts.failed = currentContext();
      },
      handle(_input: undefined, ctx) {
        ctx.defer(() => {
          contexts.deferred = currentContext();
        });
        throw new Error("it fails");
      },
    });
    const { duckdive, work } = engine([many, failing]);
    await withContext({ requestId: "r1", userId: "1" }, () => duckdive.enqueue(many, 1));
    await withContext({ requestId: "r1", userId: "2" }, () => duckdive.enqueue(many, 2));
    await withContext({ requestId: "r3" }, () => duckdive.enqueue(failing));
    await work().idle();
    await until(() => contexts.failed !== undefined);
    expect(contexts).toEqual({
      call: { requestId: "r1" },
      cleanup: { requestId: "r1" },
      failed: { requestId: "r3" },
      deferred: { requestId: "r3" },
    });
  });
});
