// One call for many runs: what becomes of each, whatever the handler says, throws or leaves out, and whatever it is told.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, type Given, gate, memory, until } from "../../test/engine.js";
import { type AnyJob, type BatchItem, job } from "../job/index.js";
import type { Duration } from "../kernel/index.js";

const input = z.number();
type Item = BatchItem<number, Declared>;
type Declared = { bounced: z.ZodObject<{ code: z.ZodNumber }> };

/** A job that is given ten at most, of those that are there. */
function handled(
  handle: (items: readonly Item[], ctx: { signal: AbortSignal; defer(cleanup: () => void): void }) => unknown,
  options: { timeout?: Duration; attempts?: number; finishWithin?: Duration } = {},
) {
  const { attempts = 2, ...rest } = options;
  return job({
    name: "mail",
    input,
    errors: { bounced: z.object({ code: z.number() }) },
    batch: { size: 10 },
    retry: { attempts, backoff: { kind: "fixed", base: "10s", jitter: 0 } },
    ...rest,
    handle: (items, ctx) => handle(items, ctx) as undefined,
  });
}

/** An engine with so many runs of a job; `records` are what became of them, in their order. */
async function given(one: AnyJob, count: number, parts: Given = {}) {
  const hand = engine([one], parts);
  const runs = await hand.duckdive.enqueueMany(
    one,
    Array.from({ length: count }, (_, n) => n),
  );
  return {
    ...hand,
    ids: runs.map(({ id }) => id),
    records: () => Promise.all(runs.map(({ id }) => hand.run(id))),
  };
}

describe("what a handler gives back", () => {
  test("ends each run in its own way", async () => {
    const mail = handled((items) =>
      items.map((item) => {
        if (item.input === 0) return { sent: true };
        if (item.input === 1) return item.fail("bounced", { code: 550 });
        if (item.input === 2) return item.cancel("not wanted");
        if (item.input === 3) return item.snooze("1h");
        if (item.input === 4) return new TypeError("try again");
        return undefined;
      }),
    );
    const { work, records, ids } = await given(mail, 6);
    await work().idle();
    expect(await records()).toMatchObject([
      { id: ids[0], state: "succeeded", output: '{"sent":true}' },
      { state: "failed", reason: "bounced", error: { data: { code: 550 } }, attempt: 1 },
      { state: "cancelled", reason: "not wanted" },
      { state: "scheduled", attempt: 0 },
      { state: "scheduled", attempt: 1, error: { name: "TypeError", message: "try again" } },
      { state: "succeeded", output: undefined },
    ]);
  });

  test("may be nothing, or nothing for the last of them: these have succeeded", async () => {
    for (const list of [undefined, [], [1]]) {
      const { work, duckdive } = await given(
        handled(() => list),
        3,
      );
      await work().idle();
      expect(await duckdive.stats()).toMatchObject({ succeeded: 3 });
    }
  });

  test("fails this attempt of all when it is thrown", async () => {
    const mail = handled(() => {
      throw new Error("no connection");
    });
    const { work, records, clock } = await given(mail, 2);
    const worker = work();
    await worker.idle();
    const error = { message: "no connection" };
    expect(await records()).toMatchObject([
      { state: "scheduled", attempt: 1, error },
      { state: "scheduled", attempt: 1, error },
    ]);
    await clock.advance(10_000);
    await worker.idle();
    expect(await records()).toMatchObject([
      { state: "failed", attempt: 2, error },
      { state: "failed", attempt: 2, error },
    ]);
  });

  test.each([
    ["a list longer than its items", () => [1, 2, 3], /given 2 runs at once and returned a list of 3/],
    ["what is no list", () => "sent", /returned a value of type string/],
    ["the outcome of one", ([one]: readonly Item[]) => one?.cancel("all"), /returned one cancel\(…\)/],
  ])("must say of which run it is: %s fails this attempt of all", async (_what, handle, message) => {
    const { work, records } = await given(handled(handle, { attempts: 1 }), 2);
    await work().idle();
    const failed = { state: "failed", error: { message: expect.stringMatching(message) } };
    expect(await records()).toMatchObject([failed, failed]);
  });

  test("must be in the place of the run that made it", async () => {
    const mail = handled((items) => [undefined, items[0]?.cancel("misplaced")], { attempts: 1 });
    const { work, records } = await given(mail, 2);
    await work().idle();
    expect(await records()).toMatchObject([
      { state: "failed", error: { code: "OUTCOME_NOT_RETURNED" } },
      { state: "cancelled" },
    ]);
  });

  test("ends every run once, whatever it is", async () => {
    const result = fc.constantFrom("nothing", "output", "fail", "cancel", "snooze", "error", "shared");
    const plan = fc.record({
      results: fc.array(result, { minLength: 1, maxLength: 12 }),
      throws: fc.boolean(),
      slots: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ results, throws, slots }) => {
        const calls = new Map<number, number>();
        const mail = handled(
          (items) => {
            for (const item of items) calls.set(item.input, (calls.get(item.input) ?? 0) + 1);
            if (throws && items.length > 1) throw new Error("together");
            return items.map((item) => {
              // The second time all is well.
              if ((calls.get(item.input) ?? 0) > 1) return "well";
              const { input: n } = item;
              if (results[n] === "output") return n;
              if (results[n] === "fail") return item.fail("no");
              if (results[n] === "cancel") return item.cancel("no");
              if (results[n] === "snooze") return item.snooze("1s");
              return results[n] === "error" ? new Error("no") : undefined;
            });
          },
          { attempts: 3 },
        );
        const { work, clock, heard, records } = await given(mail, results.length);
        const worker = work({ queues: { "*": slots } });
        for (let round = 0; round < 6; round += 1) {
          await worker.idle();
          await clock.advance(10_000);
        }
        await worker.idle();
        const ends = heard.filter(({ name }) => ["succeeded", "failed", "cancelled"].includes(name));
        expect(ends).toHaveLength(results.length);
        for (const { state } of await records())
          expect(["succeeded", "failed", "cancelled"]).toContain(state);
        await worker.stop();
      }),
      { numRuns: 10 },
    );
  });
});

/** A handler that goes on until it is let go, and hears its signal only when asked to. */
function held(options: { hears: boolean; timeout?: Duration; finishWithin?: Duration }) {
  const begun = gate();
  const end = gate();
  const trace: string[] = [];
  const { hears, ...rest } = options;
  const mail = handled(
    async (_items, { signal, defer }) => {
      begun.open();
      defer(() => void trace.push("cleaned up"));
      signal.addEventListener("abort", () => trace.push((signal.reason as { why: string }).why));
      await Promise.race([
        end.passed,
        new Promise((_, reject) => {
          if (hears) signal.addEventListener("abort", () => reject(signal.reason));
        }),
      ]);
      trace.push("returned");
    },
    { attempts: 1, ...rest },
  );
  return { mail, begun, end, trace };
}

describe("a call", () => {
  test("that runs past the timeout of the job has all its runs failed by that", async () => {
    const { mail, begun, trace } = held({ hears: true, timeout: "1m" });
    const { work, records, clock } = await given(mail, 2);
    const worker = work();
    await begun.passed;
    await clock.advance(60_000);
    await worker.idle();
    expect(trace).toEqual(["timeout", "cleaned up"]);
    expect(await records()).toMatchObject([
      { state: "failed", reason: "timeout" },
      { state: "failed", reason: "timeout" },
    ]);
  });

  test("that does not hear is given up after the grace: its slot is free, and its runs count as leaked", async () => {
    const { mail, begun, end, trace } = held({ hears: false, timeout: "1m" });
    const { work, duckdive, records, clock } = await given(mail, 2);
    const worker = work({ queues: { "*": 1 } });
    await begun.passed;
    await clock.advance(65_000);
    await worker.idle();
    expect(trace).toEqual(["timeout", "cleaned up"]);
    expect(await records()).toMatchObject([{ reason: "timeout" }, { reason: "timeout" }]);
    expect(worker.status().leaked).toHaveLength(2);
    end.open();
    await until(() => worker.status().leaked.length === 0);
    await duckdive.enqueue(mail, 9);
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 1, failed: 2 });
  });

  test("goes on when one of its runs is cancelled, which ends with it, or without it after the grace", async () => {
    const { mail, begun, end, trace } = held({ hears: true });
    const { work, duckdive, records, clock, ids } = await given(mail, 3);
    const worker = work();
    await begun.passed;
    await duckdive.cancel(ids[1] ?? "");
    await clock.advance(10_000);
    expect(trace).toEqual([]);
    await until(async () => (await duckdive.stats()).cancelled === 1);
    expect(worker.status()).toMatchObject({
      running: [{ run: ids[0] }, { run: ids[2] }],
      leaked: [{ run: ids[1] }],
    });
    end.open();
    await worker.idle();
    expect(trace).toEqual(["returned", "cleaned up"]);
    expect(await records()).toMatchObject([
      { state: "succeeded" },
      { state: "cancelled" },
      { state: "succeeded" },
    ]);
  });

  test("is aborted when all of its runs are to stop: they go back without losing the attempt", async () => {
    const { mail, begun, trace } = held({ hears: true });
    const { work, records, clock } = await given(mail, 3);
    const worker = work();
    await begun.passed;
    const stopped = worker.stop({ drain: 0 });
    await clock.advance(0);
    await stopped;
    expect(trace).toEqual(["shutdown", "cleaned up"]);
    for (const record of await records()) expect(record).toMatchObject({ state: "ready", attempt: 0 });
  });

  test("leaves behind one whose time is over", async () => {
    const { mail, begun, end, trace } = held({ hears: true, finishWithin: "1m" });
    const { work, duckdive, clock, records } = await given(mail, 1);
    await clock.advance(30_000);
    const later = await duckdive.enqueue(mail, 1);
    const worker = work();
    await begun.passed;
    await clock.advance(40_000);
    expect(trace).toEqual([]);
    end.open();
    await worker.idle();
    expect(await records()).toMatchObject([{ state: "failed", reason: "expired" }]);
    expect(await later.get()).toMatchObject({ state: "succeeded" });
  });

  test("of which the store refuses one run has the others settled", async () => {
    const base = memory();
    let refused = "";
    const { store } = counting(base.store, {
      async settle(settlements) {
        const answers = await base.store.settle(settlements.filter(({ run }) => run !== refused));
        const rest = [...answers];
        return settlements.map(({ run }) =>
          run === refused ? { taken: false } : (rest.shift() ?? { taken: false }),
        );
      },
    });
    const { work, ids, names, duckdive } = await given(
      handled(() => undefined),
      3,
      { store, clock: base.clock },
    );
    refused = ids[1] ?? "";
    await work().idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 2, running: 1 });
    expect(names().filter((name) => name === "refused")).toHaveLength(1);
  });
});

describe("middleware", () => {
  test("stands around each run; the handler is called once all of it has called next", async () => {
    const trace: string[] = [];
    const mail = handled((items) => {
      trace.push(`called with ${items.map((item) => item.input)}`);
      return [undefined, new Error("no")];
    });
    const { work, records } = await given(mail, 4, {
      middleware: [
        async ({ input: n }, next) => {
          if (n === 3) return;
          trace.push(`${n} in`);
          if (n === 2) throw new Error("not this one");
          await next().catch((error: Error) => {
            trace.push(`${n}: ${error.message}`);
            throw error;
          });
          trace.push(`${n} out`);
        },
      ],
    });
    await work().idle();
    expect(trace.slice(0, 4)).toEqual(["0 in", "1 in", "2 in", "called with 0,1"]);
    expect(new Set(trace.slice(4))).toEqual(new Set(["0 out", "1: no"]));
    expect(await records()).toMatchObject([
      { state: "succeeded" },
      { state: "scheduled", error: { message: "no" } },
      { state: "scheduled", error: { message: "not this one" } },
      { state: "succeeded" },
    ]);
  });
});

test("every run of a call is in a frame of its own until it has ended", async () => {
  const entered: string[] = [];
  const left: string[] = [];
  const { work, ids } = await given(
    handled(() => undefined),
    3,
  );
  const worker = work(undefined, {
    runner: 1,
    frames: {
      enter({ run }, body) {
        entered.push(run);
        return body();
      },
      leave: ({ run }) => void left.push(run),
    },
  });
  await worker.idle();
  expect([entered, left]).toEqual([ids, ids]);
});
