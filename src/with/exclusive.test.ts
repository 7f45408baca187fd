import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Adapter } from "../job/index.js";
import { type SqliteHandle, sqlite } from "./sqlite.js";

interface Handle extends SqliteHandle {
  prepare(sql: string): { all(): Record<string, unknown>[] };
  close(): unknown;
}

const load = createRequire(import.meta.url);
let handle: Handle;
let adapter: Adapter<Handle, true>;
beforeEach(() => {
  handle = new (load("libsql"))(":memory:");
  handle.exec("create table wines (name text)");
  adapter = sqlite(handle);
});
afterEach(() => void handle.close());

const wines = () =>
  handle
    .prepare("select name from wines order by rowid")
    .all()
    .map(({ name }) => name);

describe("a transaction of a SQLite handle", () => {
  test("commits what a function wrote, whether it is asynchronous or not, and gives its answer", async () => {
    const immediate = adapter.transaction((db) => {
      db.exec("insert into wines values ('one')");
      return 1;
    });
    expect(await immediate).toBe(1);
    const answer = adapter.transaction(async (db) => {
      await Promise.resolve();
      db.exec("insert into wines values ('two')");
      return 2;
    });
    expect(await answer).toBe(2);
    expect(wines()).toEqual(["one", "two"]);
  });

  test("is rolled back when the function throws or rejects, and the next one is none the worse", async () => {
    const error = new Error("out of stock");
    const throwing = adapter.transaction((db) => {
      db.exec("insert into wines values ('thrown')");
      throw error;
    });
    const rejecting = adapter.transaction(async (db) => {
      db.exec("insert into wines values ('rejected')");
      await Promise.resolve();
      throw error;
    });
    await expect(throwing).rejects.toBe(error);
    await expect(rejecting).rejects.toBe(error);
    await adapter.transaction((db) => db.exec("insert into wines values ('next')"));
    expect(wines()).toEqual(["next"]);
  });

  test("waits for the one before it", async () => {
    const order: string[] = [];
    const one = (name: string) =>
      adapter.transaction(async () => {
        order.push(`${name} begins`);
        await Promise.resolve();
        order.push(`${name} ends`);
      });
    await Promise.all([one("first"), one("second")]);
    expect(order).toEqual(["first begins", "first ends", "second begins", "second ends"]);
  });

  test("refuses to wait for anything but the database, and keeps nothing of what was written", async () => {
    const waiting = adapter.transaction(async (db) => {
      db.exec("insert into wines values ('held')");
      await new Promise((resolve) => setTimeout(resolve, 1));
    });
    await expect(waiting).rejects.toMatchObject({ code: "INVALID_TRANSACTION" });
    expect(wines()).toEqual([]);
  });

  test("waits for the file's write lock without holding up the process", async () => {
    const busy = Object.assign(new Error("database is locked"), { code: "SQLITE_BUSY" });
    let refusals = 2;
    const contended: SqliteHandle = {
      prepare: (sql) => handle.prepare(sql),
      exec(sql) {
        if (sql === "BEGIN IMMEDIATE" && refusals-- > 0) throw busy;
        handle.exec(sql);
      },
    };
    await sqlite(contended).transaction((db) => db.exec("insert into wines values ('late')"));
    expect(wines()).toEqual(["late"]);
  });
});
