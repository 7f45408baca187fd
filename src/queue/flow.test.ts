// Runs that come after others, as an application asks for them: `after`, `flow`, and what is said of them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { job, UnknownRunError } from "../job/index.js";
import { InvalidOptionError, newId } from "../kernel/index.js";
import { open } from "../open.js";
import { type TestQueue, testQueue } from "../testing/queue.js";
import { sqlite as sqliteAdapter } from "../with/sqlite.js";
import { CycleError, InvalidIdError, NotCommittedError } from "./errors.js";

const opened: TestQueue[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((queue) => queue.close()));
});

function queueOf(options: Parameters<typeof testQueue>[0]): TestQueue {
  const queue = testQueue(options) as TestQueue;
  opened.push(queue);
  return queue;
}

/** Jobs that write down their calls, and one that fails until it is mended. */
function recording() {
  const calls: string[] = [];
  const broken = new Set<string>();
  const part = job({
    name: "part",
    input: z.object({ name: z.string() }),
    handle({ name }, ctx) {
      calls.push(name);
      return broken.has(name) ? ctx.fail("no luck") : name.length;
    },
  });
  return { calls, broken, part };
}

describe("a run that comes after others", () => {
  test("starts when they have ended, and says until then whom it waits for", async () => {
    const { calls, part } = recording();
    const queue = queueOf({ jobs: [part] });
    const first = await queue.enqueue(part, { name: "first" }, { delay: "1h" });
    const second = await queue.enqueue(part, { name: "second" });
    const last = await queue.enqueue(part, { name: "last" }, { after: [first, second.id] });
    expect((await last.get()).after).toHaveLength(2);
    await queue.drain();
    expect(calls).toEqual(["second"]);
    expect(await last.get()).toMatchObject({
      state: "waiting",
      waiting: { reason: "dependency", on: first.id },
    });
    expect((await queue.explain(last.id))[0]).toBe(
      `It waits for 1 run to end: "part" (${first.id}), which is scheduled for ${(await first.get()).runAt.toISOString()}.`,
    );
    await queue.advance("1h");
    expect(calls).toEqual(["second", "first", "last"]);
    expect(await last.result()).toBe(4);
    expect((await last.get()).after).toBeUndefined();
  });

  test("fails with the reason that names the one that failed, and goes on after both are retried", async () => {
    const { calls, broken, part } = recording();
    const queue = queueOf({ jobs: [part] });
    broken.add("first");
    const first = await queue.enqueue(part, { name: "first" });
    const last = await queue.enqueue(part, { name: "last" }, { after: [first] });
    await queue.drain();
    expect(await last.outcome()).toMatchObject({
      state: "failed",
      error: { code: "DEPENDENCY", data: { run: first.id } },
    });
    expect((await queue.explain(last.id))[0]).toContain("a run that it was to come after did not succeed");
    await last.retry();
    expect((await queue.explain(last.id))[0]).toContain(
      `and has to be tried again: \`duckdive retry ${first.id}\``,
    );
    broken.clear();
    await first.retry();
    await queue.drain();
    expect(await last.result()).toBe(4);
    expect(calls).toEqual(["first", "first", "last"]);
  });

  test("is cancelled, or runs all the same, when its request says so", async () => {
    const { calls, broken, part } = recording();
    const queue = queueOf({ jobs: [part] });
    broken.add("first");
    const first = await queue.enqueue(part, { name: "first" });
    const cancelled = await queue.enqueue(
      part,
      { name: "cancelled" },
      { after: [first], onParentFailure: "cancel" },
    );
    const runs = await queue.enqueue(part, { name: "runs" }, { after: [first], onParentFailure: "run" });
    await queue.drain();
    expect(await cancelled.outcome()).toEqual({ state: "cancelled", reason: "dependency" });
    expect(await runs.result()).toBe(4);
    expect(calls).toEqual(["first", "runs"]);
  });

  test("is refused after a run that is not there, after itself, and after what is no run", async () => {
    const { part } = recording();
    const queue = queueOf({ jobs: [part] });
    const unknown = newId();
    const askAfter = (values: unknown[]) =>
      queue.enqueue(part, { name: "last" }, { after: values as string[] }).catch((error: unknown) => error);
    expect(await askAfter([unknown])).toMatchObject({ code: "UNKNOWN_RUN", runId: unknown });
    expect(await askAfter(["first"])).toBeInstanceOf(InvalidIdError);
    expect(await askAfter([7])).toBeInstanceOf(InvalidOptionError);
    await expect(queue.enqueue(part, { name: "x" }, { id: unknown, after: [unknown] })).rejects.toThrow(
      CycleError,
    );
    const wrong = { after: [unknown], onParentFailure: "ignore" as never };
    await expect(queue.enqueue(part, { name: "x" }, wrong)).rejects.toThrow(
      'Use one of "fail", "cancel", "run"',
    );
    expect(await queue.count()).toBe(0);
  });

  test("may be asked for from a handler, once however often that is called", async () => {
    const { calls, part } = recording();
    const starter = job({
      name: "starter",
      retry: { attempts: 2, backoff: "fixed" },
      async handle(_, ctx) {
        const first = await ctx.enqueue("first", part, { name: "first" });
        await ctx.enqueue("last", part, { name: "last" }, { after: [first] });
        if (ctx.attempt === 1) throw new Error("once more");
      },
    });
    const queue = queueOf({ jobs: [part, starter] });
    await queue.enqueue(starter);
    await queue.advance("1h");
    expect(calls).toEqual(["first", "last"]);
  });
});

describe("a flow", () => {
  test("records what it adds in one insert, and answers what its function answers", async () => {
    const { calls, part } = recording();
    const queue = queueOf({ jobs: [part] });
    const last = await queue.flow(({ add }) => {
      const left = add(part, { name: "left" });
      const right = add(part, { name: "right" }, { after: [left] });
      return add(part, { name: "last" }, { after: [left, right.id] });
    });
    expect(last.created).toBe(true);
    await queue.drain();
    expect(calls).toEqual(["left", "right", "last"]);
    expect(await last.result()).toBe(4);
  });

  test("names runs in any order, when their ids are given, and waits for a function that takes its time", async () => {
    const { calls, part } = recording();
    const queue = queueOf({ jobs: [part] });
    const id = newId();
    const names = await queue.flow(async ({ add }) => {
      add(part, { name: "late" }, { after: [id] });
      await Promise.resolve();
      add(part, { name: "early" }, { id });
      return ["early", "late"];
    });
    await queue.drain();
    expect(calls).toEqual(names);
  });

  test("is refused with a circle, that it names, and nothing is recorded", async () => {
    const { part } = recording();
    const queue = queueOf({ jobs: [part] });
    const [a, b, c] = [newId(), newId(), newId()];
    const error: unknown = await queue
      .flow(({ add }) => {
        add(part, { name: "before" });
        add(part, { name: "a" }, { id: a, after: [b] });
        add(part, { name: "b" }, { id: b, after: [c] });
        add(part, { name: "c" }, { id: c, after: [a] });
        add(part, { name: "behind" }, { after: [c] });
      })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CycleError);
    expect(new Set((error as CycleError).cycle)).toEqual(new Set([a, b, c]));
    expect(String(error)).toContain("which comes after the first");
    expect(await queue.count()).toBe(0);
  });

  test("finds a circle of fifty thousand, and a chain as long without one", async () => {
    const { refuseCycles } = await import("./cycle.js");
    const ids = Array.from({ length: 50_000 }, () => newId());
    const runs = ids.map((id, index) => ({
      id,
      job: "part",
      version: 1,
      queue: "default",
      priority: 0,
      after: index === 0 ? [] : [ids[index - 1] ?? ""],
    }));
    refuseCycles(runs);
    const [first, ...others] = runs;
    if (first === undefined) throw new Error("there is a first");
    expect(() => refuseCycles([{ ...first, after: [ids.at(-1) ?? ""] }, ...others])).toThrow(
      "and so on through 49990 more",
    );
  });

  test("refuses an id that is given twice, a transaction of a single run, and an add that is too late", async () => {
    const { part } = recording();
    const queue = queueOf({ jobs: [part] });
    const id = newId();
    const twice = queue.flow(({ add }) => [
      add(part, { name: "a" }, { id }),
      add(part, { name: "b" }, { id }),
    ]);
    await expect(twice).rejects.toThrow("given twice in one flow");
    const own = queue.flow(({ add }) => add(part, { name: "a" }, { tx: {} } as { tags?: string[] }));
    await expect(own).rejects.toThrow("Give it to duckdive.flow(build, { tx })");
    const late = await queue.flow(({ add }) => add);
    expect(() => late(part, { name: "late" })).toThrow("had been recorded");
    await expect(queue.flow("no function" as never)).rejects.toThrow(InvalidOptionError);
    expect(await queue.count()).toBe(0);
  });

  test("whose input is refused, or that names a run that is not there, records none of it", async () => {
    const { part } = recording();
    const queue = queueOf({ jobs: [part] });
    const bad = queue.flow(({ add }) => [add(part, { name: "a" }), add(part, { name: 7 as never })]);
    await expect(bad).rejects.toThrow("name");
    const unknown = queue.flow(({ add }) => [
      add(part, { name: "a" }),
      add(part, { name: "b" }, { after: [newId()] }),
    ]);
    await expect(unknown).rejects.toThrow(UnknownRunError);
    expect(await queue.count()).toBe(0);
  });

  test("has handles that stand for the run with the unique key, where there is one", async () => {
    const calls: string[] = [];
    const once = job({
      name: "once",
      input: z.object({ key: z.string() }),
      unique: { by: "key" },
      handle: ({ key }) => void calls.push(key),
    });
    const after = job({ name: "after", handle: () => void calls.push("after") });
    const queue = queueOf({ jobs: [once, after] });
    const before = await queue.enqueue(once, { key: "a" }, { delay: "1h" });
    const { same, last } = await queue.flow(({ add }) => {
      const one = add(once, { key: "a" });
      return { same: one, last: add(after, undefined, { after: [one] }) };
    });
    expect([same.id, same.created, last.created]).toEqual([before.id, false, true]);
    await queue.drain();
    expect(calls).toEqual([]);
    await queue.advance("1h");
    expect(calls).toEqual(["a", "after"]);
  });

  test("passes every run through the middleware around enqueue", async () => {
    const { part } = recording();
    const queue = queueOf({
      jobs: [part],
      middleware: [
        {
          async enqueue(request, next) {
            request.tags.push("seen");
            await next();
          },
        },
      ],
    });
    await queue.flow(({ add }) => add(part, { name: "b" }, { after: [add(part, { name: "a" })] }));
    expect(await queue.count({ tag: "seen" })).toBe(2);
  });

  test("is part of a transaction that is handed in", async () => {
    const folder = mkdtempSync(join(tmpdir(), "duckdive-flow-"));
    const { part } = recording();
    const handle = new Database(join(folder, "jobs.db"));
    const duckdive = open(`sqlite:${join(folder, "jobs.db")}`, { with: sqliteAdapter(handle), jobs: [part] });
    try {
      await duckdive.ready();
      handle.exec("begin");
      const rolledBack = await duckdive.flow(
        ({ add }) => add(part, { name: "b" }, { after: [add(part, { name: "a" })] }),
        {
          tx: handle,
        },
      );
      handle.exec("rollback");
      await expect(rolledBack.get()).rejects.toThrow(NotCommittedError);
      handle.exec("begin");
      const last = await duckdive.flow(
        ({ add }) => add(part, { name: "b" }, { after: [add(part, { name: "a" })] }),
        {
          tx: handle,
        },
      );
      handle.exec("commit");
      expect((await last.get()).state).toBe("waiting");
      expect(await duckdive.count()).toBe(2);
    } finally {
      await duckdive.close();
      handle.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
