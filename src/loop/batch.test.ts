// Who is given to a handler together, and when, and whose slots they take. What becomes of each is in together.test.ts.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, gate, memory, until } from "../../test/engine.js";
import { type BatchRule, job } from "../job/index.js";

const input = z.object({ n: z.number(), to: z.string().default("all") });
type Input = z.output<typeof input>;
type Given = z.input<typeof input>;

/** A job that writes down what it was called with. */
function collecting(batch: BatchRule<Input>, schema: z.ZodType<Input, Given> = input) {
  const calls: number[][] = [];
  const collect = job({
    name: "collect",
    input: schema,
    batch,
    crashes: 2,
    handle: (items) => void calls.push(items.map((item) => item.input.n)),
  });
  return { collect, calls };
}

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, n) => ({ n: n + first }));

/** An engine with runs of a job that gathers, and nothing else to do. */
async function gathering(batch: BatchRule<Input>, count: number) {
  const { collect, calls } = collecting(batch);
  const hand = engine([collect]);
  const runs = await hand.duckdive.enqueueMany(collect, numbers(count));
  const worker = hand.work();
  await until(async () => (await hand.duckdive.stats()).running === count);
  return { ...hand, runs, worker, calls, collect };
}

describe("a group", () => {
  test("gives a hundred runs to the handler in one call, and takes one slot", async () => {
    const { collect, calls } = collecting({ size: 100, wait: "1h" });
    const base = memory();
    const { store, calls: verbs } = counting(base.store);
    const { duckdive, work } = engine([collect], { store, clock: base.clock });
    await duckdive.enqueueMany(collect, numbers(100));
    await work({ queues: { "*": 2 } }).idle();
    expect(calls).toEqual([numbers(100).map(({ n }) => n)]);
    expect(await duckdive.stats()).toMatchObject({ succeeded: 100 });
    expect(verbs.get("settle")).toBe(1);
    expect(verbs.get("claim")).toBeLessThanOrEqual(10);
  });

  test("that is full is called at once, and the rest when the first of it has waited for long enough", async () => {
    const { collect, calls } = collecting({ size: 4, wait: "10s" });
    const { duckdive, work, clock } = engine([collect]);
    await duckdive.enqueueMany(collect, numbers(5));
    const worker = work();
    await until(() => calls.length === 1);
    await clock.advance(6_000);
    await duckdive.enqueue(collect, { n: 5 });
    await until(async () => (await duckdive.stats()).running === 2);
    await clock.advance(3_999);
    expect(calls).toEqual([[0, 1, 2, 3]]);
    await clock.advance(1);
    await worker.idle();
    expect(calls).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ]);
  });

  test("without a wait is what there is at once", async () => {
    const { collect, calls } = collecting({ size: 100 });
    const { duckdive, work } = engine([collect]);
    await duckdive.enqueueMany(collect, numbers(30));
    const worker = work({ queues: { "*": 1 } });
    await worker.idle();
    await duckdive.enqueue(collect, { n: 30 });
    await worker.idle();
    expect(calls).toEqual([numbers(30).map(({ n }) => n), [30]]);
  });

  test("is of one key; a run to which the rule does not apply is called alone, at once", async () => {
    const by = ({ to }: Input): string | null => (to === "nobody" ? null : to);
    const { collect, calls } = collecting({ size: 2, wait: "10s", by });
    const { duckdive, work, clock } = engine([collect]);
    const to = ["ada", "bob", "nobody", "ada", "cyd", "nobody"];
    await duckdive.enqueueMany(
      collect,
      to.map((name, n) => ({ n, to: name })),
    );
    const worker = work();
    await until(() => calls.length === 3);
    expect(new Set(calls.map(String))).toEqual(new Set(["0,3", "2", "5"]));
    await clock.advance(10_000);
    await worker.idle();
    expect(calls.slice(3)).toEqual([[1], [4]]);
  });

  test("is not joined by a run whose key cannot be computed, or whose input is refused", async () => {
    const by = ({ n }: Input): string => {
      if (n === 1) throw new Error("no key");
      return "key";
    };
    const { collect, calls } = collecting({ size: 10, by });
    const { duckdive, work, store, run } = engine([collect]);
    const runs = await duckdive.enqueueMany(collect, numbers(2));
    const old = { id: "0b4c2f4e-8a52-4f0e-9d65-0d6a5c2b7f11", job: "collect", queue: "default", version: 1 };
    await store.insert([{ ...old, input: '{"n":"text"}', priority: 0, due: { after: 0 } } as never]);
    await work().idle();
    expect(calls).toEqual([[0]]);
    expect(await run(runs[1]?.id ?? "")).toMatchObject({ error: { code: "INVALID_KEY" }, attempt: 1 });
    expect(await run(old.id)).toMatchObject({ state: "failed", reason: "invalid-input", attempt: 0 });
  });

  test("gathers also what a schema takes its time to read", async () => {
    const slow = z.object({ n: z.number(), to: z.string().default("all") }).refine(async () => true);
    const { collect, calls } = collecting({ size: 3 }, slow);
    const { duckdive, work } = engine([collect]);
    await duckdive.enqueueMany(collect, numbers(3));
    await work({ queues: { "*": 1 } }).idle();
    expect(calls.flat()).toEqual([0, 1, 2]);
    expect(await duckdive.stats()).toMatchObject({ succeeded: 3 });
  });
});

describe("slots", () => {
  test("are one for each call that is under way, and what finds neither slot nor group is left to others", async () => {
    const end = gate();
    let running = 0;
    let most = 0;
    const note = (): void => {
      running += 1;
      most = Math.max(most, running);
    };
    const hold = job({
      name: "hold",
      input,
      queue: "mixed",
      batch: { size: 10, wait: "1s" },
      async handle() {
        note();
        await end.passed;
        running -= 1;
      },
    });
    const single = job({
      name: "single",
      queue: "mixed",
      async handle() {
        note();
        await end.passed;
        running -= 1;
      },
    });
    const { duckdive, work, clock, names } = engine([hold, single]);
    for (let round = 0; round < 10; round += 1) {
      await duckdive.enqueueMany(hold, numbers(3));
      await duckdive.enqueue(single);
    }
    const worker = work({ queues: { mixed: 2 } });
    await until(() => running === 1);
    await clock.advance(1_000);
    await until(() => running === 2);
    expect(names().filter((name) => name === "handedBack").length).toBeLessThan(20);
    end.open();
    for (let round = 0; round < 40 && (await duckdive.stats()).succeeded < 40; round += 1) {
      await clock.advance(1_000);
    }
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 40 });
    expect(most).toBe(2);
  });

  test("are free for others once the call has ended, also when it was a call for one", async () => {
    const { collect, calls } = collecting({ size: 1 });
    const { duckdive, work } = engine([collect]);
    await duckdive.enqueueMany(collect, numbers(5));
    await work({ queues: { "*": 1 } }).idle();
    expect(calls).toEqual([[0], [1], [2], [3], [4]]);
  });

  test("of a queue without slots take in nobody more for a group that gathers", async () => {
    const { duckdive, worker, calls, collect, clock } = await gathering({ size: 10, wait: "10s" }, 2);
    worker.setQueues({ "*": 0 });
    await duckdive.enqueueMany(collect, numbers(2, 2));
    await clock.advance(10_000);
    expect(calls).toEqual([[0, 1]]);
    expect(await duckdive.stats()).toMatchObject({ succeeded: 2, ready: 2 });
  });
});

describe("what gathers", () => {
  test("goes back at once when its worker stops, without losing an attempt", async () => {
    const { duckdive, worker, calls, run, runs } = await gathering({ size: 10, wait: "1h" }, 3);
    await worker.stop();
    expect(calls).toEqual([]);
    expect(await duckdive.stats()).toMatchObject({ ready: 3 });
    for (const { id } of runs) expect(await run(id)).toMatchObject({ attempt: 0 });
  });

  test("goes back at once when its worker rests, and gathers anew when it goes on", async () => {
    const { duckdive, worker, calls, clock } = await gathering({ size: 10, wait: "1m" }, 3);
    worker.quiet();
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ ready: 3 });
    worker.resume();
    await until(async () => (await duckdive.stats()).running === 3);
    await clock.advance(60_000);
    await worker.idle();
    expect(calls).toEqual([[0, 1, 2]]);
  });

  test("loses a run that is cancelled, and its slot when the last one is", async () => {
    const { duckdive, calls, clock, run, runs, worker } = await gathering({ size: 3, wait: "1h" }, 2);
    const [first, second] = runs.map(({ id }) => id);
    await duckdive.cancel(first ?? "");
    await clock.advance(60_000);
    expect(await run(first ?? "")).toMatchObject({ state: "cancelled" });
    expect(await duckdive.stats()).toMatchObject({ running: 1 });
    await duckdive.cancel(second ?? "");
    await clock.advance(60_000);
    await worker.idle();
    expect(await duckdive.stats()).toMatchObject({ cancelled: 2 });
    expect(calls).toEqual([]);
    expect(clock.nextTimer()).toBeLessThan(clock.now() + 3_600_000 - 120_000);
  });

  test("is called at once for whoever waits until nothing is left to do", async () => {
    const { worker, calls } = await gathering({ size: 10, wait: "1h" }, 3);
    await worker.idle();
    expect(calls).toEqual([[0, 1, 2]]);
  });

  test("is not joined by a run on its last chance, which is called alone before or after it", async () => {
    const { collect, calls } = collecting({ size: 10, wait: "1m" });
    const { duckdive, work, store, clock } = engine([collect]);
    await duckdive.enqueue(collect, { n: 0 });
    const abilities = [{ job: "collect", version: 1 }];
    await store.register({ id: "dead", host: "elsewhere", pid: 1, abilities, queues: { "*": 1 } });
    await store.claim({ worker: "dead", queues: { "*": 1 }, abilities });
    await store.rescue([{ worker: "dead" }]);
    await duckdive.enqueueMany(collect, numbers(2, 1));
    const worker = work();
    await until(() => calls.length > 0);
    await clock.advance(60_000);
    await worker.idle();
    expect(new Set(calls.map(String))).toEqual(new Set(["0", "1,2"]));
    expect(await duckdive.stats()).toMatchObject({ succeeded: 3 });
  });

  test("is lost with its worker, each run with its attempt counted, and is executed by another", async () => {
    const { worker, calls, run, runs, work, clock, names } = await gathering({ size: 3, wait: "1m" }, 2);
    const other = work();
    await other.ready;
    expect(await other.rescue([{ worker: worker.id, cause: "it was killed" }])).toBe(2);
    await until(async () => (await run(runs[0]?.id ?? "")).attempt === 2);
    for (const { id } of runs) expect(await run(id)).toMatchObject({ attempt: 2, crashes: 1 });
    await clock.advance(120_000);
    await other.idle();
    // On their last chance: each alone.
    expect(calls).toEqual([[0], [1]]);
    expect(names()).not.toContain("failed");
    for (const { id } of runs) expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 2 });
  });
});
