// Batches as an application meets them: counts, jobs that are told, and runs that are added from inside and from outside.
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { BatchFinishedError, job, UnknownBatchError } from "../job/index.js";
import { InvalidOptionError, newId } from "../kernel/index.js";
import { type TestQueue, testQueue } from "../testing/queue.js";
import type { BatchSummary } from "./types.js";

const opened: TestQueue[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((queue) => queue.close()));
});

function queueOf(options: Parameters<typeof testQueue>[0]): TestQueue {
  const queue = testQueue(options) as TestQueue;
  opened.push(queue);
  return queue;
}

const summary = z.object({
  batchId: z.string(),
  name: z.string(),
  total: z.number(),
  succeeded: z.number(),
  failed: z.number(),
  cancelled: z.number(),
});

/** A job that fails for some, and jobs that write down what they are told. */
function recording() {
  const told: [string, BatchSummary][] = [];
  const broken = new Set<string>();
  const line = job({
    name: "line",
    input: z.object({ text: z.string() }),
    handle: ({ text }, ctx) => (broken.has(text) ? ctx.fail("no luck") : text.length),
  });
  const good = job({ name: "good", input: summary, handle: (counts) => void told.push(["success", counts]) });
  const over = job({
    name: "over",
    input: summary,
    handle: (counts) => void told.push(["finished", counts]),
  });
  return { told, broken, line, good, over };
}

describe("a batch", () => {
  test("is counted, and tells its jobs when all have succeeded", async () => {
    const { told, line, good, over } = recording();
    const queue = queueOf({ jobs: [line, good, over] });
    const batch = await queue.batch([line.with({ text: "a" }), line.with({ text: "b" }, { delay: "1h" })], {
      name: "book",
      onSuccess: good,
      onFinished: over,
    });
    await batch.add([line.with({ text: "c" })]);
    const counts = { batchId: batch.id, name: "book", total: 3, succeeded: 0, failed: 0, cancelled: 0 };
    expect(await batch.summary()).toEqual(counts);
    await queue.drain();
    expect(told).toEqual([]);
    expect(await queue.batchOf(batch.id).summary()).toEqual({ ...counts, succeeded: 2 });
    await queue.advance("1h");
    const all = { ...counts, succeeded: 3 };
    expect(told.toSorted()).toEqual([
      ["finished", all],
      ["success", all],
    ]);
    expect((await queue.list({ job: line })).runs.map((run) => run.batch)).toEqual([
      batch.id,
      batch.id,
      batch.id,
    ]);
  });

  test("tells of its end at once, and of its success when what failed has been retried", async () => {
    const { told, broken, line, good, over } = recording();
    broken.add("bad");
    const queue = queueOf({ jobs: [line, good, over] });
    const batch = await queue.batch([line.with({ text: "bad" }), line.with({ text: "fine" })], {
      name: "book",
      onSuccess: good,
      onFinished: over,
    });
    await queue.drain();
    expect(told.map(([what, counts]) => [what, counts.succeeded, counts.failed])).toEqual([
      ["finished", 1, 1],
    ]);
    broken.clear();
    await queue.retry({ state: "failed" });
    await queue.drain();
    expect(told.map(([what]) => what)).toEqual(["finished", "success"]);
    expect(await batch.summary()).toMatchObject({ succeeded: 2, failed: 0 });
  });

  test("without runs tells at once", async () => {
    const { told, over } = recording();
    const queue = queueOf({ jobs: [over] });
    await queue.batch([], { name: "nothing", onFinished: over });
    await queue.drain();
    expect(told.map(([, counts]) => counts.total)).toEqual([0]);
  });

  test("that has finished takes nothing more, and says what to do", async () => {
    const { line } = recording();
    const queue = queueOf({ jobs: [line] });
    const batch = await queue.batch([line.with({ text: "a" })], { name: "book" });
    await queue.drain();
    await expect(batch.add([line.with({ text: "b" })])).rejects.toThrow(BatchFinishedError);
    await expect(batch.add([line.with({ text: "b" })])).rejects.toThrow("ctx.batch.add()");
    await expect(queue.batchOf(newId()).add([line.with({ text: "b" })])).rejects.toThrow(UnknownBatchError);
    await expect(queue.batchOf(newId()).summary()).rejects.toThrow(UnknownBatchError);
    expect(await queue.count()).toBe(1);
  });

  test("in another counts there as one run", async () => {
    const { told, line, over } = recording();
    const queue = queueOf({ jobs: [line, over] });
    const outer = await queue.batch([line.with({ text: "a" })], { name: "outer", onFinished: over });
    const inner = await queue.batch([line.with({ text: "b" }), line.with({ text: "c" }, { delay: "1h" })], {
      name: "inner",
      onFinished: over,
      in: outer,
    });
    await queue.drain();
    expect(await outer.summary()).toMatchObject({ total: 2, succeeded: 1 });
    await queue.advance("1h");
    expect(told.map(([, { name, total }]) => `${name} ${total}`).toSorted()).toEqual(["inner 2", "outer 2"]);
    expect(await inner.summary()).toMatchObject({ succeeded: 2 });
  });

  test("has callbacks whose keys are computed of the counts", async () => {
    const told: number[] = [];
    const { line } = recording();
    const keyed = job({
      name: "keyed",
      input: summary,
      lock: (counts) => counts.name,
      unique: { by: "batchId" },
      handle: ({ total }) => void told.push(total),
    });
    const queue = queueOf({ jobs: [line, keyed] });
    await queue.batch([line.with({ text: "a" })], { name: "book", onFinished: keyed });
    await queue.drain();
    expect(told).toEqual([1]);
  });

  test("is refused without a name, with callbacks that are no jobs, and with requests that are none", async () => {
    const { line } = recording();
    const queue = queueOf({ jobs: [line] });
    const given = (options: object, requests: unknown = []) =>
      queue.batch(requests as [], options as { name: string }).catch((error: unknown) => error);
    expect(await given({})).toBeInstanceOf(InvalidOptionError);
    expect(await given({ name: "" })).toBeInstanceOf(InvalidOptionError);
    expect(await given({ name: "a", onFinished: () => {} })).toMatchObject({
      message: expect.stringContaining("is no job"),
    });
    expect(await given({ name: "a", onDone: line })).toMatchObject({ code: "INVALID_OPTION" });
    expect(await given({ name: "a" }, 7)).toMatchObject({
      message: expect.stringContaining("cannot be iterated"),
    });
    expect(await given({ name: "a" }, [{ job: "line" }])).toMatchObject({ code: "INVALID_OPTION" });
    expect(await given({ name: "a", in: newId() })).toBeInstanceOf(UnknownBatchError);
    expect(await queue.count()).toBe(0);
  });
});

describe("ctx.batch", () => {
  test("adds to the batch of its run, once however often the handler is called, and keeps it open", async () => {
    const { told, line, over } = recording();
    const file = job({
      name: "file",
      retry: { attempts: 3, backoff: "fixed" },
      async handle(_, ctx) {
        await ctx.batch?.add("lines", [line.with({ text: "a" }), line.with({ text: "b" })]);
        await ctx.scope("second").batch?.add("lines", [line.with({ text: "c" })]);
        if (ctx.attempt < 3) throw new Error("once more");
        return ctx.batch?.id;
      },
    });
    const queue = queueOf({ jobs: [line, over, file] });
    const batch = await queue.batch([file.with()], { name: "book", onFinished: over });
    await queue.advance("1h");
    expect(told.map(([, { total, succeeded }]) => [total, succeeded])).toEqual([[4, 4]]);
    const [run] = await queue.enqueued(file);
    expect(run?.output).toBe(batch.id);
  });

  test("is not there for a run in no batch", async () => {
    const alone = job({ name: "alone", handle: (_, ctx) => ctx.batch === undefined });
    const queue = queueOf({ jobs: [alone] });
    const run = await queue.enqueue(alone);
    await queue.drain();
    expect(await run.result()).toBe(true);
  });
});
