// Misspelt on purpose. cspell:ignore dealy
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { open } from "../open.js";
import { sqlite } from "../store/sqlite/index.js";
import type { Duckdive } from "./types.js";

const plain = job({ name: "plain", handle() {} });
const other = job({ name: "other", handle() {} });
const mail = job({
  name: "mail",
  input: z.object({ to: z.string() }),
  queue: "mail",
  priority: 2,
  startWithin: "1h",
  handle() {},
});
const slowlyJudged = job({
  name: "slowly-judged",
  input: z.object({ to: z.string().refine(async (text) => text !== "nobody") }),
  handle() {},
});

const id = "0192d3c4-0000-7000-8000-000000000000";
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function inMemory(options: Parameters<typeof open>[1] = {}): Duckdive {
  const duckdive = open("sqlite::memory:", options);
  cleanups.push(() => duckdive.close());
  return duckdive;
}

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-queue-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "runs.db");
}

describe("a request", () => {
  test("is recorded with the policy of its job", async () => {
    const duckdive = inMemory({ release: "abc123" });
    const run = await duckdive.enqueue(mail, { to: "ada" });
    expect(run.created).toBe(true);
    expect(await duckdive.get(run.id)).toMatchObject({
      id: run.id,
      job: "mail",
      queue: "mail",
      priority: 2,
      state: "ready",
      input: { to: "ada" },
      attempt: 0,
      version: 1,
      release: "abc123",
      tags: [],
      meta: {},
    });
  });

  test("may say when, how urgently, and what travels along", async () => {
    const duckdive = inMemory();
    const runAt = new Date(Date.now() + 3_600_000);
    const run = await duckdive.enqueue(
      mail,
      { to: "ada" },
      { id, runAt, priority: -10, tags: ["a", "b"], meta: { t: "1" } },
    );
    expect(run.id).toBe(id);
    const found = await run.get();
    expect(found).toMatchObject({ state: "scheduled", runAt, priority: -10, meta: { t: "1" } });
    expect(found.tags.toSorted()).toEqual(["a", "b"]);
    const later = await duckdive.enqueue(plain, undefined, { delay: "5m" });
    expect((await later.get()).state).toBe("scheduled");
    const now = await duckdive.enqueue(plain, undefined, { delay: 0 });
    expect((await now.get()).state).toBe("ready");
  });

  test("with the same id twice is the same run, created once", async () => {
    const duckdive = inMemory();
    const runs = await Promise.all([
      duckdive.enqueue(mail, { to: "ada" }, { id }),
      duckdive.enqueue(mail, { to: "ada" }, { id }),
    ]);
    expect(runs.map((run) => [run.id, run.created])).toEqual([
      [id, true],
      [id, false],
    ]);
    expect(await duckdive.count()).toBe(1);
  });

  test("with the id of another job's run is refused", async () => {
    const duckdive = inMemory();
    await duckdive.enqueue(plain, undefined, { id });
    await expect(duckdive.enqueue(other, undefined, { id })).rejects.toMatchObject({
      code: "ID_CONFLICT",
      runId: id,
    });
  });

  test.each([
    [{ id: "7" }, "INVALID_ID"],
    [{ id: id.toUpperCase() }, "INVALID_ID"],
    [{ priority: 11 }, "INVALID_OPTION"],
    [{ priority: 0.5 }, "INVALID_OPTION"],
    [{ tags: [""] }, "INVALID_OPTION"],
    [{ tags: ["x".repeat(101)] }, "INVALID_OPTION"],
    [{ tags: Array.from({ length: 51 }, (_, index) => `${index}`) }, "INVALID_OPTION"],
    [{ meta: { "a\0": "b" } }, "INVALID_OPTION"],
    [{ meta: { a: 1 } }, "INVALID_OPTION"],
    [{ runAt: new Date(Number.NaN) }, "INVALID_OPTION"],
    [{ runAt: new Date(0), delay: "1s" }, "INVALID_OPTION"],
    [{ delay: "soon" }, "INVALID_DURATION"],
    [{ after: [id] }, "UNKNOWN_RUN"],
    [{ after: ["first"] }, "INVALID_ID"],
    [{ after: id }, "INVALID_OPTION"],
    [{ after: [id], id }, "CYCLE"],
    [{ onParentFailure: "ignore" }, "INVALID_OPTION"],
  ])("with %j is refused with %s", async (options, code) => {
    const duckdive = inMemory();
    await expect(duckdive.enqueue(plain, undefined, options as object)).rejects.toMatchObject({ code });
    expect(await duckdive.count()).toBe(0);
  });

  test("with a misspelled option is told which one was meant", async () => {
    const misspelled = inMemory().enqueue(plain, undefined, { dealy: "5m" } as object);
    await expect(misspelled).rejects.toThrow('Did you mean "delay"?');
  });

  test("with an input that the schema does not accept is refused", async () => {
    const duckdive = inMemory();
    const wrong = { to: 7 } as object as { to: string };
    await expect(duckdive.enqueue(mail, wrong)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(duckdive.enqueue(slowlyJudged, { to: "nobody" })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect((await duckdive.enqueue(slowlyJudged, { to: "ada" })).created).toBe(true);
  });

  test("after close is refused", async () => {
    const duckdive = inMemory();
    await duckdive.enqueue(plain);
    await duckdive.close();
    await expect(duckdive.enqueue(plain)).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("resolves after its commit: another connection sees each of 200 the moment its promise is resolved", async () => {
    const file = newFile();
    const duckdive = open(`sqlite:${file}`);
    const elsewhere = sqlite({ file });
    cleanups.push(
      () => duckdive.close(),
      () => elsewhere.close(),
    );
    await duckdive.ready();
    const seen = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const { id } = await duckdive.enqueue(plain);
        const [found] = await elsewhere.find([id]);
        return found?.id === id;
      }),
    );
    expect(seen).toEqual(Array.from({ length: 200 }, () => true));
  });
});

describe("many requests", () => {
  test("of one job are recorded in their order", async () => {
    const duckdive = inMemory();
    const runs = await duckdive.enqueueMany(mail, new Set([{ to: "a" }, { to: "b" }]), { tags: ["import"] });
    const records = await Promise.all(runs.map((run) => run.get()));
    expect(records.map(({ input, tags }) => [input, tags])).toEqual([
      [{ to: "a" }, ["import"]],
      [{ to: "b" }, ["import"]],
    ]);
    expect(await duckdive.enqueueMany(mail, [])).toEqual([]);
  });

  test("of several jobs each have their own options", async () => {
    const duckdive = inMemory();
    await duckdive.enqueueMany([plain.with(undefined, { priority: 3 }), mail.with({ to: "a" }, { id })]);
    expect(await duckdive.count({ job: plain })).toBe(1);
    expect((await duckdive.get(id))?.job).toBe("mail");
  });

  test("are all recorded or none", async () => {
    const duckdive = inMemory();
    const inputs = [{ to: "a" }, { to: 7 }] as { to: string }[];
    await expect(duckdive.enqueueMany(mail, inputs)).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(duckdive.enqueueMany(mail, [{ to: "a" }, { to: "b" }], { id })).rejects.toThrow(
      "one id for many",
    );
    expect(await duckdive.count()).toBe(0);
  });
});

describe("middleware around enqueue", () => {
  test("adds tags and meta, and sees the stored input", async () => {
    const seen: unknown[] = [];
    const duckdive = inMemory({
      middleware: [
        {
          async enqueue(request, next) {
            seen.push(request.job, request.queue, request.input);
            request.meta.trace = "t1";
            request.tags.push("traced");
            await next();
          },
        },
      ],
    });
    const run = await duckdive.enqueue(mail, { to: "ada" }, { meta: { own: "1" }, tags: ["own"] });
    const many = await duckdive.enqueueMany(mail, [{ to: "a" }, { to: "b" }]);
    expect(seen.slice(0, 3)).toEqual(["mail", "mail", { to: "ada" }]);
    const record = await run.get();
    expect(record.meta).toEqual({ own: "1", trace: "t1" });
    expect(record.tags.toSorted()).toEqual(["own", "traced"]);
    for (const one of many) expect((await one.get()).meta).toEqual({ trace: "t1" });
  });

  test("that throws, or never calls next, means that nothing is recorded", async () => {
    let refusing = async (_next: () => Promise<void>): Promise<void> => {
      throw new Error("not now");
    };
    const duckdive = inMemory({ middleware: [{ enqueue: (_request, next) => refusing(next) }] });
    await expect(duckdive.enqueue(plain)).rejects.toThrow("not now");
    await expect(duckdive.enqueueMany(plain, [undefined, undefined])).rejects.toThrow("not now");
    refusing = async () => {};
    await expect(duckdive.enqueue(plain)).rejects.toMatchObject({ code: "NOT_ENQUEUED" });
    await expect(duckdive.enqueueMany(plain, [undefined, undefined])).rejects.toMatchObject({
      code: "NOT_ENQUEUED",
    });
    expect(await duckdive.count()).toBe(0);
  });

  test("that refuses one of many refuses all, and every other is told", async () => {
    const told: unknown[] = [];
    const duckdive = inMemory({
      middleware: [
        {
          async enqueue({ input }, next) {
            if (JSON.stringify(input).includes("bad")) throw new Error("a bad one");
            await next().catch((error: unknown) => {
              told.push(String(error));
              throw error;
            });
          },
        },
      ],
    });
    await expect(duckdive.enqueueMany(mail, [{ to: "good" }, { to: "bad" }])).rejects.toThrow("a bad one");
    expect(told).toEqual(["Error: a bad one"]);
    expect(await duckdive.count()).toBe(0);
  });

  test("that adds what cannot be kept is refused", async () => {
    const duckdive = inMemory({
      middleware: [
        {
          async enqueue(request, next) {
            request.tags.push("");
            await next();
          },
        },
      ],
    });
    await expect(duckdive.enqueue(plain)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });
});

test("what is enqueued here is told to listeners, after its commit", async () => {
  const duckdive = inMemory();
  const told: unknown[] = [];
  const stop = duckdive.on("enqueued", (event) => told.push(event));
  const { id: run } = await duckdive.enqueue(mail, { to: "ada" });
  expect(told).toEqual([{ run, job: "mail", queue: "mail", created: true }]);
  stop();
  await duckdive.enqueue(plain);
  expect(told).toHaveLength(1);
});
