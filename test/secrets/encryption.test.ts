// Encryption by the whole engine: nothing that an application puts in is in the file, keys change under runs that wait, and
// whoever lacks a key loses nothing.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { type Encryption, InvalidOptionError, job, open, SealedValueError } from "../../src/index.js";
import { newId } from "../../src/kernel/index.js";
import { encrypted } from "../../src/store/encrypted.js";
import { sqlite } from "../../src/store/sqlite/index.js";
import { engine, type Given, memory, silent } from "../engine.js";
import { keyA, keyB, putEverywhere, readBack, secret } from "./everything.js";

const underA: Encryption = { current: "a", keys: { a: keyA } };
const underB: Encryption = { current: "b", keys: { a: keyA, b: keyB } };
const input = z.object({ card: z.string() });

function remembering() {
  const seen: unknown[] = [];
  const pay = job({
    name: "pay",
    input,
    retry: { attempts: 3, backoff: { kind: "fixed", base: "10s", jitter: 0 } },
    handle: (given) => void seen.push(given),
  });
  return { pay, seen };
}

/** An engine on a store whose values these keys open. */
const keyed = (
  pay: Parameters<typeof engine>[0][number],
  base: Required<Pick<Given, "store" | "clock">>,
  keys: Encryption,
) => engine([pay], { ...base, store: encrypted(base.store, keys) });

async function fileStore() {
  const folder = await mkdtemp(join(tmpdir(), "duckdive-secrets-"));
  const file = join(folder, "jobs.db");
  const store = sqlite({ file });
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { folder, file, store };
}

describe("an encrypted store", () => {
  test("has nothing in its file of what an application puts in, and all of it for whoever has the key", async () => {
    const { store, folder } = await fileStore();
    const { failed, paid } = await putEverywhere(store, underA);
    const files = await readdir(folder);
    const bytes = Buffer.concat(await Promise.all(files.map((name) => readFile(join(folder, name)))));
    expect(bytes.includes("paying")).toBe(true);
    expect(bytes.includes(secret)).toBe(false);
    const text = await readBack(store, underA, [failed, paid]);
    // Of the one the input, the error, its cause, its event, its log and its progress; of the other its input, its steps …
    expect(text.split(secret).length - 1).toBeGreaterThan(20);
    expect(text).not.toContain("~sealed");
  });

  test("says to whoever has no key that it is encrypted, and under which key", async () => {
    const { store } = await fileStore();
    const { failed } = await putEverywhere(store, underA);
    const duckdive = open(store, { log: silent });
    expect(await duckdive.get(failed)).toMatchObject({
      state: "failed",
      input: { "~sealed": "a" },
      error: { name: "Error", code: "NO_CARD", message: 'encrypted under key "a"' },
    });
    expect(await duckdive.count({ error: "NO_CARD" })).toBe(1);
  });

  test("reads what was stored in plain, and with another key", async () => {
    const base = memory();
    const { pay, seen } = remembering();
    await engine([pay], base).duckdive.enqueue(pay, { card: "plain" });
    await keyed(pay, base, underA).duckdive.enqueue(pay, { card: "under a" });
    const { duckdive, work } = keyed(pay, base, underB);
    await duckdive.enqueue(pay, { card: "under b" });
    await work().idle();
    expect(seen).toEqual([{ card: "plain" }, { card: "under a" }, { card: "under b" }]);
  });

  test("refuses to look for a text in inputs, and says why", async () => {
    const base = memory();
    const { pay } = remembering();
    const { duckdive } = keyed(pay, base, underA);
    await expect(duckdive.count({ text: "Ada" })).rejects.toThrow(/inputs of this store are encrypted/);
    await expect(duckdive.cancel({ text: "Ada" })).rejects.toThrow(InvalidOptionError);
  });

  test("keeps unique keys, and opens an input that came to a run from another request", async () => {
    const base = memory();
    const seen: unknown[] = [];
    const unique = { by: () => "one", onConflict: { replace: ["input" as const] } };
    const pay = job({ name: "pay", input, unique, handle: (given) => void seen.push(given) });
    const { duckdive, work } = keyed(pay, base, underA);
    const first = await duckdive.enqueue(pay, { card: "1" });
    expect(await duckdive.enqueue(pay, { card: "2" })).toMatchObject({ id: first.id, created: false });
    await work().idle();
    expect(seen).toEqual([{ card: "2" }]);
  });

  test("stores an input of the largest size", async () => {
    const base = memory();
    const { pay, seen } = remembering();
    const { duckdive, work } = keyed(pay, base, underA);
    await duckdive.enqueue(pay, { card: "x".repeat(1_048_000) });
    await work().idle();
    expect(seen).toHaveLength(1);
  });
});

describe("a run whose key is not here", () => {
  const without: [string, Encryption | undefined][] = [
    ["with other keys", { current: "b", keys: { b: keyB } }],
    ["with a wrong key of that name", { current: "a", keys: { a: keyB } }],
    ["with none", undefined],
  ];
  test.each(without)(
    "is tried again by a worker %s, says which key is missing, and is done once that is there",
    async (_title, keys) => {
      const base = memory();
      const { pay, seen } = remembering();
      const { id } = await keyed(pay, base, underA).duckdive.enqueue(pay, { card: "Ada" });
      const lacking = keys === undefined ? engine([pay], base) : keyed(pay, base, keys);
      const worker = lacking.work();
      await worker.idle();
      await worker.stop();
      const found = await lacking.duckdive.get(id);
      expect(found).toMatchObject({ state: "scheduled", attempt: 1 });
      expect(found?.error).toMatchObject({
        code: "VALUE_SEALED",
        message: expect.stringContaining('under key "a"'),
      });
      expect(seen).toEqual([]);
      await base.clock.advance(10_000);
      await keyed(pay, base, underB).work().idle();
      expect(seen).toEqual([{ card: "Ada" }]);
    },
  );

  test("that was recorded without its job waits to be checked by a worker that has the key", async () => {
    const base = memory();
    const { pay, seen } = remembering();
    const { store } = keyed(pay, base, underA);
    const run = {
      id: newId(),
      job: "pay",
      version: 1,
      queue: "default",
      priority: 0,
      input: '{"card":"Ada"}',
    };
    await store.insert([{ ...run, waiting: "preparation" }]);
    const lacking = engine([pay], base);
    const worker = lacking.work();
    await worker.idle();
    await worker.stop();
    expect(await lacking.duckdive.get(run.id)).toMatchObject({ state: "waiting" });
    expect(lacking.heard).toContainEqual({
      name: "error",
      about: expect.objectContaining({ error: expect.any(SealedValueError), where: "prepare" }),
    });
    await keyed(pay, base, underA).work().idle();
    expect(seen).toEqual([{ card: "Ada" }]);
  });

  test("and that has failed for good tells its onFailed so, and keeps its input", async () => {
    const base = memory();
    const told: unknown[] = [];
    const pay = job({
      name: "pay",
      input,
      retry: { attempts: 1 },
      onFailed: (failure) => void told.push(failure),
      handle() {},
    });
    const { id } = await keyed(pay, base, underA).duckdive.enqueue(pay, { card: "Ada" });
    await engine([pay], base).work().idle();
    expect(told).toMatchObject([{ input: { "~sealed": "a" }, error: { code: "VALUE_SEALED" } }]);
    expect(await keyed(pay, base, underA).duckdive.get(id)).toMatchObject({
      state: "failed",
      input: { card: "Ada" },
    });
  });

  test("does not give its output to whoever waits for it, and says why", async () => {
    const base = memory();
    const echo = job({ name: "echo", input, handle: ({ card }) => card });
    const { duckdive, work } = keyed(echo, base, underA);
    const { id } = await duckdive.enqueue(echo, { card: "Ada" });
    await work().idle();
    expect(await duckdive.run(echo, id).result()).toBe("Ada");
    await expect(engine([echo], base).duckdive.run(echo, id).result()).rejects.toThrow(SealedValueError);
  });
});

test("a value that was put into another run does not open there", async () => {
  const { store, file } = await fileStore();
  const { pay, seen } = remembering();
  const duckdive = open(store, { jobs: [pay], encryption: underA, log: silent });
  const rich = await duckdive.enqueue(pay, { card: "rich" });
  const poor = await duckdive.enqueue(pay, { card: "poor" });
  const handle = new Database(file);
  handle
    .prepare("update duckdive_run set input = (select input from duckdive_run where id = ?) where id = ?")
    .run(rich.id, poor.id);
  handle.close();
  const worker = duckdive.work();
  await rich.result();
  await worker.stop();
  expect(seen).toEqual([{ card: "rich" }]);
  expect(await duckdive.get(poor.id)).toMatchObject({ error: { code: "VALUE_SEALED" } });
});

describe("open({ encryption }) refuses", () => {
  const cases: [string, object, RegExp][] = [
    [
      "a key that is too short",
      { current: "a", keys: { a: "AAAAAAA=" } },
      /key "a" of encryption has 5 bytes. Use 32/,
    ],
    [
      "a key that is not there",
      { current: "a", keys: { a: undefined } },
      /key "a" of encryption is not there/,
    ],
    [
      "a current one that there is none of",
      { current: "c", keys: { a: keyA } },
      /current is "c", and the keys are named \["a"\]/,
    ],
    ["a name that is none", { current: "a b", keys: { "a b": keyA } }, /named "a b"/],
    ["an unknown option", { curent: "a", keys: {} }, /curent/], // cspell:ignore curent
  ];
  test.each(cases)("%s, at once, without showing a key", (_title, encryption, message) => {
    expect(() => Reflect.apply(open, undefined, ["sqlite::memory:", { encryption }])).toThrow(message);
  });
});
