// Misspelt on purpose. cspell:ignore sqlit execut postgress cret
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, Pool } from "pg";
import postgresJs from "postgres";
import { afterEach, describe, expect, test } from "vitest";
import { type Config, config, isConfig, job, open } from "./index.js";
import type { Log } from "./job/index.js";
import type { ErrorContext } from "./queue/index.js";
import { sqlite } from "./store/sqlite/index.js";
import { pg } from "./with/pg.js";
import { sqlite as withSqlite } from "./with/sqlite.js";

const plain = job({ name: "plain", handle: () => "done" });
const failing = job({
  name: "failing",
  retry: { attempts: 2, backoff: { kind: "fixed", base: "1ms", jitter: 0 } },
  handle() {
    throw new TypeError("broken", { cause: new Error("beneath") });
  },
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-open-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "runs.db");
}

describe("an address", () => {
  test("names a SQLite file, which is made at first use and not before", async () => {
    for (const form of ["sqlite:", "sqlite://", "SQLite:"]) {
      const file = newFile();
      const duckdive = open(`${form}${file}`);
      expect(existsSync(file)).toBe(false);
      await duckdive.ready();
      expect(existsSync(file)).toBe(true);
      await duckdive.close();
    }
  });

  test.each([
    ["./jobs.db", 'Did you mean "sqlite:./jobs.db"?'],
    ["sqlit:./jobs.db", 'Did you mean "sqlite" as in "sqlite:./duckdive.db"?'],
    ["sqlite:", "names no file"],
    ["sqlite:./jobs.db?mode=ro", "takes none"],
    ["sqlite://", "names no file"],
    ["", 'Use "sqlite:./duckdive.db"'],
    ["mysql://ada:secret@host/db", "mysql://…@host/db"],
  ])("that is %j is refused: %s", (address, message) => {
    expect(() => open(address)).toThrow(expect.objectContaining({ code: "INVALID_STORE" }));
    expect(() => open(address)).toThrow(message);
  });

  test.each([
    ["postgress://host/db", 'Did you mean "postgres" as in "postgres://user:password@host:5432/database"?'],
    ["postgres:host/db", '"//" is missing'],
    ["postgres://ada:se#cret@host/db", 'write "#" as %23'],
    ["postgres://ada:se/cret@host/db", '"postgres://…@host/db" is no address'],
    ["postgres://host:54320000/db", "is no address"],
    ["postgres://one,two:54320000/db", "is no address"],
  ])("of PostgreSQL that is %j is refused: %s", (address, message) => {
    expect(() => open(address)).toThrow(expect.objectContaining({ code: "INVALID_STORE" }));
    expect(() => open(address)).toThrow(message);
    expect(() => open(address)).not.toThrow("cret");
  });

  test("of PostgreSQL in either spelling, a pool and a client of postgres.js are stores that connect at first use", async () => {
    const nowhere = "postgres://127.0.0.1:1/app";
    const pool = new Pool({ connectionString: nowhere });
    const sql = postgresJs(nowhere);
    const options = { direct: nowhere, schema: "jobs", migrate: false, notify: false, prepare: false };
    for (const given of [
      nowhere,
      "PostgreSQL://ada:pass@127.0.0.1:1/app",
      "postgres://ada@/app?host=/tmp",
      pool,
      sql,
    ])
      await open(given, options).close();
    await sql.end();
    await pool.end();
  });

  test("may not be a single connection of pg", () => {
    expect(() => open(new Client())).toThrow(expect.objectContaining({ code: "INVALID_STORE" }));
    expect(() => open(new Client())).toThrow("Use a pool of pg");
  });

  test("that is missing points at the environment", () => {
    expect(() => open(undefined as never)).toThrow("environment variable");
    expect(() => open({})).toThrow(expect.objectContaining({ code: "INVALID_STORE" }));
    const inMemory = new (createRequire(import.meta.url)("libsql"))(":memory:");
    expect(() => open(inMemory)).toThrow("without a file");
  });

  test("may be a store of somebody's own", async () => {
    const duckdive = open(sqlite({ file: ":memory:" }));
    cleanups.push(() => duckdive.close());
    expect((await duckdive.enqueue(plain)).created).toBe(true);
  });
});

describe("options", () => {
  test.each([
    [{ job: [plain] }, 'Did you mean "jobs"?'],
    [{ schedules: [{ name: "x" }] }, "no schedule"],
    [{ queues: { mail: 1.5 } }, "slots by queue"],
    [{ queues: {} }, "slots by queue"],
    [{ middleware: [7] }, "neither a function"],
    [{ middleware: [{ execut: () => {} }] }, 'Did you mean "execute"?'],
    [{ log: { info() {} } }, "log is not a log"],
    [{ onError: "x" }, "onError is not a function"],
    [{ with: {} }, "with is no adapter"],
    [{ direct: "postgres://x" }, "belongs to PostgreSQL"],
    [{ schema: "x" }, "belongs to PostgreSQL"],
    [{ notify: false }, "belongs to PostgreSQL"],
    [{ prepare: false }, "belongs to PostgreSQL"],
    [{ with: pg(new Pool()) }, "sqlite(handle) or drizzleSync(db)"],
    [{ jobs: [plain, { ...plain }] }, "Two jobs are named"],
    [{ jobs: [job({ name: "contract" })] }, "a contract without a handler"],
  ])("%j are refused: %s", (options, message) => {
    expect(() => open("sqlite::memory:", options as object)).toThrow(message);
  });

  test.each([
    [{ direct: "host/db" }, "`direct` is no address"],
    [{ direct: "postgres:host" }, '"//" is missing'],
    [{ schema: 7 }, "`schema` is no name"],
    [{ schema: "Jobs" }, "cannot be the schema"],
    [{ notify: "no" }, "`notify` is no. Use true or false."],
    [{ prepare: 1 }, "`prepare` is 1"],
    [{ with: withSqlite({ exec() {}, prepare: () => ({}) }) }, "drizzle(db) or pg(pool)"],
  ])("of PostgreSQL: %j are refused: %s", (options, message) => {
    expect(() => open("postgres://localhost/app", options as object)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^INVALID_(OPTION|STORE)$/) }),
    );
    expect(() => open("postgres://localhost/app", options as object)).toThrow(message);
  });

  test("of work are checked too, and work needs jobs", async () => {
    const duckdive = open("sqlite::memory:");
    expect(() => duckdive.work()).toThrow("work() has no job to run");
    const able = open("sqlite::memory:", { jobs: [plain] });
    expect(() => able.work({ queue: { a: 1 } } as object)).toThrow('Did you mean "queues"?');
    expect(() => able.work({ queues: { a: -1 } })).toThrow("slots by queue");
    await able.close();
    expect(() => able.work()).toThrow(expect.objectContaining({ code: "CLOSED" }));
  });
});

describe("a store that cannot be opened", () => {
  test("is an error of the first call and of ready, and is tried again", async () => {
    const folder = join(newFile(), "..", "later");
    const duckdive = open(`sqlite:${folder}/runs.db`);
    cleanups.push(() => duckdive.close());
    await expect(duckdive.ready()).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    await expect(duckdive.enqueue(plain)).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    mkdirSync(folder);
    expect((await duckdive.enqueue(plain)).created).toBe(true);
  });
});

describe("a worker in the same process", () => {
  test("runs what is enqueued, and close stops it", async () => {
    const duckdive = open("sqlite::memory:", { jobs: [plain], queues: { "*": 2 } });
    const worker = duckdive.work();
    await worker.ready;
    expect(await (await duckdive.enqueue(plain)).result({ timeout: "5s" })).toBe("done");
    expect(await duckdive.workers()).toMatchObject([{ id: worker.id, queues: { "*": 2 } }]);
    await duckdive.close();
    await duckdive.close();
    await worker.stop();
  });

  test("tells the error reporter each failed attempt, with its stack and cause, and the log nothing of it", async () => {
    const heard: [unknown, ErrorContext][] = [];
    const logged: string[] = [];
    const log: Log = {
      debug() {},
      info() {},
      warn: (line) => logged.push(line),
      error: (line) => logged.push(line),
    };
    const onError = (error: unknown, context: ErrorContext) => {
      heard.push([error, context]);
      throw new Error("the reporter is broken");
    };
    const duckdive = open("sqlite::memory:", { jobs: [failing], log, onError });
    cleanups.push(() => duckdive.close());
    duckdive.work();
    const run = await duckdive.enqueue(failing);
    expect(await run.outcome({ timeout: "5s" })).toMatchObject({
      state: "failed",
      error: { name: "TypeError" },
    });
    expect(heard.map(([, { where, attempt }]) => [where, attempt])).toEqual([
      ["attempt", 1],
      ["run", 2],
    ]);
    const [error, context] = heard[1] ?? [];
    expect(error).toMatchObject({ name: "TypeError", message: "broken", cause: { message: "beneath" } });
    expect(error instanceof Error && error.stack).toContain("open.test.ts");
    expect(context).toMatchObject({ run: run.id, job: "failing" });
    expect(logged).toEqual(["onError threw itself", "onError threw itself"]);
  });

  test("hears of a listener that throws, also of one that listens to errors", async () => {
    const logged: string[] = [];
    const log: Log = { debug() {}, info() {}, warn() {}, error: (line) => logged.push(line) };
    const duckdive = open("sqlite::memory:", { log });
    cleanups.push(() => duckdive.close());
    for (const event of ["enqueued", "error"] as const)
      duckdive.on(event, () => {
        throw new Error(event);
      });
    await duckdive.enqueue(plain);
    expect(logged).toEqual([
      'something failed in: a listener of "enqueued"',
      'a listener of "error" failed itself',
    ]);
  });
});

describe("a config", () => {
  test("opens nothing by itself, and shows its options", async () => {
    const file = newFile();
    const found: Config = config({ store: `sqlite:${file}`, jobs: [plain], queues: { "*": 1 } });
    expect(isConfig(found)).toBe(true);
    expect(isConfig({ open: found.open })).toBe(false);
    expect(found.options).toMatchObject({ store: `sqlite:${file}`, queues: { "*": 1 } });
    const duckdive = found.open();
    cleanups.push(() => duckdive.close());
    expect((await duckdive.enqueue(plain)).created).toBe(true);
    expect(() => config({ jobs: [] } as never)).toThrow("needs `store`");
    expect(() => config({ stor: "x" } as never)).toThrow('Did you mean "store"?');
  });
});

test("a program that only waits for a result stays alive, and one that is closed ends", () => {
  const program = `
    const { job, open } = require("duckdive");
    const plain = job({ name: "plain", handle: () => "done" });
    (async () => {
      const duckdive = open("sqlite:${newFile()}", { jobs: [plain] });
      const run = await duckdive.enqueue(plain, undefined, { delay: "50ms" });
      const waiting = run.result();
      await duckdive.enqueue(plain);
      duckdive.work();
      console.log(await waiting);
      await duckdive.close();
    })();`;
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, ["-e", program], {
    cwd,
    encoding: "utf8",
    timeout: 15_000,
  });
  expect({ stdout, status, stderr: stderr.replaceAll(/.*(Experimental|trace-warnings).*\n/g, "") }).toEqual({
    stdout: "done\n",
    status: 0,
    stderr: "",
  });
});
