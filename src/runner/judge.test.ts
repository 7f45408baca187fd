import { manualClock } from "duckdive/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { judge, type Signs, silence } from "./judge.js";
import { watchedTime } from "./watched.js";

const run = { run: "run-1", job: "spin", token: 7, attempt: 1 };
const well: Signs = { isStarting: false, heardAt: 0, blocked: undefined };

test("an event loop that stood still past the limit is ended, and its run is to blame", () => {
  const signs = { ...well, heardAt: 9_000, blocked: { since: 0, run } };
  expect(judge(signs, 10_000, 10_000)).toEqual({ do: "nothing" });
  expect(judge(signs, 10_200, 10_000)).toEqual({
    do: "kill",
    cause: "its event loop stood still for 10s",
    culprits: ["run-1"],
  });
});

test("where the run is not known nobody is named", () => {
  const judged = judge({ ...well, heardAt: 9_000, blocked: { since: 0 } }, 10_001, 10_000);
  expect(judged.do).toBe("kill");
  expect(judged).not.toHaveProperty("culprits");
});

test("a silence is mentioned, and ended past the limit and its margin", () => {
  expect(judge(well, silence.warned, 10_000)).toEqual({ do: "nothing" });
  expect(judge(well, silence.warned + 1, 10_000)).toMatchObject({ do: "warn" });
  expect(judge(well, 15_000, 10_000)).toMatchObject({ do: "warn" });
  expect(judge(well, 15_001, 10_000)).toEqual({ do: "kill", cause: "nothing was heard of it for 15s" });
});

test("a start may be silent for a minute, and stand still while it loads", () => {
  const starting = { ...well, isStarting: true };
  expect(judge(starting, silence.starting, 10_000)).toEqual({ do: "nothing" });
  expect(judge({ ...starting, blocked: { since: 0, run } }, 30_000, 10_000)).toEqual({ do: "nothing" });
  expect(judge(starting, silence.starting + 1, 10_000).do).toBe("kill");
});

test("with a limit of 0 nothing is ever ended", () => {
  fc.assert(
    fc.property(fc.nat(), fc.boolean(), fc.boolean(), (now, isStarting, isBlocked) => {
      const signs = { ...well, isStarting, blocked: isBlocked ? { since: 0, run } : undefined };
      expect(judge(signs, now, 0).do).not.toBe("kill");
    }),
  );
});

test("the longer it lasts, the harsher the judgement", () => {
  const harshness = { nothing: 0, warn: 1, kill: 2 };
  fc.assert(
    fc.property(fc.nat(60_000), fc.nat(60_000), fc.boolean(), (now, more, isBlocked) => {
      const signs = { ...well, blocked: isBlocked ? { since: 0 } : undefined };
      const [sooner, later] = [judge(signs, now, 10_000), judge(signs, now + more, 10_000)];
      expect(harshness[later.do]).toBeGreaterThanOrEqual(harshness[sooner.do]);
    }),
  );
});

test("time that nobody watched does not count: who was stopped itself takes nobody's silence for longer", async () => {
  const clock = manualClock(0);
  const watched = watchedTime(clock, 500);
  for (let look = 0; look < 4; look += 1) {
    await clock.advance(250);
    watched.look();
  }
  expect(watched.now()).toBe(1_000);
  await clock.advance(3_600_000);
  expect(watched.now()).toBe(1_500);
  watched.look();
  expect(judge(well, watched.now(), 10_000)).toEqual({ do: "nothing" });
});

test("watched time never runs back, and never ahead of the clock", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { maxLength: 30 }), (steps) => {
      let now = 0;
      let forward = 0;
      let last = 0;
      const watched = watchedTime({ now: () => now }, 500);
      for (const step of steps) {
        now += step;
        forward += Math.max(0, step);
        expect(watched.now()).toBeGreaterThanOrEqual(last);
        watched.look();
        last = watched.now();
        expect(last).toBeLessThanOrEqual(forward);
      }
    }),
  );
});
