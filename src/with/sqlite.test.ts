import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import type { Middleware } from "../middleware/index.js";
import { open } from "../open.js";
import { type SqliteHandle, sqlite } from "./sqlite.js";

/** What the tests use of a handle; both drivers have it. */
interface Handle extends SqliteHandle {
  close(): unknown;
}

const load = createRequire(import.meta.url);
const drivers: [string, (file: string) => Handle][] = [["libsql", (file) => new (load("libsql"))(file)]];
if (process.getBuiltinModule?.("node:sqlite") !== undefined)
  drivers.push(["node:sqlite", (file) => new (load("node:sqlite").DatabaseSync)(file)]);

const mail = job({ name: "mail", input: z.object({ to: z.string() }), handle: ({ to }) => ({ sentTo: to }) });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe.each(drivers)("a handle of %s", (_driver, connect) => {
  let file = "";
  let handle: Handle;
  beforeEach(() => {
    const folder = mkdtempSync(join(tmpdir(), "duckdive-with-"));
    file = join(folder, "app.db");
    handle = connect(file);
    handle.exec("pragma journal_mode = wal");
    handle.exec("create table users (name text)");
    cleanups.push(
      () => rmSync(folder, { recursive: true, force: true }),
      () => handle.close(),
    );
  });

  async function opened(middleware: readonly Middleware[] = []) {
    const errors: unknown[] = [];
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const onError = (error: unknown) => errors.push(error);
    const duckdive = open(`sqlite:${file}`, { with: sqlite(handle), jobs: [mail], middleware, log, onError });
    cleanups.push(() => duckdive.close());
    await duckdive.ready();
    return { duckdive, errors };
  }

  function transaction<T>(work: () => T): T {
    handle.exec("begin immediate");
    try {
      const result = work();
      handle.exec("commit");
      return result;
    } catch (error) {
      handle.exec("rollback");
      throw error;
    }
  }

  test("records a run when its transaction commits, and a worker is woken by it", async () => {
    const { duckdive } = await opened();
    const worker = duckdive.work();
    await worker.ready;
    const run = transaction(() => {
      handle.exec("insert into users values ('ada')");
      return duckdive.enqueueSync(mail, { to: "ada" }, { tx: handle });
    });
    expect(run.created).toBe(true);
    expect(await run.result({ timeout: "5s" })).toEqual({ sentTo: "ada" });
  });

  test("records nothing when its transaction is rolled back", async () => {
    const { duckdive } = await opened();
    let id = "";
    const broken = () =>
      transaction(() => {
        id = duckdive.enqueueSync(mail, { to: "ada" }, { tx: handle }).id;
        throw new Error("out of stock");
      });
    expect(broken).toThrow("out of stock");
    expect(await duckdive.get(id)).toBeUndefined();
  });

  test("records what a rolled back savepoint leaves", async () => {
    const { duckdive } = await opened();
    const [kept, dropped] = transaction(() => {
      const first = duckdive.enqueueSync(mail, { to: "kept" }, { tx: handle });
      handle.exec("savepoint inner_part");
      const second = duckdive.enqueueSync(mail, { to: "dropped" }, { tx: handle });
      handle.exec("rollback to inner_part");
      return [first, second];
    });
    expect((await kept?.get())?.state).toBe("ready");
    await expect(dropped?.result()).rejects.toMatchObject({ code: "NOT_COMMITTED" });
    expect(await duckdive.count()).toBe(1);
  });

  test("rejects a result that is awaited inside the transaction at once", async () => {
    const { duckdive } = await opened();
    handle.exec("begin immediate");
    const run = duckdive.enqueueSync(mail, { to: "ada" }, { tx: handle });
    await expect(run.result()).rejects.toMatchObject({ code: "NOT_COMMITTED", runId: run.id });
    const second = await duckdive.enqueue(mail, { to: "bob" }, { tx: handle });
    await expect(second.outcome()).rejects.toMatchObject({ code: "NOT_COMMITTED", runId: second.id });
    handle.exec("commit");
    expect((await second.get()).state).toBe("ready");
  });

  test("needs no tx to write through the handle, and takes the same id twice", async () => {
    const { duckdive } = await opened();
    const id = crypto.randomUUID();
    expect(duckdive.enqueueSync(mail, { to: "ada" }, { id }).created).toBe(true);
    expect(duckdive.enqueueSync(mail, { to: "ada" }, { id }).created).toBe(false);
    expect(await duckdive.count()).toBe(1);
  });

  test("writes many runs in the transaction", async () => {
    const { duckdive } = await opened();
    handle.exec("begin");
    await duckdive.enqueueMany(mail, [{ to: "a" }, { to: "b" }], { tx: handle });
    await duckdive.enqueueMany([mail.with({ to: "c" })], { tx: handle });
    expect(await duckdive.count()).toBe(0);
    handle.exec("commit");
    expect(await duckdive.count()).toBe(3);
  });

  test("is also an address: its file", async () => {
    const duckdive = open(handle, { with: sqlite(handle) });
    cleanups.push(() => duckdive.close());
    await duckdive.ready();
    const run = transaction(() => duckdive.enqueueSync(mail, { to: "ada" }, { tx: handle }));
    expect((await run.get()).state).toBe("ready");
  });

  test("does not wait for the lock that its own transaction holds, also at the very first call", async () => {
    const first = open(`sqlite:${file}`, { with: sqlite(handle) });
    await first.ready();
    await first.close();
    const duckdive = open(`sqlite:${file}`, { with: sqlite(handle) });
    cleanups.push(() => duckdive.close());
    handle.exec("begin immediate");
    const run = await duckdive.enqueue(mail, { to: "ada" }, { tx: handle });
    duckdive.enqueueSync(mail, { to: "bob" }, { tx: handle });
    handle.exec("commit");
    expect((await run.get()).state).toBe("ready");
    await duckdive.close();
    expect(() => duckdive.enqueueSync(mail, { to: "ada" })).toThrow(
      expect.objectContaining({ code: "CLOSED" }),
    );
    await expect(duckdive.enqueue(mail, { to: "ada" }, { tx: handle })).rejects.toMatchObject({
      code: "CLOSED",
    });
  });

  test("of another database is refused", async () => {
    const { duckdive } = await opened();
    const stranger = connect(join(file, "../other.db"));
    cleanups.push(() => stranger.close());
    expect(() => duckdive.enqueueSync(mail, { to: "ada" }, { tx: stranger })).toThrow(
      expect.objectContaining({ code: "OTHER_DATABASE" }),
    );
    expect(() => duckdive.enqueueSync(mail, { to: "ada" }, { tx: {} as never })).toThrow(
      expect.objectContaining({ code: "INVALID_TRANSACTION" }),
    );
  });

  test("refuses what cannot be decided before it returns", async () => {
    const { duckdive } = await opened([
      {
        async enqueue(_request, next) {
          await Promise.resolve();
          await next();
        },
      },
    ]);
    const judged = job({ name: "judged", input: z.string().refine(async () => true), handle() {} });
    const code = "NOT_SYNCHRONOUS";
    expect(() => duckdive.enqueueSync(judged, "x")).toThrow(expect.objectContaining({ code }));
    expect(() => duckdive.enqueueSync(mail, { to: "ada" })).toThrow(expect.objectContaining({ code }));
    expect(await duckdive.count()).toBe(0);
  });

  test("takes middleware that calls next before it awaits, and hears what that does wrong later", async () => {
    const { duckdive, errors } = await opened([
      {
        async enqueue(request, next) {
          request.meta.trace = "t1";
          await next();
          throw new Error("too late");
        },
      },
    ]);
    const heard = new Promise<{ readonly error: unknown }>((resolve) => duckdive.on("error", resolve));
    const run = duckdive.enqueueSync(mail, { to: "ada" });
    const { error } = await heard;
    expect(String(error)).toBe("Error: too late");
    expect((await run.get()).meta).toEqual({ trace: "t1" });
    expect(errors).toEqual([error]);
  });
});

test("a tx without an adapter is refused, as is something that is no handle", async () => {
  const duckdive = open("sqlite::memory:");
  cleanups.push(() => duckdive.close());
  await expect(duckdive.enqueue(mail, { to: "a" }, { tx: {} as never })).rejects.toThrow(
    "open(store, { with: … })",
  );
  expect(() => sqlite({} as SqliteHandle)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
});
