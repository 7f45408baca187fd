// Transactions of handlers in isolates: written through a connection of the isolate's own, and once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ask } from "../postgres/ask.js";
import { freshDatabase } from "../postgres/database.js";

const table = "create table written (run text not null, what text not null)";
const question = "select run, what from written";

async function inSqlite() {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-isolates-"));
  const handle = new Database(join(folder, "shop.db"), { timeout: 10_000 });
  onTestFinished(() => {
    handle.close();
    rmSync(folder, { recursive: true, force: true });
  });
  handle.exec("pragma journal_mode = wal");
  handle.exec(table);
  return {
    address: `sqlite:${join(folder, "shop.db")}`,
    written: async () => handle.prepare(question).all() as { run: string; what: string }[],
  };
}

async function inPostgres() {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  await ask(database.url, table);
  return {
    address: database.url,
    written: async () => (await ask(database.url, question)) as { run: string; what: string }[],
  };
}

/** The application, as it is with this database. */
async function shopAt(address: string) {
  vi.stubEnv("SHOP", address);
  vi.resetModules();
  const { default: config, jobs } = await import("./shop.mjs");
  const duckdive = config.open();
  onTestFinished(() => duckdive.close());
  return { duckdive, jobs };
}

describe.each([
  ["SQLite", inSqlite],
  ["PostgreSQL", inPostgres],
] as const)("on %s", (_name, place) => {
  test.each(["thread", "process"] as const)(
    "what a handler in a %s writes with a call, or with its end, is there once",
    { timeout: 60_000 },
    async (kind) => {
      const { address, written } = await place();
      const { duckdive, jobs } = await shopAt(address);
      await duckdive.work({ queues: { "*": 4 } }).ready;
      const requests = Array.from({ length: 8 }, (_, number) =>
        jobs[kind].with(undefined, { meta: { dies: String(number % 2 === 0) } }),
      );
      const runs = await duckdive.enqueueMany(requests);
      const outputs = await Promise.all(runs.map((run) => run.result()));
      expect(outputs).toEqual(runs.map(() => "booked"));
      const rows = (await written()).map(({ run, what }) => `${run} ${what}`).sort();
      const once = runs
        .flatMap(({ id }) => ["first", "last", "second"].map((what) => `${id} ${what}`))
        .sort();
      expect(rows).toEqual(once);
      const { logs } = await duckdive.timeline(runs[1]?.id ?? "");
      expect(logs.map(({ message }) => message)).toContain("written with its end");
      expect(await duckdive.count({ state: "succeeded" })).toBe(8);
    },
  );
});

test("middleware of the configuration stands around a handler in its isolate", async () => {
  const { address } = await inSqlite();
  const { duckdive, jobs } = await shopAt(address);
  await duckdive.work().ready;
  expect(await (await duckdive.enqueue(jobs.around)).result()).toBe("around");
  expect(Reflect.get(globalThis, "around")).toBe(undefined);
});
