// Isolated handlers, in threads and in processes: what they can do, how they end, and that nobody else notices.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { job } from "../../src/index.js";
import { eventually } from "../violence/processes.js";
import { isolated, leaf, processes, threads } from "./jobs.mjs";
import { type Place, work } from "./place.js";

const jobs = [...threads, ...processes, leaf];
const patience = 20_000;

/** How a run ended, and its row. */
async function endOf({ duckdive }: Place, run: { readonly id: string; outcome(): Promise<unknown> }) {
  await run.outcome();
  const found = await duckdive.get(run.id);
  return { state: found?.state, reason: found?.reason, error: found?.error };
}

describe.each(["thread", "process"] as const)("in a %s", (kind) => {
  const own = isolated[kind];

  test("a handler runs apart from its worker, and the next one finds the same isolate", async () => {
    const { duckdive } = await work(jobs);
    const first = await (await duckdive.enqueue(own.where, {})).result();
    const second = await (await duckdive.enqueue(own.where, {})).result();
    expect(second).toEqual({ ...first, executions: 2 });
    expect(first.executions).toBe(1);
    if (kind === "process") expect(first.pid).not.toBe(process.pid);
    else expect(first).toMatchObject({ pid: process.pid, thread: expect.any(Number) });
    expect(first.thread === 0).toBe(kind === "process");
  });

  test("everything that ctx offers works as it does beside a worker", async () => {
    const place = await work(jobs);
    const { duckdive } = place;
    const file = join(place.folder, "noted");
    const run = await duckdive.enqueue(own.everything, { file }, { meta: { tenant: "acme" } });
    const { sum, id, meta, context, attempt } = (await run.result()) as object as Record<string, unknown> & {
      id: string;
    };
    expect({ sum, meta, attempt }).toEqual({ sum: 41, meta: { tenant: "acme" }, attempt: 1 });
    expect(context).toEqual(meta);
    expect(await duckdive.run(leaf, id).result()).toBe(1);
    // Once an execution: it waits twice.
    expect(place.noted("noted").filter((line) => line === "step")).toEqual(["step"]);
    expect(place.noted("noted").filter((line) => line === "deferred").length).toBeGreaterThan(1);
    expect(await place.said(run.id)).toContain("said");
    expect((await duckdive.get(run.id))?.progress).toEqual({ done: 1, total: 2, note: "half" });
    expect(place.heard).toContain("progress");
    expect((await duckdive.steps(run.id)).map(({ name }) => name)).toEqual(["one", "nap", "child"]);
  });

  test.each([
    ["exits", "exited", "ISOLATE_EXITED", "it called process.exit(7)"],
    ["throws", "crashed", "ISOLATE_CRASHED", "nobody catches this"],
    ["rejects", "crashed", "ISOLATE_CRASHED", "nobody handles this"],
    ["eats", "out-of-memory", "ISOLATE_OUT_OF_MEMORY", "Have it work in smaller pieces"],
  ] as const)("one that %s fails alone, with the reason %s", async (name, reason, code, message) => {
    const place = await work(jobs);
    const neighbour = await place.duckdive.enqueue(own.rests, { milliseconds: 1_000 });
    const bad = await place.duckdive.enqueue(own[name], {});
    expect(await endOf(place, bad)).toMatchObject({
      state: "failed",
      reason,
      error: { code, message: expect.stringContaining(message) },
    });
    expect(await neighbour.result()).toBe("rested");
    expect((await place.duckdive.get(neighbour.id))?.attempt).toBe(1);
    expect(await (await place.duckdive.enqueue(own.where, {})).result()).toMatchObject({ executions: 1 });
  });

  test("an attempt that ends its isolate is followed by another one, as its policy says", async () => {
    const { duckdive } = await work(jobs);
    expect(await (await duckdive.enqueue(own.second, {})).result()).toBe(2);
  });

  test("one that never yields ends at its timeout, and what held it stands in its log", async () => {
    const place = await work(jobs);
    const spinning = await place.duckdive.enqueue(own.spins, {});
    expect(await endOf(place, spinning)).toMatchObject({ state: "failed", reason: "timeout" });
    const { logs } = await place.duckdive.timeline(spinning.id);
    const blocked = logs.find(({ message }) => message.startsWith("blocked the event loop of its"));
    expect(blocked?.message).toMatch(new RegExp(`of its ${kind} for \\d`));
    expect(blocked?.fields).toMatchObject({
      stack: expect.stringMatching(/^at (Object\.)?spinning .*jobs\.mjs:\d+/),
    });
    expect(place.worker.status().leaked).toEqual([]);
    expect(place.heard).not.toContain("leaked");
    expect(await (await place.duckdive.enqueue(own.where, {})).result()).toMatchObject({ executions: 1 });
  });

  test("one that ignores its abort cleans up and is ended", async () => {
    const place = await work(jobs);
    const file = join(place.folder, "noted");
    const run = await place.duckdive.enqueue(own.deaf, { file });
    expect(await endOf(place, run)).toMatchObject({ state: "failed", reason: "timeout" });
    expect(place.noted("noted")).toEqual(["timeout", "deferred"]);
    expect(place.heard).toContain("abandoned");
    expect(place.heard).not.toContain("leaked");
  });

  test("a cancellation reaches the signal", async () => {
    const place = await work(jobs);
    const run = await place.duckdive.enqueue(own.obeys, { file: join(place.folder, "noted") });
    await eventually(async () => place.noted("noted").length > 0, patience);
    await place.duckdive.cancel(run.id, "not wanted any more");
    expect(await endOf(place, run)).toMatchObject({ state: "cancelled", reason: "not wanted any more" });
    expect(place.heard).not.toContain("abandoned");
  });

  test("a worker that stops gives its run back without the loss of an attempt", async () => {
    const place = await work(jobs);
    const run = await place.duckdive.enqueue(own.rests, { milliseconds: 60_000 });
    await eventually(async () => place.heard.includes("started"), patience);
    await place.worker.stop({ drain: 0 });
    expect(await place.duckdive.get(run.id)).toMatchObject({ state: "ready", attempt: 0 });
  });

  test("what an earlier run left behind is not held against the one that runs now", async () => {
    const place = await work(jobs);
    await (await place.duckdive.enqueue(own.leaves, { milliseconds: 300 })).result();
    const next = await place.duckdive.enqueue(own.rests, { milliseconds: 1_000 });
    expect(await next.result()).toBe("rested");
    expect(place.heard).toContain("handedBack");
    expect((await place.duckdive.get(next.id))?.attempt).toBe(1);
  });

  test("a failure that the job declares arrives with its data", async () => {
    const place = await work(jobs);
    const run = await place.duckdive.enqueue(own.fails, {});
    expect(await endOf(place, run)).toMatchObject({
      reason: "broken",
      error: { code: "broken", data: { part: "wheel" } },
    });
  });

  test("a transaction without a configuration beside the job is refused, with the remedy", async () => {
    const place = await work(jobs);
    const { error } = await endOf(place, await place.duckdive.enqueue(own.writes, {}));
    expect(error?.message).toContain("this worker was given none");
  });

  test("processor time that is worth a word stands in the log of the run", async () => {
    const place = await work(jobs);
    const run = await place.duckdive.enqueue(own.works, {});
    await run.result();
    expect(await place.said(run.id)).toEqual([
      expect.stringMatching(new RegExp(`^used \\d+\\.\\d\\d s of processor time in its ${kind}$`)),
    ]);
  });

  test("many bad ones among many good ones: each ends as it must, and the worker is the same", async () => {
    const place = await work(jobs);
    const { duckdive } = place;
    const good = Array.from({ length: 300 }, () => own.where.with({}));
    const bad = Array.from({ length: 5 }, () => [
      own.exits.with({}),
      own.throws.with({}),
      own.eats.with({}),
    ]).flat();
    const runs = await duckdive.enqueueMany([...good.slice(0, 100), ...bad, ...good.slice(100)]);
    await Promise.all(runs.map((run) => run.outcome()));
    expect(await duckdive.count({ job: own.where, state: "succeeded" })).toBe(300);
    expect(place.heard.filter((name) => name === "succeeded")).toHaveLength(300);
    for (const [name, reason] of [
      ["exits", "exited"],
      ["throws", "crashed"],
      ["eats", "out-of-memory"],
    ] as const) {
      const { runs: failed } = await duckdive.list({ job: own[name] }, { limit: 10 });
      expect(failed.map((run) => run.reason)).toEqual(Array.from({ length: 5 }, () => reason));
    }
    expect(await duckdive.workers()).toHaveLength(1);
  }, 60_000);
});

describe("a worker", () => {
  test("refuses an isolated job of which it cannot tell the module that has it", async () => {
    const { argv } = process;
    const here = job({ name: "here", isolate: "thread", handle() {} });
    process.argv = [argv[0] ?? "", import.meta.filename ?? new URL(import.meta.url).pathname];
    try {
      await expect(work([here])).rejects.toThrow(
        /"here" is isolated, and stands in .*isolates\.test\.ts, the program itself/,
      );
    } finally {
      process.argv = argv;
    }
  });

  test("fails the runs of a job that its module does not export, and says which module", async () => {
    const module = new URL("./jobs.mjs", import.meta.url);
    const missing = job({
      name: "missing",
      isolate: { kind: "thread", module },
      retry: { attempts: 1 },
      handle() {},
    });
    const place = await work([missing]);
    expect(await endOf(place, await place.duckdive.enqueue(missing))).toMatchObject({
      reason: "error",
      error: {
        code: "ISOLATE_NOT_STARTED",
        message: expect.stringMatching(/jobs\.mjs has no job "missing" among its exports/),
      },
    });
  });

  test("fails the runs of a job whose module cannot be loaded, and says why", async () => {
    const module = new URL("./none.mjs", import.meta.url);
    const lost = job({
      name: "lost",
      isolate: { kind: "process", module },
      retry: { attempts: 1 },
      handle() {},
    });
    const place = await work([lost]);
    expect(await endOf(place, await place.duckdive.enqueue(lost))).toMatchObject({
      reason: "error",
      error: { code: "ISOLATE_NOT_STARTED", message: expect.stringContaining("none.mjs") },
    });
  });

  test("with middleware that its isolates cannot find fails the runs, since it would be left out", async () => {
    const place = await work(jobs, { middleware: [(_run, next) => next()] });
    const { error } = await endOf(place, await place.duckdive.enqueue(isolated.thread.where, {}));
    expect(error).toMatchObject({
      code: "ISOLATE_NOT_STARTED",
      message: expect.stringContaining("middleware"),
    });
  });
});
