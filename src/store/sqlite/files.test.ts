// What can be wrong with a file, each met for real: every case is a named error with a stable code, and nothing that
// was recorded before is lost by it.
// cspell:ignore dbmoved
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.js";
import type { NewRun } from "../contract.js";
import { patiently } from "./connection.js";
import { connect } from "./driver.js";
import { isBusy, StoreBusyError, translate } from "./errors.js";
import { sqlite } from "./index.js";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "duckdive-files-"));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function run(input = "{}"): NewRun {
  return { id: newId(), job: "copy", version: 1, queue: "default", priority: 0, input };
}

/** Mounts a small file system in memory; false where this user may not. */
function mount(path: string, options: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path], { stdio: "ignore" });
  } catch {
    return false;
  }
  // Lazily: a driver lets go of a closed file only when its statements are collected.
  cleanups.push(() => execFileSync("umount", ["-l", path]));
  return true;
}

const mayMount = process.platform === "linux" && process.getuid?.() === 0;

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof Error && "code" in error ? error.code : error;
}

describe("opening", () => {
  test("a file that is no database is CORRUPT_DATABASE, and is left as it was", async () => {
    const file = join(folder(), "letter.db");
    const text = "Dear madam, this is not a database at all. ".repeat(100);
    writeFileSync(file, text);
    expect(await codeOf(sqlite({ file }).open())).toBe("CORRUPT_DATABASE");
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("a folder that is not there is STORE_UNREACHABLE and named", async () => {
    const path = join(folder(), "nowhere");
    await expect(sqlite({ file: join(path, "jobs.db") }).open()).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      message: expect.stringContaining(path),
    });
  });

  test("a folder in place of the file is STORE_UNREACHABLE", async () => {
    expect(await codeOf(sqlite({ file: folder() }).open())).toBe("STORE_UNREACHABLE");
  });

  test("after a failed attempt it may be tried again", async () => {
    const path = join(folder(), "later");
    const store = sqlite({ file: join(path, "jobs.db") });
    expect(await codeOf(store.open())).toBe("STORE_UNREACHABLE");
    mkdirSync(path);
    await store.open();
    await store.close();
  });

  test("a migration of a newer version is MIGRATION_FROM_FUTURE", async () => {
    const file = join(folder(), "jobs.db");
    const store = sqlite({ file });
    await store.open();
    await store.close();
    const connection = connect(file);
    connection.exec(
      "insert into duckdive_migration (number, name, applied_at) values (999, 'from-the-future', 0)",
    );
    connection.close();
    expect(await codeOf(sqlite({ file }).open())).toBe("MIGRATION_FROM_FUTURE");
  });

  test("with `migrate: false` missing tables are MIGRATION_MISSING until `migrate()` was called", async () => {
    const file = join(folder(), "jobs.db");
    const store = sqlite({ file, migrate: false });
    expect(await codeOf(store.open())).toBe("MIGRATION_MISSING");
    expect((await store.migrate())[0]).toBe(1);
    await store.open();
    expect(await store.migrate()).toEqual([]);
    await store.close();
  });

  test("two stores that open a new file at once both find it migrated once", async () => {
    const file = join(folder(), "jobs.db");
    const stores = [sqlite({ file }), sqlite({ file })];
    await Promise.all(stores.map((store) => store.open()));
    const [one, other] = await Promise.all(stores.map((store) => store.nonce()));
    expect(one).toBe(other);
    for (const store of stores) await store.close();
  });

  test.skipIf(!mayMount)("a folder that cannot be written is STORE_READ_ONLY", async () => {
    const writable = join(folder(), "jobs.db");
    const store = sqlite({ file: writable });
    await store.insert([run()]);
    await store.close();
    const path = folder();
    mount(path, "size=8m");
    const file = join(path, "jobs.db");
    copyFileSync(writable, file);
    execFileSync("mount", ["-o", "remount,ro", path]);
    expect(await codeOf(sqlite({ file }).open())).toBe("STORE_READ_ONLY");
    expect(await codeOf(sqlite({ file: join(path, "other.db") }).open())).toBe("STORE_READ_ONLY");
  });
});

describe("a full disk", () => {
  test.skipIf(!mayMount)(
    "is STORE_FULL; what was recorded stays, and it goes on when there is space",
    async () => {
      const path = folder();
      mount(path, "size=6m");
      const store = sqlite({ file: join(path, "jobs.db") });
      await store.insert([run()]);
      writeFileSync(join(path, "ballast"), Buffer.alloc(1024 * 1024));
      const big = JSON.stringify("x".repeat(100_000));
      let recorded = 1;
      let code: unknown;
      while (code === undefined && recorded < 200) {
        code = await codeOf(store.insert([run(big)]));
        if (code === undefined) recorded++;
      }
      expect(code).toBe("STORE_FULL");
      expect(await store.count({})).toBe(recorded);
      rmSync(join(path, "ballast"));
      await store.insert([run()]);
      expect(await store.count({})).toBe(recorded + 1);
      await store.close();
    },
  );
});

describe("a store that was closed", () => {
  test("is STORE_CLOSED for every verb, and may be closed again", async () => {
    const store = sqlite({ file: ":memory:" });
    await store.open();
    await store.close();
    await store.close();
    expect(await codeOf(store.insert([run()]))).toBe("STORE_CLOSED");
    expect(await codeOf(store.count({}))).toBe("STORE_CLOSED");
    expect(await codeOf(store.open())).toBe("STORE_CLOSED");
  });

  test("has left everything in the one file, which may be copied then", async () => {
    const path = folder();
    const store = sqlite({ file: join(path, "jobs.db") });
    await store.insert([run(), run()]);
    await store.close();
    copyFileSync(join(path, "jobs.db"), join(path, "copy.db"));
    const copy = sqlite({ file: join(path, "copy.db") });
    expect(await copy.count({})).toBe(2);
    await copy.close();
  });

  test("that was never opened closes without making a file", async () => {
    const file = join(folder(), "jobs.db");
    await sqlite({ file }).close();
    expect(() => readFileSync(file)).toThrow("ENOENT");
  });
});

describe("a lock that somebody else holds", () => {
  test("makes writers wait without stopping the process, and readers not at all", async () => {
    const file = join(folder(), "jobs.db");
    const store = sqlite({ file });
    await store.open();
    const shell = connect(file);
    shell.exec("begin immediate");
    let isDone = false;
    const inserted = store.insert([run()]).then(() => {
      isDone = true;
    });
    let turns = 0;
    while (turns < 20) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    expect(await store.count({})).toBe(0);
    expect(isDone).toBe(false);
    shell.exec("rollback");
    await inserted;
    expect(await store.count({})).toBe(1);
    shell.close();
    await store.close();
  });

  test("leaves those who wait for it a view of what others commit meanwhile", async () => {
    const file = join(folder(), "jobs.db");
    const store = sqlite({ file });
    await store.open();
    const shell = connect(file);
    const pauseMeanwhile = (queue: string): void => {
      shell.exec(`insert into duckdive_pause (kind, name, paused_at) values ('queue', '${queue}', 0)`);
      shell.exec("commit");
      shell.exec("begin immediate");
    };
    shell.exec("begin immediate");
    const inserted = store.insert([run()]);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    pauseMeanwhile("first");
    expect(await store.paused()).toEqual([{ queue: "first" }]);
    pauseMeanwhile("second");
    expect(await store.paused()).toEqual([{ queue: "first" }, { queue: "second" }]);
    shell.exec("rollback");
    await inserted;
    shell.close();
    await store.close();
  });

  test("for too long is STORE_BUSY", async () => {
    const file = join(folder(), "jobs.db");
    const [one, other] = [connect(file), connect(file)];
    one.exec("begin immediate");
    await expect(patiently(file, () => other.exec("begin immediate"), 20)).rejects.toBeInstanceOf(
      StoreBusyError,
    );
    one.close();
    other.close();
  });
});

describe("what drivers throw", () => {
  test.each([
    [{ rawCode: 26 }, "CORRUPT_DATABASE"],
    [{ errcode: 11 }, "CORRUPT_DATABASE"],
    [{ code: "SQLITE_READONLY_DBMOVED" }, "STORE_READ_ONLY"],
    [{ rawCode: 13 }, "STORE_FULL"],
    [{ errcode: 14 }, "STORE_UNREACHABLE"],
    [{ rawCode: 10 | (3 << 8) }, "STORE_UNREACHABLE"],
  ])("as %j is %s", (fields, code) => {
    const cause = Object.assign(new Error("driver"), fields);
    expect(translate(cause, "jobs.db")).toMatchObject({ code, cause });
  });

  test("and is none of these stays what it is", () => {
    const error = new Error("something else");
    expect(translate(error, "jobs.db")).toBe(error);
    expect(isBusy(Object.assign(new Error(), { code: "SQLITE_BUSY_SNAPSHOT" }))).toBe(true);
  });
});
