// Misspelt on purpose. cspell:ignore timout
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { manualClock } from "../kernel/index.js";
import { assemble, open } from "../open.js";
import type { Change, Store } from "../store/contract.js";
import { sqlite } from "../store/sqlite/index.js";
import { createResults } from "./results.js";

const greet = job({
  name: "greet",
  input: z.object({ name: z.string() }),
  output: z.object({ at: z.coerce.date() }),
  errors: { rude: z.object({ since: z.coerce.date() }) },
  handle: () => ({ at: 0 }),
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Two sides of one file: an application, and a store elsewhere that ends its runs as a worker would. */
async function twoSides() {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-results-"));
  const file = join(folder, "runs.db");
  const duckdive = open(`sqlite:${file}`);
  const elsewhere = sqlite({ file });
  cleanups.push(
    () => rmSync(folder, { recursive: true, force: true }),
    () => duckdive.close(),
    () => elsewhere.close(),
  );
  await duckdive.ready();
  await register(elsewhere);
  return { duckdive, elsewhere };
}

async function register(store: Store): Promise<void> {
  const abilities = [{ job: "greet", version: 1 }];
  await store.register({ id: "w", host: "h", pid: process.pid, abilities, queues: { "*": 100 } });
}

async function claim(store: Store, slots = 100) {
  return store.claim({ worker: "w", queues: { "*": slots }, abilities: [{ job: "greet", version: 1 }] });
}

async function succeedAll(store: Store, output: string): Promise<void> {
  const claimed = await claim(store, 10_000);
  await store.settle(
    claimed.map(({ run, token, claim }) => ({ run, token, claim, state: "succeeded", output, keep: 60_000 })),
  );
}

describe("the result of a run", () => {
  test("comes from another process, parsed by the job's schema", async () => {
    const { duckdive, elsewhere } = await twoSides();
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    const result = run.result();
    await succeedAll(elsewhere, '{"at":"2026-01-01T00:00:00.000Z"}');
    expect(await result).toEqual({ at: new Date("2026-01-01") });
    expect(await run.outcome()).toEqual({ state: "succeeded", output: { at: new Date("2026-01-01") } });
    expect((await run.get()).output).toEqual({ at: new Date("2026-01-01") });
    expect((await duckdive.get(run.id))?.output).toEqual({ at: "2026-01-01T00:00:00.000Z" });
  });

  test("of a thousand runs, waited for by three handles each, all come", async () => {
    const { duckdive, elsewhere } = await twoSides();
    const runs = await duckdive.enqueueMany(
      greet,
      Array.from({ length: 1_000 }, () => ({ name: "Ada" })),
    );
    const results = runs.flatMap((run) => [
      run.result(),
      duckdive.run(greet, run.id).result(),
      run.outcome(),
    ]);
    await succeedAll(elsewhere, '{"at":0}');
    expect(await Promise.all(results)).toHaveLength(3_000);
  });

  test("that was stored wrongly is refused by the job's schema", async () => {
    const { duckdive, elsewhere } = await twoSides();
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    await succeedAll(elsewhere, '{"at":"never"}');
    await expect(run.result()).rejects.toMatchObject({ code: "INVALID_OUTPUT" });
  });

  test("is an error that the job narrows, when the run has failed", async () => {
    const { duckdive, elsewhere } = await twoSides();
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    const error = {
      name: "RunFailed",
      message: "no",
      code: "rude",
      data: { since: "2026-01-01T00:00:00.000Z" },
    };
    const [claimed] = await claim(elsewhere);
    if (claimed === undefined) throw new Error("nothing was claimed");
    await elsewhere.settle([{ ...fenceOf(claimed), state: "failed", reason: "rude", error, keep: 60_000 }]);
    const failure: unknown = await run.result().catch((reason: unknown) => reason);
    expect(failure).toMatchObject({ code: "rude", runId: run.id, job: "greet" });
    if (!greet.failedWith(failure, "rude")) throw new Error("it was not narrowed");
    expect(failure.data.since.getFullYear()).toBe(2026);
    expect(await run.outcome()).toMatchObject({ state: "failed", error: { code: "rude" } });
    expect(await run.retry()).toBe(true);
    expect((await run.get()).state).toBe("ready");
  });

  test("is an error when the run was cancelled, here or elsewhere", async () => {
    const { duckdive, elsewhere } = await twoSides();
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    const result = run.result().catch((reason: unknown) => reason);
    expect(await run.cancel("no longer needed")).toBe(true);
    expect(await result).toMatchObject({ code: "RUN_CANCELLED", reason: "no longer needed", runId: run.id });
    expect(await run.outcome()).toEqual({ state: "cancelled", reason: "no longer needed" });
    expect(await run.cancel()).toBe(false);
    const second = await duckdive.enqueue(greet, { name: "Bob" });
    const outcome = second.outcome();
    await elsewhere.cancel([second.id], "by hand");
    expect(await outcome).toEqual({ state: "cancelled", reason: "by hand" });
  });

  test("of a run that nobody recorded is an error at once", async () => {
    const { duckdive } = await twoSides();
    const run = duckdive.run(greet, crypto.randomUUID());
    await expect(run.result()).rejects.toMatchObject({ code: "RUN_NOT_FOUND", runId: run.id });
    await expect(run.get()).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    expect(await run.cancel()).toBe(false);
    expect(() => duckdive.run(greet, "7")).toThrow("not the id of a run");
  });

  test("may be waited for no longer than a time, on the clock that was given", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const store = () => sqlite({ file: ":memory:", clock });
    const { duckdive } = assemble({ clock, store, options: {} });
    cleanups.push(() => duckdive.close());
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    const waiting = run.result({ timeout: "10s" }).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await waiting).toMatchObject({ code: "RESULT_TIMEOUT", runId: run.id });
    expect(clock.nextTimer()).toBeUndefined();
    await expect(run.result({ timout: "1s" } as object)).rejects.toThrow('Did you mean "timeout"?');
  });

  test("may be waited for until a signal aborts, with its reason", async () => {
    const { duckdive } = await twoSides();
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    const controller = new AbortController();
    const waiting = run.result({ signal: controller.signal });
    controller.abort(new Error("the user left"));
    await expect(waiting).rejects.toThrow("the user left");
    await expect(run.result({ signal: controller.signal })).rejects.toThrow("the user left");
  });

  test("is not waited for any more when the client is closed", async () => {
    const { duckdive } = await twoSides();
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    const waiting = run.result().catch((error: unknown) => error);
    await duckdive.close();
    expect(await waiting).toMatchObject({ code: "CLOSED" });
    await expect(run.result()).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("watching a run", () => {
  test("shows it at each change, to its end", async () => {
    const { duckdive, elsewhere } = await twoSides();
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    const shown: string[] = [];
    let held: Awaited<ReturnType<typeof claim>>[number] | undefined;
    for await (const record of run.watch()) {
      shown.push(record.progress === undefined ? record.state : `${record.state} ${record.progress.done}`);
      if (shown.length === 1) [held] = await claim(elsewhere);
      if (shown.length === 2 && held !== undefined)
        await elsewhere.note([{ ...fenceOf(held), progress: { done: 1, total: 2 } }]);
      if (shown.length === 3 && held !== undefined)
        await elsewhere.settle([{ ...fenceOf(held), state: "succeeded", output: '{"at":0}', keep: 60_000 }]);
    }
    expect(shown).toEqual(["ready", "running", "running 1", "succeeded 1"]);
  });

  test("ends when it is left, when its signal aborts, and when there is no such run", async () => {
    const { duckdive } = await twoSides();
    const run = await duckdive.enqueue(greet, { name: "Ada" });
    for await (const { state } of run.watch()) {
      expect(state).toBe("ready");
      break;
    }
    const controller = new AbortController();
    const watched = (async () => {
      for await (const _record of run.watch({ signal: controller.signal }))
        controller.abort(new Error("enough"));
    })();
    await expect(watched).rejects.toThrow("enough");
    const missing = duckdive.run(greet, crypto.randomUUID()).watch()[Symbol.asyncIterator]();
    await expect(missing.next()).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  });
});

describe("the one watcher", () => {
  test("watches the store only while somebody waits", async () => {
    const store = sqlite({ file: ":memory:" });
    cleanups.push(() => store.close());
    let watching = 0;
    const results = createResults({
      find: (ids) => store.find(ids),
      watch(listener) {
        watching += 1;
        const stop = store.watch(listener);
        return () => {
          watching -= 1;
          stop();
        };
      },
    });
    const told = new Promise((resolve) => {
      const seen = () => {
        resolve("looked");
        return true;
      };
      results.wait("nobody", { everyChange: false, failed: resolve, seen });
    });
    const leave = results.wait("nobody", { everyChange: false, failed() {}, seen: () => false });
    expect([watching, results.size]).toEqual([1, 2]);
    expect(await told).toBe("looked");
    expect([watching, results.size]).toEqual([1, 1]);
    leave();
    leave();
    expect([watching, results.size]).toEqual([0, 0]);
  });

  test("comes after a while also when the store never says that anything changed", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    cleanups.push(() => vi.useRealTimers());
    let reads = 0;
    const results = createResults({
      find: async (ids) => {
        reads += 1;
        return ids.map(() => undefined);
      },
      watch: () => () => {},
    });
    const leave = results.wait("unheard", { everyChange: false, failed() {}, seen: () => false });
    await vi.waitUntil(() => reads === 1);
    vi.advanceTimersByTime(5_000);
    await vi.waitUntil(() => reads === 2);
    leave();
    vi.advanceTimersByTime(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(reads).toBe(2);
  });

  test("looks at what may have ended elsewhere, however fast runs that are waited for end here", async () => {
    // Every read takes a tenth of a millisecond, by a clock that nothing else moves.
    let now = 1_000;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    cleanups.push(() => clock.mockRestore());
    let reads = 0;
    let readsOfElsewhere = 0;
    let hear: (change: Change) => void = () => {};
    const results = createResults({
      find: async (ids) => {
        now += 0.1;
        reads += 1;
        if (ids.includes("elsewhere")) readsOfElsewhere += 1;
        return ids.map(() => undefined);
      },
      watch(listener) {
        hear = listener;
        return () => {};
      },
    });
    results.wait("elsewhere", { everyChange: false, failed() {}, seen: () => false });
    for (let number = 0; number < 100; number++) {
      hear({ origin: "elsewhere", ended: [], claimable: true, asked: true });
      await new Promise<void>((resolve) => {
        const seen = (): boolean => {
          resolve();
          return true;
        };
        results.wait(`here ${number}`, { everyChange: false, failed() {}, seen });
      });
    }
    // The first look, and then one every four milliseconds.
    expect(reads).toBeLessThanOrEqual(101);
    expect(readsOfElsewhere).toBeGreaterThanOrEqual(3);
    results.close(new Error("over"));
  });

  test("tells whoever waits that the store cannot be read", async () => {
    const results = createResults({ find: () => Promise.reject(new Error("down")), watch: () => () => {} });
    const told = new Promise((resolve) => {
      results.wait("a", { everyChange: false, failed: resolve, seen: () => false });
    });
    expect(String(await told)).toBe("Error: down");
    expect(results.size).toBe(0);
  });
});

function fenceOf({ run, token, claim }: { run: string; token: number; claim?: string }) {
  return claim === undefined ? { run, token } : { run, token, claim };
}
