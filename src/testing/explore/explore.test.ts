// explore, as an application's tests would use it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type AnyJob, job, signal } from "../../job/index.js";
import { sqlite } from "../../with/sqlite.js";
import { type ExploreOptions, explore, type Report } from "./index.js";

class World {
  readonly list: string[] = [];
  readonly byKey = new Map<string, unknown>();
}

const observe = ({ list, byKey }: World) => ({ list, byKey });

/** Explores the first of these jobs. */
async function explored(
  jobs: (world: World) => AnyJob[],
  options: Partial<ExploreOptions<World>> = {},
): Promise<Report> {
  const [first] = jobs(new World());
  if (first === undefined) throw new Error("there is no job");
  return explore(first, undefined, { world: () => new World(), jobs, observe, ...options });
}

const named = (report: Report): string[] => report.findings.map(({ job: of, step }) => `${of}: ${step}`);

describe("a step", () => {
  test("that writes by its key is idempotent at every boundary, before a sleep and after it", async () => {
    const report = await explored((world) => [
      job({
        name: "pay",
        async handle(_input: undefined, ctx) {
          await ctx.step("charge", ({ key }) => void world.byKey.set(key, 500));
          await ctx.sleep("cool down", "1h");
          await ctx.step("close", ({ key }) => void world.byKey.set(key, "closed"));
        },
      }),
    ]);
    expect(named(report)).toEqual([]);
    expect(report.ok).toBe(true);
    expect([...new Set(report.boundaries.map(({ at }) => at))]).toEqual([
      "the start of an execution",
      'step "charge"',
      'sleep "cool down", begun',
      "the suspension of the run",
      'sleep "cool down", over',
      'step "close"',
      "the end of the run",
    ]);
    expect(String(report)).toMatch(/^Job "pay" is idempotent: 30 trials at 8 boundaries/);
    report.assertIdempotent();
  });

  test("that adds is named, and one beside it that writes by its key is not", async () => {
    const report = await explored((world) => [
      job({
        name: "welcome",
        async handle(_input: undefined, ctx) {
          await Promise.all([
            ctx.step("send", () => void world.list.push("hello")),
            ctx.step("mark", ({ key }) => void world.byKey.set(key, 1)),
          ]);
        },
      }),
    ]);
    expect(report.findings).toEqual([
      {
        job: "welcome",
        step: "send",
        fault: "crash before the write",
        boundary: 'step "send" and step "mark"',
        difference: 'list has "hello" twice instead of once',
        remedy: expect.stringContaining("`key`"),
        trials: expect.any(Number),
      },
    ]);
    const before = report.boundaries.find(
      ({ at, fault }) => at.includes("mark") && fault === "crash before the write",
    );
    expect(before?.twice).toEqual(['list has "hello" twice instead of once']);
    const after = report.boundaries.find(
      ({ at, fault }) => at.includes("mark") && fault === "crash after the write",
    );
    expect(after?.differs).toEqual([]);
  });

  test("whose body waits for something real is explored as well", async () => {
    const report = await explored((world) => [
      job({
        name: "fetch",
        async handle(_input: undefined, ctx) {
          await ctx.step("slow", async () => {
            await new Promise<void>((resolve) => setTimeout(resolve, 2));
            world.list.push("slow");
          });
          await ctx.step("quick", ({ key }) => void world.byKey.set(key, 1));
        },
      }),
    ]);
    expect(named(report)).toEqual(["fetch: slow"]);
  });

  test("under a scope, and in a child, is named with all of its name, and with its job", async () => {
    const report = await explored((world) => {
      const child = job({
        name: "child",
        async handle(_input: undefined, ctx) {
          await ctx.scope("part").step("add", () => void world.list.push("part"));
        },
      });
      const parent = job({
        name: "parent",
        async handle(_input: undefined, ctx) {
          await ctx.run("child", child, undefined);
          await ctx.step("done", ({ key }) => void world.byKey.set(key, 1));
        },
      });
      return [parent, child];
    });
    expect(named(report)).toEqual(["child: part/add"]);
    expect(report.boundaries.map(({ at }) => at)).toContain('step "part/add" (job "child")');
  });

  test("that adds to a number shows as that number", async () => {
    const report = await explored((world) => [
      job({
        name: "count",
        async handle(_input: undefined, ctx) {
          await ctx.step("add", () => void world.byKey.set("sum", Number(world.byKey.get("sum") ?? 0) + 1));
        },
      }),
    ]);
    expect(report.findings.map(({ difference }) => difference)).toEqual(['byKey["sum"] is 2 instead of 1']);
  });

  test("that a late execution undoes is named, although it may be repeated at once", async () => {
    const report = await explored((world) => [
      job({
        name: "state",
        async handle(_input: undefined, ctx) {
          await ctx.step("begin", () => void world.byKey.set("state", "begun"));
          await ctx.step("note", () => 1);
          await ctx.step("finish", () => void world.byKey.set("state", "finished"));
        },
      }),
    ]);
    expect(named(report)).toEqual([]);
    const late = await explored((world) => [
      job({
        name: "state",
        async handle(_input: undefined, ctx) {
          await ctx.step("first", () => 1);
          await ctx.step("begin", () => void world.byKey.set("state", "begun"));
          await ctx.step("finish", () => void world.byKey.set("state", "finished"));
        },
      }),
    ]);
    expect(named(late)).toEqual(["state: begin"]);
    expect(late.findings[0]?.fault).toBe("claim lost after the write");
  });
});

test("code outside of steps is named as that, and a `finally` is not run by a crash", async () => {
  const report = await explored((world) => [
    job({
      name: "clean",
      async handle(_input: undefined, ctx) {
        try {
          await ctx.step("work", ({ key }) => void world.byKey.set(key, 1));
        } finally {
          world.list.push("cleaned");
        }
      },
    }),
  ]);
  expect(named(report)).toEqual(["clean: outside of a step"]);
  const crashes = report.boundaries.filter(({ fault }) => fault.startsWith("crash"));
  expect(
    crashes.filter(({ differs }) => differs.length > 0).map(({ at, fault }) => `${fault}, ${at}`),
  ).toEqual(["crash before the write, the end of the run"]);
});

test("code outside of steps in a child is not put down to its parent, which was repeated as well", async () => {
  const report = await explored((world) => {
    const child = job({ name: "child", handle: () => void world.list.push("child") });
    const parent = job({
      name: "parent",
      async handle(_input: undefined, ctx) {
        await ctx.run("child", child, undefined);
      },
    });
    return [parent, child];
  });
  expect(named(report)).toEqual(["child: outside of a step"]);
});

test("signals are sent in each trial, and what waits for them is explored", async () => {
  const go = signal("go", z.object({ by: z.string() }));
  const report = await explored(
    (world) => [
      job({
        name: "wait",
        async handle(_input: undefined, ctx) {
          const { by } = await ctx.waitFor("approval", go);
          await ctx.step("publish", () => void world.list.push(by));
        },
      }),
    ],
    { signals: (queue, run) => queue.signal(run, go, { by: "ada" }) },
  );
  expect(report.findings.map(({ difference }) => difference)).toEqual([
    'list has "ada" twice instead of once',
  ]);
});

describe("a transaction", () => {
  class Shop {
    readonly folder = mkdtempSync(join(tmpdir(), "duckdive-explore-"));
    readonly file = join(this.folder, "app.db");
    readonly db = new Database(this.file);
    readonly mails: string[] = [];

    constructor() {
      this.db.exec("create table parcels (item text)");
    }

    [Symbol.dispose](): void {
      this.db.close();
      rmSync(this.folder, { recursive: true });
    }
  }

  const shop = {
    world: () => new Shop(),
    observe: ({ db, mails }: Shop) => ({ parcels: db.prepare("select item from parcels").all(), mails }),
    with: ({ db }: Shop) => sqlite(db),
    file: ({ file }: Shop) => file,
  };
  const insert = (db: Shop["db"], item: string) =>
    void db.prepare("insert into parcels values (?)").run(item);

  test("is done exactly once, by ctx.tx and by ctx.succeed, whatever happens where", async () => {
    const make = ({ db }: Pick<Shop, "db">) =>
      job({
        name: "ship",
        async handle(_input: undefined, ctx) {
          await ctx.tx("pack", () => insert(db, "board"));
          return ctx.succeed(() => insert(db, "bill"));
        },
      });
    const blank = make({ db: new Database(":memory:") });
    const report = await explore(blank, undefined, { ...shop, jobs: (world) => [make(world)] });
    report.assertIdempotent();
    const at = new Set(report.boundaries.map((one) => one.at));
    expect([...at]).toEqual(["the start of an execution", 'tx "pack"', "ctx.succeed"]);
  });

  test("that does something else besides is named, with what is not undone", async () => {
    const make = ({ db, mails }: Pick<Shop, "db" | "mails">) =>
      job({
        name: "ship",
        async handle(_input: undefined, ctx) {
          await ctx.tx("pack", () => {
            insert(db, "board");
            mails.push("packed");
          });
        },
      });
    const blank = make({ db: new Database(":memory:"), mails: [] });
    const report = await explore(blank, undefined, { ...shop, jobs: (world) => [make(world)] });
    expect(report.findings).toMatchObject([
      {
        step: "pack",
        difference: 'mails has "packed" twice instead of once',
        remedy: expect.stringContaining("`tx`"),
      },
    ]);
  });
});

test("a run that ends otherwise after a crash is told as that", async () => {
  const report = await explored((world) => [
    job({
      name: "once",
      crashes: 1,
      async handle(_input: undefined, ctx) {
        await ctx.step("work", ({ key }) => void world.byKey.set(key, 1));
      },
    }),
  ]);
  expect(report.findings).toMatchObject([
    { step: "the run itself", difference: expect.stringContaining("poison") },
  ]);
});

test("a run that hangs after a crash, on what the dead one holds, is told as that", async () => {
  const report = await explored(
    (world) => [
      job({
        name: "locker",
        async handle(_input: undefined, ctx) {
          await ctx.step("lock", async () => {
            if (world.byKey.has("lock")) await new Promise(() => {});
            world.byKey.set("lock", true);
          });
          await ctx.step("unlock", () => void world.byKey.delete("lock"));
        },
      }),
    ],
    { patience: "1s" },
  );
  expect(report.findings).toMatchObject([
    {
      step: "the run itself",
      fault: "delivered twice",
      boundary: "the start of an execution",
      difference: expect.stringContaining("hung"),
    },
  ]);
});

test("each trial has a world of its own, which is let go after it, and the same keys; another seed has others", async () => {
  const made: { keys: string[]; isOver: boolean }[] = [];
  const make = (world: { keys: string[] }) =>
    job({
      name: "key",
      async handle(_input: undefined, ctx) {
        await ctx.step("keep", ({ key }) => void world.keys.push(key));
      },
    });
  const options = {
    world() {
      const world = {
        keys: [] as string[],
        isOver: false,
        [Symbol.dispose]() {
          world.isOver = true;
        },
      };
      made.push(world);
      return world;
    },
    jobs: (world: { keys: string[] }) => [make(world)],
    observe: ({ keys }: { keys: string[] }) => new Set(keys),
  };
  const report = await explore(make({ keys: [] }), undefined, options);
  expect(report.ok).toBe(true);
  expect(made).toHaveLength(report.trials + 2);
  expect(made.every(({ isOver }) => isOver)).toBe(true);
  const keys = new Set(made.flatMap((world) => world.keys));
  expect(keys.size).toBe(1);
  await explore(make({ keys: [] }), undefined, { ...options, seed: 2 });
  expect(new Set(made.flatMap((world) => world.keys)).size).toBe(2);
});

describe("what cannot be explored is refused:", () => {
  test("a world with chance in it", async () => {
    const exploring = explored((world) => [
      job({ name: "dice", handle: () => void world.list.push(String(Math.random())) }),
    ]);
    await expect(exploring).rejects.toMatchObject({
      code: "NOT_EXPLORABLE",
      message: expect.stringMatching(/two runs of it without any fault already differ.*list/),
    });
  });

  test("a run that waits for what is not sent", async () => {
    const never = signal("never", z.string());
    const exploring = explored(() => [
      job({ name: "stuck", handle: async (_input: undefined, ctx) => void (await ctx.waitFor("it", never)) }),
    ]);
    await expect(exploring).rejects.toMatchObject({
      code: "NOT_EXPLORABLE",
      message: expect.stringContaining("did not end: it is waiting on entries"),
    });
  });

  test("a job that is not among those of its world, and an option that nobody knows", async () => {
    const lone = job({ name: "lone", handle() {} });
    const options = { world: () => new World(), jobs: () => [], observe };
    await expect(explore(lone, undefined, options)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    await expect(explore(lone, undefined, { ...options, seeds: 1 } as never)).rejects.toThrow(
      /Did you mean .?seed/,
    );
  });
});

test("an assertion that fails says all of the report", async () => {
  const report = await explored((world) => [
    job({
      name: "add",
      handle: async (_input: undefined, ctx) => ctx.step("add", () => void world.list.push("it")),
    }),
  ]);
  expect(() => report.assertIdempotent()).toThrow(String(report));
  expect(String(report)).toMatch(
    /What must be made idempotent:\n {2}"add" of job "add"\n {4}crash before the write, at step "add": list has "it" twice/,
  );
});

test("a job of ten steps has fifty-five trials, and is explored in seconds", async () => {
  const began = performance.now();
  const report = await explored((world) => [
    job({
      name: "ten",
      async handle(_input: undefined, ctx) {
        for (let n = 1; n <= 10; n += 1)
          await ctx.step(`step ${n}`, ({ key }) => void world.byKey.set(key, n));
      },
    }),
  ]);
  expect(report.trials).toBe(55);
  expect(performance.now() - began).toBeLessThan(20_000);
});
