// testQueue, as an application's tests would use it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { schedule } from "../schedule/index.js";
import { sqlite } from "../with/sqlite.js";
import { type TestQueue, testQueue } from "./queue.js";

const mail = job({
  name: "mail",
  input: z.object({ to: z.string() }),
  retry: { attempts: 3, backoff: { kind: "fixed", base: "10s" } },
  handle: ({ to }) => ({ sent: to }),
});

describe("schedules", () => {
  test("tick as the clock is moved, each at its own time", async () => {
    const hourly = schedule("hourly", mail, { every: "1h", input: ({ at }) => ({ to: at.toISOString() }) });
    await using queue = testQueue({ jobs: [mail], schedules: [hourly], now: "2030-01-01T09:30:00Z" });
    await queue.advance("3h");
    const runs = await queue.enqueued(mail);
    expect(runs.map(({ input, state, finishedAt }) => [input.to, state, finishedAt?.toISOString()])).toEqual(
      ["10", "11", "12"].map((hour) => [
        `2030-01-01T${hour}:00:00.000Z`,
        "succeeded",
        `2030-01-01T${hour}:00:00.000Z`,
      ]),
    );
  });
});

describe("drain", () => {
  test("runs what is there, and what that enqueues, and says what became of it", async () => {
    const parent = job({
      name: "parent",
      async handle(_input: undefined, ctx) {
        await ctx.enqueue("now", mail, { to: "ada" });
        await ctx.enqueue("later", mail, { to: "bob" }, { delay: "1h" });
      },
    });
    await using queue = testQueue({ jobs: [parent, mail], now: "2026-01-01T00:00:00Z" });
    await queue.enqueue(parent);
    expect(await queue.drain()).toMatchObject({
      succeeded: 2,
      failed: 0,
      cancelled: 0,
      waiting: 1,
      left: [
        {
          job: "mail",
          state: "scheduled",
          input: { to: "bob" },
          runAt: new Date("2026-01-01T01:00:00Z"),
        },
      ],
    });
    await queue.advance("1h");
    expect(queue.now).toEqual(new Date("2026-01-01T01:00:00Z"));
    expect(await queue.drain()).toMatchObject({ succeeded: 0, waiting: 0 });
    expect((await queue.stats()).succeeded).toBe(3);
  });

  test("says why something is left", async () => {
    await using queue = testQueue({ jobs: [mail] });
    const fax = job({ name: "fax", handle() {} });
    await queue.enqueue(fax);
    await queue.pause({ job: mail });
    await queue.enqueue(mail, { to: "ada" });
    const { left } = await queue.drain();
    expect(left.map(({ job: name, waiting }) => [name, waiting?.reason])).toEqual([
      ["fax", "worker"],
      ["mail", "paused"],
    ]);
  });

  test("takes a thousand runs well within a second", async () => {
    await using queue = testQueue({ jobs: [mail] });
    await queue.enqueueMany(
      mail,
      Array.from({ length: 1_000 }, (_, n) => ({ to: String(n) })),
    );
    const began = performance.now();
    expect(await queue.drain()).toMatchObject({ succeeded: 1_000, waiting: 0 });
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  test("starts nothing by itself: what was asked for can be looked at first", async () => {
    await using queue = testQueue({ jobs: [mail] });
    for (const to of ["ada", "bob", "eve"]) await queue.enqueue(mail, { to });
    const asked = await queue.enqueued(mail);
    expect(asked.map((run) => [run.input.to, run.state])).toEqual([
      ["ada", "ready"],
      ["bob", "ready"],
      ["eve", "ready"],
    ]);
  });

  test.each([
    ["snoozes for no time", (ctx: { snooze(ms: number): unknown }) => ctx.snooze(0)],
    [
      "enqueues itself",
      (ctx: { enqueue(name: string, job: typeof loop): unknown }) => ctx.enqueue("again", loop),
    ],
  ])("refuses to go on for ever when a job %s", async (_how, act) => {
    const endless = job({ name: "loop", handle: async (_input: undefined, ctx) => act(ctx) });
    await using queue = testQueue({ jobs: [endless], most: 200 });
    await queue.enqueue(endless);
    await expect(queue.drain()).rejects.toMatchObject({
      code: "ENDLESS_DRAIN",
      message: expect.stringContaining('"loop" 20'),
    });
    expect((await queue.workers()).length).toBe(0);
  });

  test("validates, stores and gives back values as in production", async () => {
    await using queue = testQueue({ jobs: [mail] });
    await expect(queue.enqueue(mail, { to: 5 as never })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    const run = await queue.enqueue(mail, { to: "ada" });
    await queue.drain();
    expect(await run.result()).toEqual({ sent: "ada" });
  });

  test("goes through middleware", async () => {
    const seen: string[] = [];
    await using queue = testQueue({
      jobs: [mail],
      middleware: [
        async (run, next) => {
          seen.push(run.job);
          await next();
        },
      ],
    });
    await queue.enqueue(mail, { to: "ada" });
    await queue.drain();
    expect(seen).toEqual(["mail"]);
  });
});

const loop = job({ name: "loop", handle() {} });

describe("advance", () => {
  test("runs retries at their own times, exactly after their backoff", async () => {
    const tries: string[] = [];
    let queue: TestQueue | undefined;
    const flaky = job({
      name: "flaky",
      retry: { attempts: 3, backoff: { kind: "exponential", base: "10s" } },
      handle() {
        tries.push(queue?.now.toISOString().slice(11, 19) ?? "");
        throw new Error("not yet");
      },
    });
    queue = testQueue({ jobs: [flaky], now: "2026-01-01T00:00:00Z" });
    await using _closed = queue;
    const run = await queue.enqueue(flaky);
    await queue.advance("10s");
    expect(tries).toEqual(["00:00:00", "00:00:10"]);
    await queue.advance("1h");
    expect(tries).toEqual(["00:00:00", "00:00:10", "00:00:40"]);
    expect(await run.outcome()).toMatchObject({ state: "failed", error: { message: "not yet" } });
  });

  test("runs what falls due in order, each at its own moment", async () => {
    const order: string[] = [];
    let queue: TestQueue | undefined;
    const note = job({
      name: "note",
      input: z.object({ text: z.string() }),
      handle: ({ text }) => void order.push(`${text} ${queue?.now.toISOString().slice(11, 16)}`),
    });
    queue = testQueue({ jobs: [note], now: "2026-01-01T00:00:00Z" });
    await using _closed = queue;
    await queue.enqueue(note, { text: "third" }, { delay: "3h" });
    await queue.enqueue(note, { text: "first" }, { delay: "1h" });
    await queue.enqueue(note, { text: "second" }, { runAt: new Date("2026-01-01T02:00:00Z") });
    await queue.advance("2h");
    expect(order).toEqual(["first 01:00", "second 02:00"]);
    await queue.advance("3d");
    expect(order).toEqual(["first 01:00", "second 02:00", "third 03:00"]);
    expect(queue.now).toEqual(new Date("2026-01-04T02:00:00Z"));
  });

  test("crosses a year, and stops at each of two hundred moments in it", async () => {
    await using queue = testQueue({ jobs: [mail], log: console });
    for (let n = 1; n <= 200; n++) await queue.enqueue(mail, { to: String(n) }, { delay: n * 1_000 });
    await queue.advance("52w");
    expect((await queue.stats()).succeeded).toBe(200);
  });

  test("while a drain waits moves the clock for it: a timeout ends a handler that hangs", async () => {
    const hang = job({
      name: "hang",
      timeout: "30s",
      retry: { attempts: 1 },
      handle: () => new Promise<void>(() => {}),
    });
    await using queue = testQueue({ jobs: [hang] });
    const run = await queue.enqueue(hang);
    const drained = queue.drain();
    await queue.advance("1m");
    expect(await drained).toMatchObject({ failed: 1 });
    expect(await run.outcome()).toMatchObject({ state: "failed", error: { code: "TIMEOUT" } });
  });

  test("expires what had not started in time", async () => {
    const urgent = job({ name: "urgent", startWithin: "1m", handle() {} });
    await using queue = testQueue({ jobs: [urgent] });
    await queue.pause("default");
    const run = await queue.enqueue(urgent);
    await queue.advance("1m");
    expect(await run.get()).toMatchObject({ state: "failed", reason: "expired" });
  });
});

describe("with hooks instead of `await using`, as in Jest", () => {
  let queue: TestQueue;
  beforeEach(() => {
    queue = testQueue({ jobs: [mail] });
  });
  afterEach(() => queue.close());

  test("each test has a queue of its own", async () => {
    await queue.enqueue(mail, { to: "ada" });
    expect(await queue.drain()).toMatchObject({ succeeded: 1 });
  });

  test("and nothing of the one before", async () => {
    expect(await queue.enqueued(mail)).toEqual([]);
  });
});

test("a queue in the application's own file does transactional work", async () => {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-test-queue-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "app.db");
  const db = new Database(file);
  onTestFinished(() => void db.close());
  db.exec("create table ledger (what text)");
  const adapter = sqlite(db);
  const book = job.using<typeof adapter>()({
    name: "book",
    retry: { attempts: 2, backoff: { kind: "fixed", base: "1m" } },
    async handle(_input: undefined, ctx) {
      await ctx.tx("first", (tx) => void tx.exec("insert into ledger values ('first')"));
      if (ctx.attempt === 1) throw new Error("after the first");
      return ctx.succeed((tx) => void tx.exec("insert into ledger values ('second')"));
    },
  });
  await using queue = testQueue({ jobs: [book], with: adapter, file });
  await queue.enqueue(book);
  await queue.advance("2m");
  expect(await queue.drain()).toMatchObject({ waiting: 0 });
  expect(await queue.count({ state: "succeeded" })).toBe(1);
  expect(db.prepare("select what from ledger").all()).toEqual([{ what: "first" }, { what: "second" }]);
});

test("a queue in the application's own file is part of its transactions", async () => {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-test-queue-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "app.db");
  const db = new Database(file);
  onTestFinished(() => void db.close());
  await using queue = testQueue({ jobs: [mail], with: sqlite(db), file });
  await queue.ready();
  db.exec("BEGIN");
  queue.enqueueSync(mail, { to: "nobody" }, { tx: db });
  db.exec("ROLLBACK");
  db.exec("BEGIN");
  queue.enqueueSync(mail, { to: "ada" }, { tx: db });
  db.exec("COMMIT");
  expect(await queue.drain()).toMatchObject({ succeeded: 1, waiting: 0 });
  expect((await queue.enqueued(mail)).map(({ input }) => input.to)).toEqual(["ada"]);
});

test("an option that nobody knows is refused by name, and so is a time that is none", () => {
  expect(() => testQueue({ jobs: [], nows: 5 } as never)).toThrow(/Did you mean .?now/);
  expect(() => testQueue({ jobs: [], now: "yesterday" })).toThrow(/now is "yesterday"/);
});
