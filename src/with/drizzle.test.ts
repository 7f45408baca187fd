import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BetterSQLite3Database } from "drizzle-orm/better-sqlite3";
import { BetterSQLiteSession } from "drizzle-orm/better-sqlite3/session";
import { drizzle as overNothing } from "drizzle-orm/pg-proxy";
import { sql } from "drizzle-orm/sql";
import { BaseSQLiteDatabase } from "drizzle-orm/sqlite-core/db";
import { SQLiteSyncDialect } from "drizzle-orm/sqlite-core/dialect";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { open } from "../open.js";
import { drizzle, drizzleSync } from "./drizzle.js";

const load = createRequire(import.meta.url);
const mail = job({ name: "mail", input: z.object({ to: z.string() }), handle() {} });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/**
 * Drizzle's own database for better-sqlite3, over libsql, which has the same shape: made of the classes that its
 * driver uses, since the driver's own file loads the package better-sqlite3, which does not run on every Node here.
 */
function database(): { db: BetterSQLite3Database; file: string } {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-drizzle-"));
  const file = join(folder, "app.db");
  const client = new (load("libsql"))(file);
  client.exec("pragma journal_mode = wal");
  cleanups.push(
    () => rmSync(folder, { recursive: true, force: true }),
    () => client.close(),
  );
  const dialect = new SQLiteSyncDialect();
  const session = new BetterSQLiteSession(client, dialect, undefined);
  const db: object = Object.assign(new BaseSQLiteDatabase("sync", dialect, session, undefined), {
    $client: client,
  });
  return { db: db as BetterSQLite3Database, file };
}

test("a run joins a Drizzle transaction: it commits, rolls back, and rolls back with its savepoint", async () => {
  const { db, file } = database();
  const duckdive = open(`sqlite:${file}`, { with: drizzleSync(db) });
  cleanups.push(() => duckdive.close());
  await duckdive.ready();
  const [kept, dropped] = db.transaction((tx) => {
    tx.run(sql`create table users (name text)`);
    const first = duckdive.enqueueSync(mail, { to: "kept" }, { tx });
    let second: string | undefined;
    try {
      tx.transaction((inner) => {
        second = duckdive.enqueueSync(mail, { to: "dropped" }, { tx: inner }).id;
        throw new Error("inner");
      });
    } catch {
      expect(second).toBeDefined();
    }
    return [first.id, second ?? ""];
  });
  expect((await duckdive.get(kept))?.state).toBe("ready");
  expect(await duckdive.get(dropped)).toBeUndefined();
  expect(() =>
    db.transaction((tx) => {
      duckdive.enqueueSync(mail, { to: "rolled back" }, { tx });
      throw new Error("outer");
    }),
  ).toThrow("outer");
  expect(await duckdive.count()).toBe(1);
  duckdive.enqueueSync(mail, { to: "no transaction" });
  expect(await duckdive.count()).toBe(2);
});

test("what is no database, or no transaction of one, is refused", async () => {
  const { db, file } = database();
  expect(() => drizzleSync({ transaction: () => {} })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION" }),
  );
  const duckdive = open(`sqlite:${file}`, { with: drizzleSync(db) });
  cleanups.push(() => duckdive.close());
  expect(() => duckdive.enqueueSync(mail, { to: "a" }, { tx: {} as never })).toThrow(
    expect.objectContaining({ code: "INVALID_TRANSACTION" }),
  );
});

test("ctx.tx runs in a transaction of Drizzle's, which commits and rolls back as its function says", async () => {
  const { db } = database();
  const adapter = drizzleSync(db);
  const names = () => db.all<{ name: string }>(sql`select name from users`).map(({ name }) => name);
  db.run(sql`create table users (name text)`);
  const answer = await adapter.transaction(async (tx) => {
    await tx.run(sql`insert into users values ('kept')`);
    return "done";
  });
  expect(answer).toBe("done");
  const failing = adapter.transaction((tx) => {
    tx.run(sql`insert into users values ('dropped')`);
    throw new Error("out of stock");
  });
  await expect(failing).rejects.toThrow("out of stock");
  expect(names()).toEqual(["kept"]);
});

test("a database with asynchronous transactions does not fit a SQLite store", () => {
  const asynchronous = drizzle(overNothing(async () => ({ rows: [] })));
  expect(() => open("sqlite::memory:", { with: asynchronous })).toThrow("drizzleSync(db)");
});

test("what is no database for PostgreSQL is refused", () => {
  expect(() => drizzle(database().db as never)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
});
