// Schedules from the command line: those that exported files have, and what can be done with one.
// cspell:ignore previev nightli
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ScheduleState } from "../../src/queue/index.js";
import type { Folder, Started } from "./duckdive.js";
import { onEachStore } from "./stores.js";

const jobs = `
import { job, schedule } from "duckdive";
export const report = job({ name: "report", handle: () => "done" });
export const nightly = schedule("nightly", report, { cron: "30 2 * * *", timeZone: "Europe/Lisbon" });
export const often = schedule("often", report, { every: "1h", input: () => undefined });
`;

onEachStore((kind) => {
  let here: Folder;
  let working: Started;

  beforeAll(async () => {
    here = kind.folder();
    here.write("jobs.ts", jobs);
    expect((await here.run(["migrate"])).code).toBe(0);
    expect((await here.run(["schedules"])).stdout).toContain("No schedule yet");
    working = here.start(["work", "jobs.ts", "--processes", "0"]);
    await working.said(/worker .* on /);
  });
  afterAll(async () => {
    working.child.kill("SIGKILL");
    await working.ended;
    await here.remove();
  });

  const state = async (name: string) =>
    (await here.json<ScheduleState[]>(["schedules"])).find((one) => one.name === name);

  test("the list says what ticks when, and who is there for it", async () => {
    const { stdout } = await here.run(["schedules"]);
    expect(stdout).toMatch(/^schedule +ticks +next +last +outcome +workers +from +job$/m);
    expect(stdout).toMatch(/^nightly +30 2 \* \* \* Europe\/Lisbon +in .* +1 +code +report$/m);
    expect(stdout).toMatch(/^often +every 1h +in .* +1 +code +report$/m);
    expect(await state("nightly")).toMatchObject({ state: "active", missed: "once", workers: 1 });
  });

  test("the next ticks are previewed", async () => {
    const { stdout } = await here.run(["schedules", "preview", "nightly", "--limit", "3"]);
    const lines = stdout.trim().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT.*Z {2}.* \d\d:\d\d:00 Europe\/Lisbon$/);
    expect(await here.json<string[]>(["schedules", "preview", "often"])).toHaveLength(10);
  });

  test("one is paused and resumed", async () => {
    expect((await here.run(["schedules", "pause", "nightly"])).stdout).toContain("schedule nightly paused");
    expect((await state("nightly"))?.state).toBe("paused");
    expect((await here.run(["schedules", "pause", "nightly"])).stdout).toContain("was paused before");
    expect((await here.run(["schedules", "resume", "nightly"])).stdout).toMatch(/resumed; next: in /);
    expect((await state("nightly"))?.state).toBe("active");
  });

  test("one is triggered, and its run is in the history", async () => {
    const { stdout } = await here.run(["schedules", "trigger", "nightly"]);
    const history = await here.run(["schedules", "history", "nightly"]);
    expect(history.stdout).toMatch(new RegExp(`triggered +${stdout.trim()}`));
  });

  describe("what cannot be", () => {
    test.each([
      [["previev", "nightly"], 2, 'Did you mean "preview"?'],
      [["pause"], 2, "Which one?"],
      [["pause", "nightli"], 1, 'Did you mean "nightly"?'],
      [["pause", "nightly", "--limit", "3"], 2, "--limit is for preview and history"],
      [["trigger", "often"], 1, "computed by code"],
      [["remove", "nightly"], 1, "is in the code of workers"],
    ])("%j says what to do", async (args, code, text) => {
      const ended = await here.run(["schedules", ...args]);
      expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(text)]);
    });
  });
});
