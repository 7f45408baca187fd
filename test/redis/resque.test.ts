// Resque's own format in a real Redis, with node-resque as the other side: what its queue pushes is executed here, what runs push
// is executed by its worker, and neither `kill -9` of this side nor of Redis loses or doubles a job.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Duckdive, job, open } from "duckdive";
import { type Recorder, type RedisClient, type ResqueIntake, resque } from "duckdive/with/resque";
import type { Redis } from "ioredis";
import { Queue, Worker } from "node-resque";
import { createClient } from "redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { hasRedis, type RedisServer, startRedis } from "./server.js";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const patience = { timeout: 20_000 };

describe.skipIf(!hasRedis)("Resque (skipped where no Redis is installed)", { timeout: 60_000 }, () => {
  let server: RedisServer;
  let redis: Redis;
  let queue: Queue;
  let folder: string;
  let duckdive: Duckdive;
  let intake: ResqueIntake | undefined;

  beforeAll(async () => {
    server = await startRedis();
    redis = server.client();
  });
  afterAll(() => server?.end());

  // The server is there when the first job runs, and not when this is defined.
  const client: RedisClient = { call: (command, ...given) => redis.call(command, ...given) };
  const ruby = resque(client, { log: quiet });
  const failures = ruby.failures({ name: "resque-failures" });
  const welcome = job({
    name: "welcome",
    input: z.object({ user: z.number() }),
    retry: { attempts: 2, backoff: { kind: "fixed", base: "1ms" } },
    onFailed: failures,
    handle({ user }) {
      if (user < 0) throw new RangeError("nobody has such a number");
      return user;
    },
  });
  const classes = { Welcome: ([user]: readonly unknown[]) => welcome.with({ user: user as number }) };

  beforeEach(async () => {
    await redis.flushall();
    folder = mkdtempSync(join(tmpdir(), "duckdive-resque-"));
    duckdive = open(`sqlite:${join(folder, "jobs.db")}`, { jobs: [welcome, failures], log: quiet });
    await duckdive.ready();
    queue = new Queue({ connection: { redis } });
    queue.on("error", () => {});
    await queue.connect();
  });
  afterEach(async () => {
    await intake?.stop();
    intake = undefined;
    await duckdive.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function recorded(): Promise<number[]> {
    const found: number[] = [];
    for await (const run of duckdive.list({ job: welcome }, { limit: 1_000 }))
      found.push((run.input as { user: number }).user);
    return found.sort((one, two) => one - two);
  }
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
  const settled = ({ recorded, known, refused }: ReturnType<ResqueIntake["status"]>) =>
    recorded + known + refused;

  async function pushMany(count: number, from = 0): Promise<void> {
    for (let n = from; n < from + count; n += 1) await queue.enqueue("mail", "Welcome", [n]);
  }
  const failed = async (): Promise<Record<string, unknown>[]> =>
    (await redis.lrange("resque:failed", 0, -1)).map((text) => JSON.parse(text));

  test("what a Resque client pushes is a run here, equal jobs are two, and nothing is left in Redis", async () => {
    await pushMany(500);
    await queue.enqueue("mail", "Welcome", [7]);
    intake = ruby.consume(duckdive, { queues: ["mail"], classes });
    await expect.poll(() => intake?.status(), patience).toEqual({ recorded: 501, known: 0, refused: 0 });
    expect(await recorded()).toEqual([...upTo(8), 7, ...upTo(500).slice(8)].sort((one, two) => one - two));
    expect(await queue.length("mail")).toBe(0);
    expect(await redis.keys("resque:duckdive:*")).toEqual([]);
    await duckdive.work().ready;
    await expect.poll(() => duckdive.count({ state: "succeeded" }), patience).toBe(501);
  });

  test("all queues are looked into, those first that are named first", async () => {
    for (const name of ["slow", "fast", "other"]) await queue.enqueue(name, "Welcome", [name.length]);
    const seen: string[] = [];
    intake = ruby.consume(duckdive, {
      queues: ["fast", "*", "slow"],
      classes: {
        Welcome([user], { queue: name }) {
          seen.push(name);
          return welcome.with({ user: Number(user) });
        },
      },
    });
    await intake.ready;
    expect(seen).toEqual(["fast", "other", "slow"]);
  });

  test("what fails here for good is a failure of Resque's, as its page reads it, once", async () => {
    await queue.enqueue("mail", "Welcome", [-1]);
    await queue.enqueue("mail", "Nobody", ["ö"]);
    await queue.enqueue("mail", "Welcome", ["text"]);
    await redis.rpush("resque:queue:mail", "{torn");
    await duckdive.enqueue(welcome, { user: -2 });
    intake = ruby.consume(duckdive, { queues: ["mail"], classes });
    await duckdive.work().ready;
    await expect.poll(() => redis.llen("resque:failed"), patience).toBe(4);
    await expect.poll(() => duckdive.count({ job: failures, state: "succeeded" }), patience).toBe(2);
    const found = await failed();
    expect(found).toHaveLength(4);
    expect(found.find(({ exception }) => exception === "RangeError")).toMatchObject({
      queue: "mail",
      payload: { class: "Welcome", args: [-1] },
      error: "nobody has such a number",
      failed_at: expect.stringMatching(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d UTC$/),
      worker: expect.stringMatching(/^.+:\d+:mail$/),
      backtrace: expect.arrayContaining([expect.stringMatching(/^at /)]),
    });
    expect(found.map(({ payload }) => payload)).toContainEqual({
      class: "Nobody",
      queue: "mail",
      args: ["ö"],
    });
    expect(found.map(({ payload }) => payload)).toContainEqual({ class: "unreadable", args: ["{torn"] });
    expect(found.find(({ exception }) => exception === "InvalidInputError")?.error).toMatch(/user/);
    expect(await redis.get("resque:stat:failed")).toBe("4");
    expect(await queue.failedCount()).toBe(4);
  });

  test("a failure is retried from Resque's side, and is another run", async () => {
    const big = "é".repeat(9_000);
    const takes = { Welcome: ([user]: readonly unknown[]) => welcome.with({ user: user as number }) };
    await queue.enqueue("mail", "Welcome", [-1, big]);
    intake = ruby.consume(duckdive, { queues: ["mail"], classes: takes, every: "10ms" });
    const worker = duckdive.work();
    await expect.poll(() => redis.llen("resque:failed"), patience).toBe(1);
    const [failure] = await queue.failed(0, 0);
    expect(failure?.payload.args).toEqual([-1, big]);
    await worker.stop();
    if (failure !== undefined) await queue.retryAndRemoveFailed(failure);
    await expect.poll(() => intake?.status().recorded, patience).toBe(2);
    expect(await redis.llen("resque:failed")).toBe(0);
  });

  test("what a run pushes is executed by a Resque worker, once", async () => {
    const toRuby = ruby.outbox({ name: "to-ruby" });
    const outside = open(`sqlite:${join(folder, "jobs.db")}`, { jobs: [toRuby], log: quiet });
    const done: unknown[][] = [];
    const report = { perform: async (...given: unknown[]) => done.push(given) };
    const worker = new Worker({ connection: { redis }, queues: ["reports"] }, { MonthlyReport: report });
    try {
      await outside.enqueueMany(
        toRuby,
        upTo(20).map((n) => ({ queue: "reports", class: "MonthlyReport", args: [2026, n] })),
      );
      outside.work();
      await expect.poll(() => outside.count({ state: "succeeded" }), patience).toBe(20);
      await worker.connect();
      await worker.start();
      await expect.poll(() => done.length, patience).toBe(20);
      expect(done.map(([, n]) => n).sort((one, two) => Number(one) - Number(two))).toEqual(upTo(20));
      expect(await redis.smembers("resque:queues")).toEqual(["reports"]);
    } finally {
      await worker.end();
      await outside.close();
    }
  });

  test("a push whose run is executed again is made once", async () => {
    const toRuby = ruby.outbox({ name: "to-ruby" });
    const context = { runId: "01890000-0000-7000-8000-000000000001" } as never;
    for (let time = 0; time < 3; time += 1)
      await toRuby.handler({ queue: "reports", class: "Once", args: [] }, context);
    expect(await redis.lrange("resque:queue:reports", 0, -1)).toEqual(['{"class":"Once","args":[]}']);
  });

  for (const moment of ["taken", "recorded"]) {
    test(`a process killed when jobs are ${moment} loses none and records none twice`, async () => {
      await pushMany(300);
      const child = fork(fileURLToPath(new URL("./killed.mjs", import.meta.url)), [
        server.url,
        `sqlite:${join(folder, "jobs.db")}`,
        moment,
      ]);
      expect((await once(child, "exit"))[1]).toBe("SIGKILL");
      expect(await redis.hlen("resque:duckdive:taken:mail")).toBe(200);
      const before = (await recorded()).length;
      expect(before).toBe(moment === "taken" ? 0 : 200);
      intake = ruby.consume(duckdive, { queues: ["mail"], classes });
      await expect
        .poll(() => intake?.status(), patience)
        .toEqual({ recorded: 300 - before, known: before, refused: 0 });
      expect(await recorded()).toEqual(upTo(300));
      expect(await redis.keys("resque:duckdive:*")).toEqual([]);
    });
  }

  test("two intakes share a queue; while the store is away they take no more than they hold", async () => {
    let isAway = true;
    const recorder: Recorder = {
      enqueueMany: (requests) =>
        isAway ? Promise.reject(new Error("no store")) : duckdive.enqueueMany(requests),
    };
    await pushMany(1_000);
    const both = [1, 2].map(() => ruby.consume(recorder, { queues: ["mail"], classes, every: "10ms" }));
    await expect.poll(() => redis.hlen("resque:duckdive:taken:mail"), patience).toBe(400);
    expect(await redis.llen("resque:queue:mail")).toBe(600);
    isAway = false;
    await expect.poll(recorded, patience).toEqual(upTo(1_000));
    await expect.poll(() => redis.keys("resque:duckdive:*"), patience).toEqual([]);
    await Promise.all(both.map((one) => one.stop()));
    expect(await recorded()).toEqual(upTo(1_000));
  });

  test("a Redis that is killed and started again is taken from on", async () => {
    intake = ruby.consume(duckdive, { queues: ["mail"], classes, every: "10ms" });
    await pushMany(200);
    await expect
      .poll(() => settled(intake?.status() ?? { recorded: 0, known: 0, refused: 0 }), patience)
      .toBe(200);
    await server.kill();
    await server.start();
    await pushMany(200, 200);
    await expect.poll(recorded, patience).toEqual(upTo(400));
  });

  test("node-redis is a client as well", async () => {
    const client = createClient({ url: server.url });
    await client.connect();
    try {
      await pushMany(10);
      intake = resque(client, { log: quiet }).consume(duckdive, { queues: ["*"], classes });
      await expect.poll(() => intake?.status().recorded, patience).toBe(10);
      expect(await redis.keys("resque:duckdive:*")).toEqual([]);
    } finally {
      await intake?.stop();
      client.destroy();
    }
  });
});
