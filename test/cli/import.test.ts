// What waits in other queues, brought by `duckdive move` from the real ones: BullMQ, pg-boss, graphile-worker, and Resque through
// node-resque. cspell:ignore opts
// Counted before and after, brought again, killed, and with a worker over there in the way.
// cspell:ignore bulmq
import { Queue as BullQueue, Worker as BullWorker, FlowProducer } from "bullmq";
import { makeWorkerUtils, run as runGraphile } from "graphile-worker";
import { Queue as ResqueQueue } from "node-resque";
import { Pool } from "pg";
import PgBoss from "pg-boss";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask } from "../postgres/ask.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import { hasRedis, type RedisServer, startRedis } from "../redis/server.js";
import { type Folder, folder } from "./duckdive.js";

interface Answer {
  readonly waiting: number;
  readonly recorded: number;
  readonly known: number;
  readonly left: number;
  readonly removed: number;
  readonly names: { name: string; job: string; waiting: number; later: number; reason?: string }[];
}
interface Run {
  readonly job: string;
  readonly state: string;
  readonly input: unknown;
  readonly priority: number;
  readonly runAt: string;
  readonly meta: Record<string, string>;
}

let here: Folder;
beforeEach(() => {
  here = folder();
  here.write(
    "jobs.ts",
    `import { job } from "duckdive";
     const numbered = { "~standard": { version: 1, vendor: "test", validate: (value: any) =>
       typeof value?.n === "number" ? { value } : { issues: [{ message: "expected { n }" }] } } } as any;
     export const mail = job({ name: "mail", input: numbered, handle: () => {} });
     export const report = job({ name: "report", input: numbered, handle: () => {} });`,
  );
});
afterEach(() => here.remove());

const to = ["--to", "sqlite:./jobs.db", "--jobs", "jobs.ts"];
const move = (from: string, ...more: string[]) => here.json<Answer>(["move", "--from", from, ...to, ...more]);
const runs = () => here.json<Run[]>(["runs", "--store", "sqlite:./jobs.db", "--limit", "1000"]);
const inputs = async (job: string) =>
  (await runs())
    .filter((run) => run.job === job)
    .map(({ input }) => (input as { n: number }).n)
    .sort((one, two) => one - two);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const inAnHour = () => new Date(Date.now() + 3_600_000);

/** Moves, and is killed each time no more than so much is left; then moves to the end. */
async function killedAt(
  marks: readonly number[],
  left: () => Promise<number>,
  args: string[],
): Promise<void> {
  let kills = 0;
  for (const mark of marks) {
    const moving = here.start(["move", ...args]);
    await expect.poll(left, { timeout: 30_000, interval: 2 }).toBeLessThanOrEqual(mark);
    moving.child.kill("SIGKILL");
    if ((await moving.ended).signal === "SIGKILL") kills += 1;
  }
  expect(kills).toBeGreaterThan(0);
  expect(await here.run(["move", ...args])).toMatchObject({ code: 0 });
}

describe.skipIf(!hasRedis)("from BullMQ (skipped where no Redis is installed)", { timeout: 120_000 }, () => {
  let server: RedisServer;
  let mail: BullQueue;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.end());
  beforeEach(async () => {
    await server.client().flushall();
    mail = new BullQueue("post", { connection: { host: "127.0.0.1", port: server.port } });
  });
  afterEach(() => mail.close());

  async function fill(count: number): Promise<void> {
    await mail.addBulk(upTo(count).map((n) => ({ name: "mail", data: { n }, opts: { attempts: 5 } })));
  }
  const from = () => `bullmq:${server.url}`;

  test("waiting, delayed and prioritized jobs are runs with their time and priority, once", async () => {
    await fill(450);
    await mail.add("mail", { n: 450 }, { delay: 3_600_000 });
    await mail.add("mail", { n: 451 }, { priority: 3 });
    const first = await move(from());
    expect(first).toMatchObject({ waiting: 452, recorded: 452, known: 0, left: 0, removed: 0 });
    expect(await inputs("mail")).toEqual(upTo(452));
    const all = await runs();
    const later = all.find(({ state }) => state === "scheduled");
    expect(later?.input).toEqual({ n: 450 });
    expect(Math.abs(Date.parse(later?.runAt ?? "") - inAnHour().getTime())).toBeLessThan(60_000);
    expect(all.find(({ priority }) => priority === -3)?.input).toEqual({ n: 451 });
    expect(all[0]?.meta).toMatchObject({ "moved.from": "BullMQ", "moved.attempts": expect.any(String) });
    const again = await move(from(), "--remove");
    expect(again).toMatchObject({ waiting: 452, recorded: 0, known: 452, removed: 452 });
    expect(await mail.getJobCounts()).toMatchObject({ waiting: 0, delayed: 0, prioritized: 0 });
    expect(await inputs("mail")).toEqual(upTo(452));
    expect(await move(from(), "--remove")).toMatchObject({ waiting: 0, removed: 0 });
  });

  test("a paused queue is brought as well, and a rehearsal touches nothing", async () => {
    await fill(3);
    await mail.pause();
    await mail.add("other", { n: "no number" });
    const rehearsed = await here.run(["move", "--from", from(), "--jobs", "jobs.ts", "--dry-run"]);
    expect(rehearsed.stdout).toMatch(/^4 jobs waiting in BullMQ, 0 for later\.\n {2}mail: 3\n {2}other: 1\n/);
    expect(await mail.count()).toBe(4);
    expect(await move(from(), "--remove")).toMatchObject({ recorded: 4, removed: 4 });
    expect(await mail.count()).toBe(0);
  });

  test("a mapping says what they become; what it or a schema does not take stays and is told", async () => {
    here.write(
      "mapping.ts",
      `import { report } from "./jobs";
       export const mapping = {
         send: "mail",
         summary: ({ month }: { month: number }, job: { queue: string }) => report.with({ n: month }, { tags: [job.queue] }),
         obsolete: () => undefined,
       };`,
    );
    await mail.add("send", { n: 1 });
    await mail.add("send", { n: "one" });
    await mail.add("summary", { month: 5 }, { delay: 3_600_000 });
    await mail.add("obsolete", {});
    const flows = new FlowProducer({ connection: { host: "127.0.0.1", port: server.port } });
    await flows.add({
      name: "mail",
      queueName: "post",
      data: { n: 8 },
      children: [{ name: "mail", queueName: "post", data: { n: 9 } }],
    });
    await flows.close();
    const answer = await move(from(), "--mapping", "mapping.ts", "--remove");
    expect(answer).toMatchObject({ waiting: 5, recorded: 2, left: 3, removed: 2 });
    const reasons = Object.fromEntries(answer.names.map(({ name, reason }) => [name, reason]));
    expect(reasons.send).toMatch(/expected \{ n \}/);
    expect(reasons.obsolete).toBe("the mapping says that it is no run");
    expect(reasons.mail).toBe("it is part of a flow, whose parent waits for it");
    const all = await runs();
    expect(all.map(({ job, state, input }) => ({ job, state, input }))).toEqual(
      expect.arrayContaining([
        { job: "mail", state: "ready", input: { n: 1 } },
        { job: "report", state: "scheduled", input: { n: 5 } },
      ]),
    );
    // The parent of the flow waits for its child, which waits here.
    expect(await mail.count()).toBe(4);
    const told = await here.run(["move", "--from", from(), ...to, "--mapping", "mapping.ts"]);
    expect(told.code).toBe(1);
    expect(told.stdout).toContain("send → mail: 1, 1 not: ");
  });

  test("what a worker over there executes is left to it", async () => {
    await fill(3);
    let begin: () => void = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    let finish: () => void = () => {};
    const isOver = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const connection = { host: "127.0.0.1", port: server.port };
    const process = async (): Promise<void> => {
      begin();
      await isOver;
    };
    const worker = new BullWorker("post", process, { connection, concurrency: 1 });
    try {
      await hasBegun;
      expect(await move(from(), "--remove")).toMatchObject({ waiting: 2, recorded: 2, removed: 2 });
      expect(await inputs("mail")).toEqual([1, 2]);
    } finally {
      finish();
      await worker.close();
    }
  });

  test("killed again and again, nothing is lost and nothing is there twice", async () => {
    await fill(1_000);
    await killedAt([900, 600, 300], () => mail.count(), ["--from", from(), ...to, "--remove"]);
    expect(await mail.count()).toBe(0);
    const stats = await here.json<{ states: object }>(["stats", "--store", "sqlite:./jobs.db"]);
    expect(stats.states).toMatchObject({ ready: 1_000 });
  });
});

describe.skipIf(!hasRedis)("from Resque (skipped where no Redis is installed)", { timeout: 120_000 }, () => {
  let server: RedisServer;
  let queue: ResqueQueue;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.end());
  beforeEach(async () => {
    const redis = server.client();
    await redis.flushall();
    queue = new ResqueQueue({ connection: { redis } });
    queue.on("error", () => {});
    await queue.connect();
    here.write(
      "mapping.ts",
      `import { mail } from "./jobs";
       export const mapping = { Mail: ([n]: number[]) => mail.with({ n }) };`,
    );
  });
  const from = () => `resque:${server.url}`;

  test("queues and what is for later are drained; what cannot be brought is where it was", async () => {
    for (const n of upTo(250)) await queue.enqueue("post", "Mail", [n]);
    await queue.enqueue("post", "Mail", [7]);
    await queue.enqueue("post", "Mail", ["text"]);
    await queue.enqueue("post", "Unknown", [{ n: 1 }]);
    await queue.enqueueAt(inAnHour().getTime(), "post", "Mail", [250]);
    await queue.enqueueAt(inAnHour().getTime(), "slow", "Mail", ["late text"]);
    await server.client().rpush("resque:queue:post", "{torn");
    const refused = await here.run(["move", "--from", from(), ...to]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("Give --remove") });
    const rehearsed = await here.json<Answer>([
      "move",
      "--from",
      from(),
      "--mapping",
      "mapping.ts",
      "--dry-run",
    ]);
    expect(rehearsed).toMatchObject({ waiting: 256, left: 3 });
    expect(await queue.length("post")).toBe(254);
    const answer = await move(from(), "--mapping", "mapping.ts", "--remove");
    expect(answer).toMatchObject({ waiting: 256, recorded: 253, left: 3, removed: 253 });
    const brought = (await inputs("mail")).filter((n) => Number.isFinite(n));
    expect(brought).toEqual([...upTo(251), 7].sort((one, two) => one - two));
    const scheduled = (await runs()).filter(({ state }) => state === "scheduled");
    expect(scheduled.map(({ input }) => input)).toEqual([{ n: 250 }]);
    const kept = await server.client().lrange("resque:queue:post", 0, -1);
    expect(kept.map((text) => text.replace(/.*"args":/, ""))).toEqual(['["text"]}', "{torn"]);
    const later = Object.values(await queue.allDelayed()).flat();
    expect(later).toEqual([{ class: "Mail", queue: "slow", args: ["late text"] }]);
    expect(await queue.delDelayed("slow", "Mail", ["late text"])).toHaveLength(1);
    expect(await server.client().keys("resque:duckdive:*")).toEqual([]);
    expect((await runs()).find(({ job }) => job === "Unknown")).toMatchObject({
      state: "waiting",
      input: [{ n: 1 }],
    });
  });

  test("killed again and again, nothing is lost and nothing is there twice", async () => {
    for (const n of upTo(1_200)) await queue.enqueue("post", "Mail", [n]);
    const args = ["--from", from(), ...to, "--mapping", "mapping.ts", "--remove"];
    await killedAt([1_100, 700, 300], () => queue.length("post"), args);
    expect(await server.client().keys("resque:queue:*")).toEqual([]);
    expect(await server.client().keys("resque:duckdive:*")).toEqual([]);
    const stats = await here.json<{ states: object }>(["stats", "--store", "sqlite:./jobs.db"]);
    expect(stats.states).toMatchObject({ ready: 1_200 });
  });
});

describe("from pg-boss", { timeout: 120_000 }, () => {
  let database: Database;
  let boss: PgBoss;
  beforeAll(async () => {
    database = await freshDatabase();
    boss = new PgBoss({ connectionString: database.url, supervise: false, schedule: false });
    boss.on("error", () => {});
    await boss.start();
    await boss.createQueue("mail");
    await boss.createQueue("report");
  });
  afterAll(async () => {
    await boss.stop({ graceful: false });
    await database.drop();
  });

  test("created jobs are runs with their time and priority, once; one that is active is left", async () => {
    await boss.insert(upTo(250).map((n) => ({ name: "mail", data: { n } })));
    await boss.send("report", { n: 1 }, { startAfter: 3_600, priority: 50, retryLimit: 4 });
    await boss.send("report", { n: "no number" });
    const [active] = await boss.fetch<{ n: number }>("mail");
    const from = `pg-boss:${database.url}`;
    const rehearsed = await here.json<Answer>(["move", "--from", from, "--jobs", "jobs.ts", "--dry-run"]);
    expect(rehearsed).toMatchObject({ waiting: 251, left: 1, recorded: 0 });
    expect(await move(from)).toMatchObject({ waiting: 251, recorded: 250, left: 1, removed: 0 });
    const late = (await runs()).find(({ job }) => job === "report");
    expect(late).toMatchObject({ state: "scheduled", priority: 10, input: { n: 1 } });
    expect(late?.meta).toMatchObject({ "moved.from": "pg-boss", "moved.attempts": "0 of 5" });
    expect(await move(from, "--queue", "mail", "--remove")).toMatchObject({ known: 249, removed: 249 });
    expect(await move(from, "--remove")).toMatchObject({ recorded: 0, known: 1, left: 1, removed: 1 });
    const { n } = active?.data ?? { n: undefined };
    expect(await inputs("mail")).toEqual(upTo(250).filter((one) => one !== n));
    const rest = await ask(database.url, "select name, state::text from pgboss.job order by name");
    expect(rest).toEqual([
      { name: "mail", state: "active" },
      { name: "report", state: "created" },
    ]);
  });
});

describe("from graphile-worker", { timeout: 120_000 }, () => {
  let database: Database;
  let pgPool: Pool;
  beforeAll(async () => {
    database = await freshDatabase();
    pgPool = new Pool({ connectionString: database.url });
    pgPool.on("error", () => {});
  });
  afterAll(async () => {
    await pgPool.end();
    await database.drop();
  });

  test("jobs are runs with their time and priority, once; those locked or out of attempts are left", async () => {
    const utilities = await makeWorkerUtils({ pgPool });
    await utilities.migrate();
    for (const n of upTo(250)) await utilities.addJob("mail", { n });
    await utilities.addJob("report", { n: 1 }, { runAt: inAnHour(), priority: -4, jobKey: "monthly" });
    await utilities.addJob("report", { n: 2 }, { maxAttempts: 1, queueName: "fails" });
    const runner = await runGraphile({
      pgPool,
      noHandleSignals: true,
      taskList: { report: () => Promise.reject(new Error("boom")) },
    });
    await expect
      .poll(() => ask(database.url, "select 1 from graphile_worker.jobs where attempts = max_attempts"), {
        timeout: 10_000,
      })
      .toHaveLength(1);
    await runner.stop();
    await ask(
      database.url,
      "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'somebody' where id = 1",
    );
    const from = `graphile-worker:${database.url}`;
    expect(await move(from)).toMatchObject({ waiting: 250, recorded: 250, left: 0, removed: 0 });
    const late = (await runs()).find(({ job }) => job === "report");
    expect(late).toMatchObject({ state: "scheduled", priority: 4, input: { n: 1 } });
    expect(late?.meta).toMatchObject({ "moved.key": "monthly", "moved.from": "graphile-worker" });
    expect(await move(from, "--remove")).toMatchObject({ known: 250, recorded: 0, removed: 250 });
    expect(await inputs("mail")).toEqual(upTo(250).slice(1));
    const rest = await ask(
      database.url,
      "select task_identifier as task from graphile_worker.jobs order by id",
    );
    expect(rest).toEqual([{ task: "mail" }, { task: "report" }]);
    await utilities.release();
  });
});

describe("an import that cannot be", () => {
  test("says what is wrong with the address, or with options of another kind of move", async () => {
    const wrong = await here.run(["move", "--from", "bullmq:postgres://localhost/app", ...to]);
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is no address of another queue"),
    });
    const gone = await here.run(["move", "--from", "bullmq:redis://127.0.0.1:1", ...to]);
    expect(gone).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/redis:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/),
    });
    const mistyped = await here.run(["move", "--from", "bulmq:redis://u:secret@127.0.0.1", ...to]);
    expect(mistyped).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean "bullmq"?') });
    expect(mistyped.stderr).not.toContain("secret");
    const mixed = await here.run(["move", "--from", "sqlite:./a.db", "--to", "sqlite:./b.db", "--remove"]);
    expect(mixed).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--remove is for moving from another queue"),
    });
  });
});
