// The application's hand on schedules, over the real engine.
// cspell:ignore nightli
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { engine, memory } from "../../test/engine.js";
import { job } from "../job/index.js";
import type { Schedule } from "../queue/index.js";
import { schedule } from "./index.js";

const minute = 60_000;
const hour = 60 * minute;
const digest = job({
  name: "digest",
  input: z.object({ user: z.number() }),
  queue: "mail",
  handle: ({ user }) => user,
});
const air = job({ name: "air", handle: (_input, { meta }) => meta });

/** An application that works, and one that only asks. */
async function applications(...schedules: readonly Schedule[]) {
  return applicationsAt("2030-01-01T09:30:00Z", ...schedules);
}

async function applicationsAt(time: string, ...schedules: readonly Schedule[]) {
  const base = memory();
  await base.clock.set(Date.parse(time));
  const working = engine([digest, air], { ...base, schedules });
  await working.work().ready;
  const asking = engine([], base);
  return { ...base, working: working.duckdive, asking: asking.duckdive };
}

async function pass(clock: { advance(time: number): Promise<void> }, time: number): Promise<void> {
  await clock.advance(time);
  for (let turns = 0; turns < 30; turns++) await new Promise<void>((resolve) => setImmediate(resolve));
}

const nightly = schedule("nightly", air, {
  cron: "30 2 * * *",
  timeZone: "Europe/Lisbon",
  jitter: "2m",
  missed: "skip",
});

describe("looking", () => {
  test("every schedule is listed as it stands", async () => {
    const { asking } = await applications(nightly);
    expect(await asking.schedules()).toEqual([
      {
        name: "nightly",
        job: "air",
        origin: "code",
        state: "active",
        cron: "30 2 * * *",
        timeZone: "Europe/Lisbon",
        every: undefined,
        start: undefined,
        end: undefined,
        missed: "skip",
        overlap: "allow",
        jitter: 2 * minute,
        input: undefined,
        isComputed: false,
        next: new Date("2030-01-02T02:30:00Z"),
        last: undefined,
        pausedAt: undefined,
        retiredAt: undefined,
        createdAt: new Date("2030-01-01T09:30:00Z"),
        release: undefined,
        workers: 1,
      },
    ]);
    expect(await asking.schedule("other").get()).toBeUndefined();
  });

  test("the next ten are previewed, through a change of the clocks", async () => {
    const late = schedule("late", air, { cron: "30 1 * * *", timeZone: "Europe/Lisbon" });
    const { asking } = await applicationsAt("2030-03-29T12:00:00Z", late);
    const ticks = await asking.schedule("late").preview();
    expect(ticks.map((tick) => tick.toISOString().slice(0, 16))).toEqual([
      "2030-03-30T01:30",
      "2030-03-31T01:00",
      "2030-04-01T00:30",
      "2030-04-02T00:30",
      "2030-04-03T00:30",
      "2030-04-04T00:30",
      "2030-04-05T00:30",
      "2030-04-06T00:30",
      "2030-04-07T00:30",
      "2030-04-08T00:30",
    ]);
    expect(await asking.schedule("late").preview(2)).toHaveLength(2);
    await expect(asking.schedule("late").preview(0)).rejects.toThrow(/from 1 to 1000/);
  });

  test("its history is its ticks with the runs they made, the latest first", async () => {
    const { asking, clock } = await applications(schedule("hourly", air, { every: "1h" }));
    await pass(clock, 30 * minute);
    await pass(clock, hour);
    const [last, first] = await asking.schedule("hourly").history();
    expect([first?.at, first?.outcome, first?.run?.state]).toEqual([
      new Date("2030-01-01T10:00:00Z"),
      "enqueued",
      "succeeded",
    ]);
    expect(last?.run?.output).toEqual({ schedule: "hourly", tick: "2030-01-01T11:00:00.000Z" });
    expect(last?.runId).toBe(last?.run?.id);
    expect(await asking.schedule("hourly").history({ limit: 1 })).toHaveLength(1);
    await asking.delete(last?.runId ?? "");
    expect((await asking.schedule("hourly").history({ limit: 1 }))[0]).toMatchObject({
      run: undefined,
      runId: last?.runId,
    });
  });

  test("a name that nobody has is an error that suggests one", async () => {
    const { asking } = await applications(nightly);
    for (const ask of ["preview", "history", "pause", "resume", "trigger"] as const) {
      await expect(asking.schedule("nightli")[ask]()).rejects.toMatchObject({
        code: "SCHEDULE_NOT_FOUND",
        message: expect.stringContaining('Did you mean "nightly"?'),
      });
    }
    expect(() => asking.schedule("")).toThrow(/needs the name/);
  });
});

describe("pausing", () => {
  test("a paused schedule does not tick, and what it would have ticked is not missed", async () => {
    const { asking, clock, store } = await applications(schedule("hourly", air, { every: "1h" }));
    const handle = asking.schedule("hourly");
    expect([await handle.pause(), await handle.pause()]).toEqual([true, false]);
    expect(await handle.get()).toMatchObject({ state: "paused", next: undefined });
    await pass(clock, 3 * hour);
    expect(await store.count({})).toBe(0);
    expect([await handle.resume(), await handle.resume()]).toEqual([true, false]);
    expect(await handle.get()).toMatchObject({ state: "active", next: new Date("2030-01-01T13:00:00Z") });
    await pass(clock, 30 * minute);
    expect(await store.count({})).toBe(1);
  });
});

describe("triggering", () => {
  test("makes a run now, also when it is paused, and is in the history", async () => {
    const { asking, store } = await applications(nightly);
    await asking.schedule("nightly").pause();
    const { id } = await asking.schedule("nightly").trigger();
    expect((await store.find([id]))[0]).toMatchObject({
      job: "air",
      meta: { schedule: "nightly", tick: "2030-01-01T09:30:00.000Z" },
    });
    const [tick] = await asking.schedule("nightly").history();
    expect([tick?.outcome, tick?.runId]).toEqual(["triggered", id]);
  });

  test("computes the input where the code is, and says so where it is not", async () => {
    const computed = schedule("computed", digest, {
      every: "1d",
      input: ({ at }) => ({ user: at.getUTCFullYear() }),
    });
    const { asking, working } = await applications(computed);
    await expect(asking.schedule("computed").trigger()).rejects.toMatchObject({
      code: "SCHEDULE_NOT_AT_HAND",
    });
    const run = await working.schedule("computed").trigger();
    expect(await run.result()).toBe(2030);
  });

  test("without the job's code the run waits until a worker that has it has checked it", async () => {
    const { asking } = await applications(schedule("seven", digest, { every: "1d", input: { user: 7 } }));
    const { id } = await asking.schedule("seven").trigger();
    expect(await asking.get(id)).toMatchObject({
      queue: "mail",
      state: "waiting",
      waiting: { reason: "preparation" },
    });
  });
});

describe("at run time", () => {
  test("a schedule is made, ticked by workers that have its job, changed and removed", async () => {
    const { asking, clock, store } = await applications();
    const handle = asking.schedule("digest-7");
    await handle.create(digest, { cron: "0 * * * *", input: { user: 7 } });
    await pass(clock, 30 * minute);
    const [tick] = await handle.history();
    expect(tick?.run).toMatchObject({ state: "succeeded", output: 7, queue: "mail" });
    await handle.update(digest, { every: "30m", input: { user: 8 } });
    expect(await handle.get()).toMatchObject({
      every: 30 * minute,
      input: { user: 8 },
      origin: "runtime",
      workers: 1,
    });
    await pass(clock, 30 * minute);
    expect((await handle.history())[0]?.run).toMatchObject({ output: 8 });
    expect([await handle.remove(), await handle.remove()]).toEqual([true, false]);
    await pass(clock, hour);
    expect(await store.count({})).toBe(2);
  });

  test("by the name of a job, whose input is then checked at each tick", async () => {
    const { asking, clock } = await applications();
    await asking.schedule("wrong").create("digest", { every: "1h", input: { user: "seven" } });
    await pass(clock, 30 * minute);
    const [tick] = await asking.schedule("wrong").history();
    expect(tick).toMatchObject({ outcome: "failed", run: undefined, note: expect.stringContaining("user") });
  });

  test("what cannot be is refused, and nothing is made", async () => {
    const { asking } = await applications(nightly);
    const handle = asking.schedule("mine");
    await expect(handle.create(digest, { every: "1h", input: { user: "x" } } as never)).rejects.toMatchObject(
      { code: "INVALID_INPUT" },
    );
    await expect(handle.create(digest, { every: "1h", input: () => ({ user: 1 }) } as never)).rejects.toThrow(
      /cannot be stored/,
    );
    await expect(handle.create(7 as never, { every: "1h" } as never)).rejects.toThrow(/is not a job/);
    await expect(handle.update(air, { every: "1h" })).rejects.toMatchObject({ code: "SCHEDULE_NOT_FOUND" });
    expect(await handle.get()).toBeUndefined();
    await handle.create(air, { every: "1h" });
    await expect(handle.create(air, { every: "1h" })).rejects.toMatchObject({ code: "SCHEDULE_EXISTS" });
    await expect(asking.schedule("nightly").update(air, { every: "1h" })).rejects.toMatchObject({
      code: "SCHEDULE_IN_CODE",
    });
    await expect(asking.schedule("nightly").remove()).rejects.toMatchObject({ code: "SCHEDULE_IN_CODE" });
  });

  test("one whose job no worker has is shown as unserved, and one without a tick left as over", async () => {
    const { asking } = await applications();
    await asking.schedule("lonely").create("nobody", { every: "1h" });
    await asking.schedule("past").create(air, { every: "1h", end: new Date("2029-01-01") });
    expect((await asking.schedules()).map(({ name, state }) => [name, state])).toEqual([
      ["lonely", "unserved"],
      ["past", "over"],
    ]);
  });
});
