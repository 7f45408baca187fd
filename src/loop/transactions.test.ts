// What a handler does with `ctx.tx` and `ctx.succeed`, on a file that the application holds open itself.
import { AsyncLocalStorage } from "node:async_hooks";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { counting, engine, type Given, gate, until } from "../../test/engine.js";
import { type AnyJob, job as base, type Context } from "../job/index.js";
import { manualClock } from "../kernel/index.js";
import type { Store } from "../store/contract.js";
import { sqlite as sqliteStore } from "../store/sqlite/index.js";
import { sqlite } from "../with/sqlite.js";

type Handle = InstanceType<typeof Database>;
const job = base.using<ReturnType<typeof sqlite<Handle>>>();
const soon = { attempts: 5, backoff: { kind: "fixed", base: 0, jitter: 0 } } as const;
const once = { attempts: 1 } as const;

/** An application's file with a ledger in it, its handle, and a store on it. */
function application(replaced: (store: Store) => Partial<Store> = () => ({})) {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-transactions-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "app.db");
  const handle = new Database(file);
  onTestFinished(() => void handle.close());
  handle.exec("pragma journal_mode = wal");
  handle.exec("create table ledger (run text not null, what text not null)");
  const clock = manualClock(Date.UTC(2031, 4, 17));
  const real = sqliteStore({ file, clock, like: handle });
  onTestFinished(() => real.close());
  const counted = counting(real, replaced(real));
  return {
    handle,
    calls: counted.calls,
    write: (tx: Handle, run: string, what: string) =>
      tx.prepare("insert into ledger (run, what) values (?, ?)").run(run, what),
    ledger: () => handle.prepare("select what from ledger order by rowid").raw().all().flat(),
    engine: (jobs: readonly AnyJob[], given: Given = {}) =>
      engine(jobs, { store: counted.store, clock, adapter: sqlite(handle), ...given }),
  };
}

/** Enqueues a run of the job and works until nothing can be done any more, its retries included. */
async function execute(one: AnyJob, { duckdive, work, clock, run, ...rest }: ReturnType<typeof engine>) {
  const { id } = await duckdive.enqueue(one);
  const worker = work();
  do {
    await worker.idle();
    await clock.advance(1);
    await worker.idle();
  } while ((await run(id)).state === "scheduled");
  return { id, record: await run(id), ...rest };
}

describe("ctx.tx", () => {
  test("commits the handler's writes and its memory together, and gives what JSON leaves of the value", async () => {
    const { write, ledger, engine: start } = application();
    const given: unknown[] = [];
    const charge = job({
      name: "charge",
      retry: soon,
      async handle(_input: undefined, ctx) {
        const charged = await ctx.tx("charge", (tx) => {
          write(tx, ctx.runId, "charge");
          return { at: new Date(0), cents: 1_250n, note: undefined };
        });
        given.push(charged);
        if (ctx.attempt < 3) throw new Error("after the charge");
        return charged.at;
      },
    });
    const { record, store } = await execute(charge, start([charge]));
    expect(ledger()).toEqual(["charge"]);
    const stored = { at: "1970-01-01T00:00:00.000Z", cents: "1250" };
    expect(given).toEqual([stored, stored, stored]);
    expect(record).toMatchObject({ state: "succeeded", attempt: 3, output: JSON.stringify(stored.at) });
    expect(await store.entries(record.id)).toMatchObject([
      { name: "charge", kind: "tx", state: "done", position: 1, value: JSON.stringify(stored) },
    ]);
  });

  test("keeps nothing of a function that throws, and tries it again with the run", async () => {
    const { write, ledger, engine: start } = application();
    const charge = job({
      name: "charge",
      retry: soon,
      async handle(_input: undefined, ctx) {
        await ctx.tx("first", (tx) => void write(tx, ctx.runId, "first"));
        await ctx.tx("second", (tx) => {
          write(tx, ctx.runId, "second");
          if (ctx.attempt < 3) throw new Error("declined");
        });
      },
    });
    const { record } = await execute(charge, start([charge]));
    // What was recorded gave the run its attempts again.
    expect(record).toMatchObject({ state: "succeeded", attempt: 1 });
    expect(ledger()).toEqual(["first", "second"]);
  });

  test("reads the history once, and only where an earlier execution has recorded something", async () => {
    const { calls, engine: start } = application();
    let executions = 0;
    const two = job({
      name: "two",
      retry: soon,
      async handle(_input: undefined, ctx) {
        executions += 1;
        await Promise.all([ctx.tx("a", () => 1), ctx.tx("b", () => 2)]);
        expect(calls.get("entries") ?? 0).toBe(executions - 1);
        if (executions === 1) throw new Error("once more");
      },
    });
    const { record } = await execute(two, start([two]));
    expect(record).toMatchObject({ state: "succeeded" });
    expect(executions).toBe(2);
    expect(calls.get("entries")).toBe(1);
  });

  const misuses: [
    code: string,
    what: string,
    (ctx: Context<Record<never, never>, Handle>) => Promise<unknown>,
  ][] = [
    [
      "STEP_NAME_TWICE",
      "a name that was used",
      (ctx) => ctx.tx("a", () => 1).then(() => ctx.tx("a", () => 2)),
    ],
    ["INVALID_OPTION", "no name", (ctx) => ctx.tx("", () => 1)],
    ["NESTED_STEP", "a call inside of another", (ctx) => ctx.tx("a", () => ctx.tx("b", () => 1))],
    ["NESTED_STEP", "an end inside of another", (ctx) => ctx.tx("a", () => void ctx.succeed(() => 1))],
    ["NOT_JSON", "a value that is not JSON", (ctx) => ctx.tx("a", () => new Map() as never)],
  ];
  test.each(misuses)("refuses with %s: %s", async (code, _what, misuse) => {
    const { engine: start } = application();
    const wrong = job({
      name: "wrong",
      retry: once,
      handle: async (_input: undefined, ctx) => void (await misuse(ctx)),
    });
    const { record } = await execute(wrong, start([wrong]));
    expect(record).toMatchObject({ state: "failed", error: { code } });
  });

  test("refuses a name under which the run has recorded another kind of call", async () => {
    const { engine: start } = application();
    let executions = 0;
    const changed = job({
      name: "changed",
      retry: { ...soon, attempts: 2 },
      async handle(_input: undefined, ctx) {
        executions += 1;
        if (executions > 1) return ctx.tx("a", () => 1);
        await ctx.step("a", () => 1);
        throw new Error("the code changes");
      },
    });
    const { record } = await execute(changed, start([changed]));
    expect(record).toMatchObject({ state: "failed", error: { code: "HISTORY_MISMATCH" } });
  });

  test("without an adapter says what to give to open()", async () => {
    const { engine: start } = application();
    const lonely = job({
      name: "lonely",
      retry: once,
      handle: (_input: undefined, ctx) => ctx.tx("a", () => 1),
    });
    const { record } = await execute(lonely, start([lonely], { adapter: undefined }));
    expect(record).toMatchObject({
      state: "failed",
      error: { code: "INVALID_OPTION", message: expect.stringContaining("open(store, { with:") },
    });
  });

  test("of an execution that lost its claim keeps nothing, says so, and stops the execution", async () => {
    const { write, ledger, engine: start } = application();
    const seen: unknown[] = [];
    const zombie = job({
      name: "zombie",
      async handle(_input: undefined, ctx) {
        if (seen.length > 0) return;
        const { store } = parts;
        const [worker] = await store.workers();
        await store.rescue([{ worker: worker?.id ?? "" }]);
        await ctx.tx("late", (tx) => void write(tx, ctx.runId, "late")).catch((error) => seen.push(error));
        seen.push(ctx.signal.reason);
        throw new Error("it lets go");
      },
    });
    const parts = start([zombie]);
    const { record } = await execute(zombie, parts);
    expect(seen).toMatchObject([{ code: "CLAIM_LOST" }, { code: "EXECUTION_STOPPED", why: "lost" }]);
    expect(ledger()).toEqual([]);
    expect(parts.names()).toContain("refused");
    expect(record).toMatchObject({ state: "succeeded", attempt: 2 });
  });
});

describe("ctx.succeed", () => {
  test("commits the handler's writes and the run's success together, once, and tells of it", async () => {
    const { write, ledger, calls, engine: start } = application();
    const bill = job({
      name: "bill",
      handle: (_input: undefined, ctx) =>
        ctx.succeed((tx) => {
          write(tx, ctx.runId, "bill");
          return { sent: new Date(0) };
        }),
    });
    const parts = start([bill]);
    const asked = await parts.duckdive.enqueue(bill);
    const waiting = asked.result();
    await parts.work().idle();
    expect(await waiting).toEqual({ sent: "1970-01-01T00:00:00.000Z" });
    expect(await parts.run(asked.id)).toMatchObject({ state: "succeeded", attempt: 1 });
    expect(ledger()).toEqual(["bill"]);
    expect(parts.names()).toEqual(["started", "succeeded"]);
    expect([calls.get("settleIn"), calls.get("settle"), calls.get("committed")]).toEqual([1, undefined, 1]);
  });

  test("keeps nothing of a function that throws, and the run is retried", async () => {
    const { write, ledger, engine: start } = application();
    const bill = job({
      name: "bill",
      retry: soon,
      handle: (_input: undefined, ctx) =>
        ctx.succeed((tx) => {
          write(tx, ctx.runId, `bill ${ctx.attempt}`);
          if (ctx.attempt < 3) throw new Error("declined");
        }),
    });
    const { record } = await execute(bill, start([bill]));
    expect(record).toMatchObject({ state: "succeeded", attempt: 3 });
    expect(ledger()).toEqual(["bill 3"]);
  });

  test("is judged by the job's output schema before the commit", async () => {
    const { write, ledger, engine: start } = application();
    const bill = job({
      name: "bill",
      output: z.object({ cents: z.number().max(10) }),
      handle: (_input: undefined, ctx) =>
        ctx.succeed((tx) => {
          write(tx, ctx.runId, "bill");
          return { cents: 11 };
        }),
    });
    const { record } = await execute(bill, start([bill]));
    expect(record).toMatchObject({
      state: "failed",
      reason: "invalid-output",
      error: { code: "INVALID_OUTPUT" },
    });
    expect(ledger()).toEqual([]);
  });

  test("that is not returned is refused, and does nothing", async () => {
    const { write, ledger, engine: start } = application();
    const forgetful = job({
      name: "forgetful",
      retry: once,
      handle(_input: undefined, ctx) {
        ctx.succeed((tx) => void write(tx, ctx.runId, "never"));
      },
    });
    const { record } = await execute(forgetful, start([forgetful]));
    expect(record).toMatchObject({ state: "failed", error: { code: "OUTCOME_NOT_RETURNED" } });
    expect(ledger()).toEqual([]);
  });

  test("sees what the handler saw, inside of its middleware too, and makes no durable call", async () => {
    const { engine: start } = application();
    const tenant = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const bill = job({
      name: "bill",
      retry: once,
      handle: (_input: undefined, ctx) =>
        ctx.succeed(() => {
          seen.push(tenant.getStore());
          return ctx.tx("inner", () => 1);
        }),
    });
    const middleware = [async (_run: unknown, next: () => Promise<void>) => tenant.run("acme", next)];
    const { record } = await execute(bill, start([bill], { middleware }));
    expect(seen).toEqual(["acme"]);
    expect(record).toMatchObject({ state: "failed", error: { code: "NESTED_STEP" } });
  });

  test("leaves every line that was logged in the record, whether it commits or not", async () => {
    const { engine: start } = application();
    const bill = job({
      name: "bill",
      retry: soon,
      handle(_input: undefined, ctx) {
        ctx.log.info(`before ${ctx.attempt}`);
        return ctx.succeed(() => {
          ctx.log.info(`inside ${ctx.attempt}`);
          ctx.progress(ctx.attempt);
          if (ctx.attempt < 2) throw new Error("declined");
        });
      },
    });
    const { id, record, store } = await execute(bill, start([bill]));
    const lines = (await store.timeline(id)).logs.map(({ message }) => message);
    expect(lines).toEqual(["before 1", "inside 1", "before 2", "inside 2"]);
    expect(record.progress).toMatchObject({ done: 2 });
  });

  test("of an execution that lost its claim keeps nothing and is refused", async () => {
    const { write, ledger, engine: start } = application();
    let executions = 0;
    const zombie = job({
      name: "zombie",
      async handle(_input: undefined, ctx) {
        const execution = ++executions;
        if (execution === 1) {
          const [worker] = await parts.store.workers();
          await parts.store.rescue([{ worker: worker?.id ?? "" }]);
        }
        return ctx.succeed((tx) => void write(tx, ctx.runId, `execution ${execution}`));
      },
    });
    const parts = start([zombie]);
    const { record } = await execute(zombie, parts);
    expect(parts.names()).toContain("refused");
    expect(record).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(ledger()).toEqual(["execution 2"]);
  });
});

describe("a transaction that outlasts its execution", () => {
  test("is rolled back, whatever became of the run since", async () => {
    const { handle, write, ledger, engine: start } = application();
    const adapter = sqlite(handle);
    const [begun, late] = [gate(), gate()];
    const refused: unknown[] = [];
    const slow = {
      ...adapter,
      async transaction<T>(fn: (tx: Handle) => Promise<T> | T): Promise<T> {
        begun.open();
        await late.passed;
        return adapter.transaction(fn).catch((error: unknown) => {
          refused.push(error);
          throw error;
        });
      },
    };
    const bill = job({
      name: "bill",
      retry: once,
      timeout: "1m",
      handle: (_input: undefined, ctx) => ctx.succeed((tx) => void write(tx, ctx.runId, "late")),
    });
    const { duckdive, work, clock, run } = start([bill], { adapter: slow });
    const { id } = await duckdive.enqueue(bill);
    const worker = work();
    await begun.passed;
    await clock.advance(60_000);
    await clock.advance(5_000);
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "failed", reason: "timeout" });
    late.open();
    await until(() => refused.length === 1);
    expect(refused).toMatchObject([{ code: "CLAIM_LOST" }]);
    expect(ledger()).toEqual([]);
    expect(await run(id)).toMatchObject({ state: "failed" });
  });
});

describe("a commit whose answer is lost", () => {
  /** An adapter whose transactions take place, and are answered with an error. */
  function deaf(handle: Handle, from = 1) {
    const adapter = sqlite(handle);
    let transactions = 0;
    return {
      ...adapter,
      async transaction<T>(fn: (tx: Handle) => Promise<T> | T): Promise<T> {
        const value = await adapter.transaction(fn);
        transactions += 1;
        if (transactions >= from) throw new Error("connection terminated");
        return value;
      },
    };
  }

  test("is found out: the work counts as done, and neither is done twice nor told as failed", async () => {
    const { handle, write, ledger, engine: start } = application();
    const both = job({
      name: "both",
      async handle(_input: undefined, ctx) {
        const value = await ctx.tx("charge", (tx) => {
          write(tx, ctx.runId, "charge");
          return { cents: 5 };
        });
        return ctx.succeed((tx) => {
          write(tx, ctx.runId, "succeed");
          return value;
        });
      },
    });
    const { record, names } = await execute(both, start([both], { adapter: deaf(handle) }));
    expect(ledger()).toEqual(["charge", "succeed"]);
    expect(record).toMatchObject({ state: "succeeded", attempt: 1, output: '{"cents":5}' });
    expect(names()).toEqual(["started", "succeeded"]);
  });

  test("is asked for until the store answers", async () => {
    let failures = 2;
    const {
      handle,
      write,
      ledger,
      engine: start,
    } = application((store) => ({
      async owns(execution) {
        if (failures-- > 0) throw new Error("the store is away");
        return store.owns(execution);
      },
    }));
    const bill = job({
      name: "bill",
      handle: (_input: undefined, ctx) => ctx.succeed((tx) => void write(tx, ctx.runId, "bill")),
    });
    const { duckdive, work, clock, run, names } = start([bill], { adapter: deaf(handle) });
    const { id } = await duckdive.enqueue(bill);
    const worker = work();
    for (const heard of [1, 2]) {
      await until(() => names().filter((name) => name === "error").length === heard);
      await clock.advance(500);
    }
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 1 });
    expect(ledger()).toEqual(["bill"]);
    expect(names()).toEqual(["started", "error", "error", "succeeded"]);
  });

  test("and that did not take place is a failure of the attempt, by its own error", async () => {
    const { handle, write, ledger, engine: start } = application();
    const adapter = sqlite(handle);
    let broken = true;
    const lossy = {
      ...adapter,
      transaction: <T>(fn: (tx: Handle) => Promise<T> | T): Promise<T> =>
        adapter.transaction(async (tx) => {
          const value = await fn(tx);
          if (!broken) return value;
          broken = false;
          throw new Error("connection terminated");
        }),
    };
    const bill = job({
      name: "bill",
      retry: soon,
      handle: (_input: undefined, ctx) =>
        ctx.succeed((tx) => void write(tx, ctx.runId, `bill ${ctx.attempt}`)),
    });
    const { record, heard } = await execute(bill, start([bill], { adapter: lossy }));
    expect(ledger()).toEqual(["bill 2"]);
    expect(record).toMatchObject({ state: "succeeded", attempt: 2 });
    expect(heard.find(({ name }) => name === "retrying")?.about).toMatchObject({
      error: { message: "connection terminated" },
    });
  });
});
