// Schedules at work: several workers on one store, under a clock in the test's hand.
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { counting, engine, gate, memory, until } from "../../test/engine.js";
import { job } from "../job/index.js";
import { idAt } from "../kernel/index.js";
import type { Schedule } from "../queue/index.js";
import type { Store } from "../store/contract.js";
import { schedule } from "./index.js";

const minute = 60_000;
const hour = 60 * minute;
const stock = job({ name: "stock", input: z.object({ day: z.string() }), handle: ({ day }) => day });
const air = job({ name: "air", handle: (_input, { meta }) => meta });
const jobs = [stock, air];
const hourly = schedule("hourly", air, { every: "1h" });

/** Workers on one store, each an application of its own. */
async function at(time: string, ...applications: readonly (readonly Schedule[] | undefined)[]) {
  const base = memory();
  await base.clock.set(Date.parse(time));
  const engines = applications.map((schedules) =>
    engine(jobs, { ...base, ...(schedules === undefined ? {} : { schedules }) }),
  );
  const workers = engines.map((one) => one.work());
  await Promise.all(workers.map(({ ready }) => ready));
  const [first] = engines;
  if (first === undefined) throw new Error("no application was given");
  return { ...first, ...base, engines, workers };
}

async function runsOf(store: Store, name: string): Promise<[tick: string, state: string][]> {
  const { runs } = await store.list({ meta: { schedule: name } }, { limit: 1_000 });
  return runs.map(({ meta, state }): [string, string] => [meta.tick ?? "", state]).reverse();
}

async function ticksOf(store: Store, name: string): Promise<string[]> {
  return (await store.ticks(name, 500)).map(({ outcome }) => outcome).reverse();
}

/** Time passes; whatever it wakes is done before more of it does. */
async function pass(
  clock: { advance(time: number): Promise<void> },
  time: number,
  step = time,
): Promise<void> {
  for (let passed = 0; passed < time; passed += step) {
    await clock.advance(step);
    for (let turns = 0; turns < 30; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

describe("a tick", () => {
  test("makes one run, however many workers there are, and none leads", async () => {
    const { store, clock, workers } = await at("2030-01-01T09:30:00Z", [hourly], [hourly], [hourly]);
    await pass(clock, 2 * hour, 10 * minute);
    await workers[0]?.stop({ drain: 0 });
    await pass(clock, 2 * hour, 10 * minute);
    expect(await runsOf(store, "hourly")).toEqual(
      ["10", "11", "12", "13"].map((one) => [`2030-01-01T${one}:00:00.000Z`, "succeeded"]),
    );
    expect(await ticksOf(store, "hourly")).toEqual(["enqueued", "enqueued", "enqueued", "enqueued"]);
  });

  test("tells its run when it was, and the run has an id that says so", async () => {
    const { store, clock, duckdive } = await at("2030-01-01T09:59:00Z", [hourly]);
    await pass(clock, minute);
    const id = idAt(Date.parse("2030-01-01T10:00:00Z"), "hourly");
    expect(await duckdive.run(air, id).result()).toEqual({
      schedule: "hourly",
      tick: "2030-01-01T10:00:00.000Z",
    });
    expect((await store.find([id]))[0]?.requestedAt).toBe(Date.parse("2030-01-01T10:00:00Z"));
  });

  test("has an input of its own time", async () => {
    const timed = schedule("timed", stock, {
      cron: "0 * * * *",
      timeZone: "Europe/Lisbon",
      input: ({ at: tick }) => ({ day: tick.toISOString() }),
    });
    const { clock, store } = await at("2030-01-01T03:59:00Z", [timed]);
    await pass(clock, hour + minute, 30 * minute + 30_000);
    const { runs } = await store.list({}, { limit: 10 });
    expect(runs.map(({ input }) => input)).toEqual([
      '{"day":"2030-01-01T05:00:00.000Z"}',
      '{"day":"2030-01-01T04:00:00.000Z"}',
    ]);
  });

  test("is not polled for: an idle worker reads schedules when one ticks, and never before", async () => {
    const base = memory();
    await base.clock.set(Date.parse("2030-01-01T09:01:00Z"));
    const { store, calls } = counting(base.store);
    const one = engine(jobs, { store, clock: base.clock, schedules: [hourly] });
    await one.work().ready;
    calls.clear();
    await pass(base.clock, 58 * minute, minute);
    expect(calls.get("dueSchedules")).toBeUndefined();
    await pass(base.clock, minute);
    expect(calls.get("dueSchedules")).toBe(2);
    expect(calls.get("tick")).toBe(1);
  });

  test("is not made twice by a clock that jumps back", async () => {
    const { store, clock } = await at("2030-01-01T09:59:00Z", [hourly], [hourly]);
    await pass(clock, minute);
    await clock.set(Date.parse("2030-01-01T08:10:00Z"));
    await pass(clock, 3 * hour, 10 * minute);
    expect(await runsOf(store, "hourly")).toEqual([
      ["2030-01-01T10:00:00.000Z", "succeeded"],
      ["2030-01-01T11:00:00.000Z", "succeeded"],
    ]);
  });

  test("is made once by whoever crashed between recording the run and moving on", async () => {
    const { store, clock } = await at("2030-01-01T09:59:00Z", [hourly]);
    const tick = Date.parse("2030-01-01T10:00:00Z");
    const id = idAt(tick, "hourly");
    await store.insert([
      { id, job: "air", version: 1, queue: "default", priority: 0, meta: { schedule: "hourly" } },
    ]);
    await pass(clock, minute);
    expect((await store.list({}, { limit: 10 })).runs).toHaveLength(1);
    expect((await store.schedules(["hourly"]))[0]?.next).toBe(tick + hour);
  });

  test("that the store cannot take now is tried again", async () => {
    const base = memory();
    await base.clock.set(Date.parse("2030-01-01T09:59:00Z"));
    let failures = 0;
    const { store } = counting(base.store, {
      tick: (writes) => (failures++ < 3 ? Promise.reject(new Error("away")) : base.store.tick(writes)),
    });
    const one = engine(jobs, { store, clock: base.clock, schedules: [hourly] });
    await one.work().ready;
    await pass(base.clock, minute);
    await pass(base.clock, 5_000, 1_000);
    expect(await runsOf(base.store, "hourly")).toHaveLength(1);
    expect(one.names().filter((name) => name === "error")).toHaveLength(3);
  });

  test("starts later by its jitter, and its run waits for that", async () => {
    const jittery = schedule("jittery", air, { every: "1h", jitter: "30m" });
    const { store, clock } = await at("2030-01-01T09:59:00Z", [jittery]);
    await pass(clock, minute);
    const [run] = (await store.list({}, { limit: 1 })).runs;
    const delay = (run?.runAt ?? 0) - Date.parse("2030-01-01T10:00:00Z");
    expect(delay > 0 && delay < 30 * minute).toBe(true);
    expect(run?.state).toBe("scheduled");
    await pass(clock, delay);
    expect(await runsOf(store, "jittery")).toEqual([["2030-01-01T10:00:00.000Z", "succeeded"]]);
  });

  test("whose input cannot be made is recorded as failed with the reason, and the next one is tried", async () => {
    let calls = 0;
    const broken = schedule("broken", stock, {
      every: "1h",
      input() {
        calls += 1;
        if (calls === 1) throw new Error("no stock today");
        return { day: "2030-01-01" };
      },
    });
    const { store, clock, names } = await at("2030-01-01T09:59:00Z", [broken]);
    await pass(clock, minute);
    await pass(clock, hour);
    const [second, first] = await store.ticks("broken", 10);
    expect([first?.outcome, first?.note, second?.outcome]).toEqual(["failed", "no stock today", "enqueued"]);
    expect(names()).toContain("error");
  });

  test("passes the middleware around enqueue; one that refuses is recorded", async () => {
    const base = memory();
    await base.clock.set(Date.parse("2030-01-01T09:59:00Z"));
    let seen = 0;
    const stamping = {
      enqueue: async (request: { tags: string[] }, next: () => Promise<void>) => {
        seen += 1;
        if (seen === 2) throw new Error("not on Tuesdays");
        request.tags.push("stamped");
        await next();
      },
    };
    const one = engine(jobs, { ...base, schedules: [hourly], middleware: [stamping] });
    await one.work().ready;
    await pass(base.clock, minute);
    await pass(base.clock, hour);
    expect((await base.store.list({}, { limit: 9 })).runs.map(({ tags }) => tags)).toEqual([["stamped"]]);
    expect(await ticksOf(base.store, "hourly")).toEqual(["enqueued", "failed"]);
  });
});

describe("ticks that nobody was there for", () => {
  async function away(...schedules: readonly Schedule[]) {
    const base = memory();
    await base.clock.set(Date.parse("2030-01-01T08:30:00Z"));
    const before = engine(jobs, { ...base, schedules });
    const worker = before.work();
    await worker.ready;
    await pass(base.clock, hour, 10 * minute);
    await worker.stop({ drain: 0 });
    await base.clock.set(Date.parse("2030-01-01T14:30:00Z"));
    await engine(jobs, { ...base, schedules }).work().ready;
    return base;
  }

  test.each([
    ["once", ["enqueued", "missed", "enqueued"], ["09", "14"]],
    ["skip", ["enqueued", "missed"], ["09"]],
    [{ all: 2 }, ["enqueued", "missed", "enqueued", "enqueued"], ["09", "13", "14"]],
    [
      { all: 9 },
      ["enqueued", "enqueued", "enqueued", "enqueued", "enqueued", "enqueued"],
      ["09", "10", "11", "12", "13", "14"],
    ],
  ] as const)("are made up for as the schedule says: %j", async (missed, outcomes, hours) => {
    const { store } = await away(schedule("away", air, { every: "1h", missed }));
    await until(async () => (await ticksOf(store, "away")).length === outcomes.length);
    expect(await ticksOf(store, "away")).toEqual(outcomes);
    expect((await runsOf(store, "away")).map(([tick]) => tick.slice(11, 13))).toEqual(hours);
  });
});

describe("overlap", () => {
  test("a tick is skipped, visibly, while the run before has not ended", async () => {
    const held = gate();
    const slow = job({ name: "slow", timeout: "1d", handle: () => held.passed });
    const base = memory();
    await base.clock.set(Date.parse("2030-01-01T09:30:00Z"));
    const schedules = [
      schedule("slow", slow, { every: "1h", overlap: "skip" }),
      schedule("free", slow, { every: "1h" }),
    ];
    await engine([slow], { ...base, schedules }).work().ready;
    await pass(base.clock, 3 * hour, 10 * minute);
    expect(await ticksOf(base.store, "slow")).toEqual(["enqueued", "skipped", "skipped"]);
    expect(await ticksOf(base.store, "free")).toEqual(["enqueued", "enqueued", "enqueued"]);
    held.open();
  });
});

describe("releases", () => {
  const atTwo = schedule("nightly", air, { cron: "0 14 * * *" });
  const atThree = schedule("nightly", air, { cron: "0 15 * * *" });
  const next = async (store: Store) =>
    new Date((await store.schedules(["nightly"]))[0]?.next ?? 0).toISOString();

  test("that are alive at once do not fight, and a restart of the older one changes nothing", async () => {
    const { store, clock, engines } = await at("2030-01-01T13:30:00Z", [atTwo], [atThree]);
    expect(await next(store)).toBe("2030-01-01T15:00:00.000Z");
    await engines[0]?.work().ready;
    expect(await next(store)).toBe("2030-01-01T15:00:00.000Z");
    await pass(clock, 2 * hour, 30 * minute);
    expect((await runsOf(store, "nightly")).map(([tick]) => tick)).toEqual(["2030-01-01T15:00:00.000Z"]);
  });

  test("go back when the newer one has gone, without anybody being restarted", async () => {
    const { store, workers } = await at("2030-01-01T13:30:00Z", [atTwo], [atThree]);
    await workers[1]?.stop({ drain: 0 });
    await until(async () => (await next(store)) === "2030-01-01T14:00:00.000Z");
  });

  test("a schedule that is taken out of code is retired when the last worker that has it has gone", async () => {
    const { store, clock, workers, duckdive } = await at("2030-01-01T13:30:00Z", [atTwo], []);
    expect((await duckdive.schedule("nightly").get())?.state).toBe("active");
    await workers[0]?.stop({ drain: 0 });
    const retired = await duckdive.schedule("nightly").get();
    expect([retired?.state, retired?.next, retired?.retiredAt]).toEqual([
      "retired",
      undefined,
      new Date(clock.now()),
    ]);
    await pass(clock, hour, 30 * minute);
    expect(await runsOf(store, "nightly")).toEqual([]);
  });

  test("a worker that was taken for dead publishes again when it comes back", async () => {
    const { store, clock, workers } = await at("2030-01-01T13:30:00Z", [atTwo], []);
    await store.rescue([{ worker: workers[0]?.id ?? "" }]);
    expect((await store.schedules(["nightly"]))[0]?.retiredAt).not.toBeUndefined();
    await pass(clock, 30_000, 5_000);
    await until(async () => (await store.schedules(["nightly"]))[0]?.retiredAt === undefined);
    expect((await store.schedules(["nightly"]))[0]?.workers).toBe(1);
  });
});
