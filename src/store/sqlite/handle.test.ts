// Recording runs inside of the application's own transaction, through the handle the application holds.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../kernel/index.js";
import type { NewRun } from "../contract.js";
import { type SqliteStore, sqlite } from "./index.js";

interface Handle {
  exec(sql: string): void;
  prepare(sql: string): { get(): unknown };
  close(): void;
}

const Database = createRequire(import.meta.url)("libsql") as new (file: string) => Handle;
let folder: string;
let store: SqliteStore;
let handle: Handle;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "duckdive-handle-"));
  store = sqlite({ file: join(folder, "app.db") });
  await store.open();
  handle = new Database(join(folder, "app.db"));
  handle.exec("create table orders (id integer primary key)");
});

afterAll(async () => {
  handle.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

function run(fields: Partial<NewRun> = {}): NewRun {
  return { id: newId(), job: "copy", version: 1, queue: "default", priority: 0, ...fields };
}

describe("a run recorded in the application's transaction", () => {
  test("is there, and can be claimed, once that commits", async () => {
    const wanted = run({ input: JSON.stringify("x".repeat(2_000)) });
    handle.exec("begin");
    handle.exec("insert into orders default values");
    expect(store.insertInSync(handle, [wanted])).toEqual([{ id: wanted.id, created: true }]);
    expect(await store.find([wanted.id])).toEqual([undefined]);
    handle.exec("commit");
    expect(await store.find([wanted.id])).toMatchObject([{ state: "ready", input: wanted.input }]);
  });

  test("never was when that rolls back", async () => {
    const wanted = run();
    handle.exec("begin");
    await store.insertIn(handle, [wanted]);
    handle.exec("rollback");
    expect(await store.find([wanted.id])).toEqual([undefined]);
  });

  test("is there with all the others or not at all, in a transaction and without one", async () => {
    const wanted = [run(), run({ due: { after: 0.5 } })];
    const ids = wanted.map(({ id }) => id);
    handle.exec("begin");
    await expect(store.insertIn(handle, wanted)).rejects.toThrow("INTEGER");
    handle.exec("insert into orders default values");
    handle.exec("commit");
    await expect(store.insertIn(handle, wanted)).rejects.toThrow("INTEGER");
    expect(await store.find(ids)).toEqual([undefined, undefined]);
  });

  test("twice is once", () => {
    const wanted = run();
    expect(store.insertInSync(handle, [wanted, wanted]).map((inserted) => inserted.created)).toEqual([
      true,
      false,
    ]);
  });

  test("is heard of by listeners as a change made elsewhere", async () => {
    const heard = new Promise((resolve) => {
      const stop = store.watch((change) => {
        stop();
        resolve(change);
      });
    });
    store.insertInSync(handle, [run()]);
    expect(await heard).toMatchObject({ origin: "elsewhere", claimable: true });
  });
});

describe("a handle", () => {
  test("of another database is OTHER_DATABASE", () => {
    const other = new Database(join(folder, "other.db"));
    expect(() => store.insertInSync(other, [run()])).toThrow(
      expect.objectContaining({ code: "OTHER_DATABASE" }),
    );
    other.close();
  });

  test("of another duckdive database is OTHER_DATABASE", async () => {
    const file = join(folder, "second.db");
    const second = sqlite({ file });
    await second.open();
    const other = new Database(file);
    expect(() => store.insertInSync(other, [run()])).toThrow(
      expect.objectContaining({ code: "OTHER_DATABASE" }),
    );
    other.close();
    await second.close();
  });

  test("can never be of a database in memory", async () => {
    const memory = sqlite({ file: ":memory:" });
    const other = new Database(":memory:");
    const refused = expect.objectContaining({ code: "OTHER_DATABASE" });
    expect(() => memory.insertInSync(other, [run()])).toThrow(refused);
    await memory.open();
    expect(() => memory.insertInSync(other, [run()])).toThrow(refused);
    other.close();
    await memory.close();
  });

  test("records before the store was opened, when the file has the tables", async () => {
    const lazy = sqlite({ file: join(folder, "app.db") });
    const wanted = run();
    lazy.insertInSync(handle, [wanted]);
    expect(await lazy.find([wanted.id])).toMatchObject([{ id: wanted.id }]);
    await lazy.close();
  });

  test("of a file without the tables is MIGRATION_MISSING", () => {
    const file = join(folder, "empty.db");
    const other = new Database(file);
    other.exec("create table orders (id integer primary key)");
    const lazy = sqlite({ file });
    expect(() => lazy.insertInSync(other, [run()])).toThrow(
      expect.objectContaining({ code: "MIGRATION_MISSING" }),
    );
    other.close();
  });

  test("that is no database is refused with the remedy", () => {
    expect(() => store.insertInSync({}, [run()])).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });
});
