// Policies as an application meets them: from the job's definition to what its handles say and what its workers do.
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { InvalidKeyError, job, UniqueConflictError } from "../job/index.js";
import { newId } from "../kernel/index.js";
import { open } from "../open.js";
import { schedule } from "../schedule/index.js";
import { sqlite } from "../store/sqlite/index.js";
import { type TestQueue, testQueue } from "../testing/queue.js";
import { IdConflictError } from "./errors.js";

const input = z.object({ id: z.number(), note: z.string().optional() });
const opened: TestQueue[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((queue) => queue.close()));
});

function queueOf(options: Parameters<typeof testQueue>[0]): TestQueue {
  const queue = testQueue(options) as TestQueue;
  opened.push(queue);
  return queue;
}

describe("a unique job", () => {
  const sync = job({ name: "sync", input, unique: { by: "id" }, handle: ({ note }) => note });

  test("gives back the run that has the key, by enqueue and in bulk, and takes another once that has ended", async () => {
    const queue = queueOf({ jobs: [sync] });
    const run = await queue.enqueue(sync, { id: 1, note: "first" });
    const again = await queue.enqueue(sync, { id: 1, note: "second" });
    expect([run.created, again.created, again.id]).toEqual([true, false, run.id]);
    const many = await queue.enqueueMany(sync, [{ id: 1 }, { id: 2 }, { id: 2 }]);
    expect(many.map(({ created }) => created)).toEqual([false, true, false]);
    expect([many[0]?.id, many[2]?.id]).toEqual([run.id, many[1]?.id]);
    await queue.drain();
    expect(await again.result()).toBe("first");
    expect((await queue.enqueue(sync, { id: 1 })).created).toBe(true);
  });

  test("whose key is taken is no conflict of ids, whatever id was asked for", async () => {
    const queue = queueOf({ jobs: [sync] });
    const other = job({ name: "other", handle() {} });
    const run = await queue.enqueue(sync, { id: 1 });
    expect((await queue.enqueue(sync, { id: 1 }, { id: newId() })).id).toBe(run.id);
    await expect(queue.enqueue(other, undefined, { id: run.id })).rejects.toThrow(IdConflictError);
  });

  test("that rejects throws the id of the run that is there, and records nothing of a bulk", async () => {
    const once = job({ name: "once", input, unique: { by: "id", onConflict: "reject" }, handle() {} });
    const queue = queueOf({ jobs: [once] });
    const run = await queue.enqueue(once, { id: 1 });
    const error: unknown = await queue.enqueue(once, { id: 1 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UniqueConflictError);
    expect(error).toMatchObject({ existing: run.id });
    await expect(queue.enqueueMany(once, [{ id: 2 }, { id: 1 }])).rejects.toThrow(UniqueConflictError);
    expect(await queue.count()).toBe(1);
  });

  test("is debounced: the last of several requests runs, so long after it", async () => {
    const notes: unknown[] = [];
    const index = job({
      name: "index",
      input,
      unique: { by: "id", onConflict: { debounce: "1m" } },
      handle: ({ note }) => void notes.push(note),
    });
    const queue = queueOf({ jobs: [index] });
    await queue.enqueue(index, { id: 1, note: "a" });
    await queue.advance("50s");
    await queue.enqueue(index, { id: 1, note: "b" });
    await queue.advance("50s");
    expect(notes).toEqual([]);
    await queue.advance("10s");
    expect(notes).toEqual(["b"]);
  });

  test("that a schedule ticks makes no run where there is one, whatever it says to callers", async () => {
    const nightly = job({
      name: "nightly",
      unique: { onConflict: "reject" },
      handle: (_input, ctx) => ctx.snooze("1d"),
    });
    const queue = queueOf({ jobs: [nightly], schedules: [schedule("hourly", nightly, { every: "1h" })] });
    await queue.advance("5h");
    expect(await queue.count({ job: nightly })).toBe(1);
  });
});

describe("gates", () => {
  test("keep a lock over jobs: one at a time, in the order of requests", async () => {
    const order: string[] = [];
    let inside = 0;
    const make = (name: string) =>
      job({
        name,
        input,
        lock: () => "server:532",
        async handle({ id }) {
          inside += 1;
          expect(inside).toBe(1);
          order.push(`${name}${id}`);
          await Promise.resolve();
          inside -= 1;
        },
      });
    const [boot, halt] = [make("boot"), make("halt")];
    const queue = queueOf({ jobs: [boot, halt] });
    await queue.enqueueMany([boot.with({ id: 1 }), halt.with({ id: 2 }), boot.with({ id: 3 })]);
    await queue.drain();
    expect(order).toEqual(["boot1", "halt2", "boot3"]);
  });

  test("hold a rate back for all of its key when one is told to come later, which costs no attempt", async () => {
    const started: number[] = [];
    let isOver = false;
    const call = job({
      name: "call",
      input,
      rate: { limit: 100, per: "1s", name: "api" },
      handle({ id }, ctx) {
        started.push(id);
        return isOver ? undefined : ctx.rateLimited("30s");
      },
    });
    const queue = queueOf({ jobs: [call] });
    const run = await queue.enqueue(call, { id: 1 });
    await queue.drain();
    isOver = true;
    await queue.enqueue(call, { id: 2 });
    await queue.drain();
    expect(started).toEqual([1]);
    expect(await run.get()).toMatchObject({ state: "scheduled", attempt: 0 });
    expect((await queue.timeline(run.id)).events.map(({ kind }) => kind)).toContain("rateLimited");
    await queue.advance("31s");
    expect(started.sort()).toEqual([1, 1, 2]);
  });

  test("whose function has no answer record nothing", async () => {
    const bad = job({ name: "bad", input, lock: (() => 7) as never, handle() {} });
    const queue = queueOf({ jobs: [bad] });
    await expect(queue.enqueue(bad, { id: 1 })).rejects.toThrow(InvalidKeyError);
    expect(await queue.count()).toBe(0);
  });
});

describe("ageing", () => {
  const tidy = job({ name: "tidy", handle() {} });

  test("reaches every claim: what work() says, or else what open() says", async () => {
    const store = sqlite({ file: ":memory:" });
    const asked: unknown[] = [];
    const claim: typeof store.claim = (request) => {
      asked.push(request.ageing);
      return store.claim(request);
    };
    const duckdive = open({ ...store, claim }, { jobs: [tidy], ageing: "10m" });
    for (const own of [{}, { ageing: "1h" } as const]) {
      asked.length = 0;
      await using worker = duckdive.work(own);
      await worker.ready;
      await (await duckdive.enqueue(tidy)).result();
      expect(new Set(asked)).toEqual(new Set(["ageing" in own ? 3_600_000 : 600_000]));
    }
    await duckdive.close();
  });

  test.each([[0], ["soon" as never], [-1]])("of %j is refused", (ageing) => {
    expect(() => open("sqlite::memory:", { jobs: [tidy], ageing })).toThrow(/The ageing of open\(\) is/);
  });
});
